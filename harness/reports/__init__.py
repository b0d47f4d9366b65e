"""Reports: results as people read them; they read run directories, never live objects."""

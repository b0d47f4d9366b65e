"""A fleet whose peers fetch by a command of somebody's own: `peer` runs it, and verifies what it has brought."""

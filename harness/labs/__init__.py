"""Labs: where hosts live, and what their links are worth."""

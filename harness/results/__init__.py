"""Results: the run directory, the records in it, and the environment they were measured in."""

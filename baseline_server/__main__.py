"""The `baseline-server` command."""

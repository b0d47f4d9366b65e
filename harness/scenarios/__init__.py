"""Scenarios: what is delivered, over which links, to whom and when."""

"""Metrics: what processes use while they transfer."""

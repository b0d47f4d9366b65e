"""Observing: Prometheus and Grafana beside the runs, which tell them where they are; no run needs either."""

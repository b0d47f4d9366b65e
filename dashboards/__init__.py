"""Dashboards: what Grafana shows of runs, built here and committed as JSON beside what Prometheus and both need."""

"""The least that a directory like `dashboards/` has in it, for tests of who uses it and not of what is in it."""

from __future__ import annotations

from pathlib import Path

PROMETHEUS = """\
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: swarmbench
    file_sd_configs:
      - files: [targets/*.json]
"""

PAGE = '{"uid": "the-front-page", "title": "Comparison"}'


def dashboard_source(directory: Path) -> Path:
    """Such a directory, made."""
    files = {
        "prometheus/prometheus.yml": PROMETHEUS,
        "grafana/comparison.json": PAGE,
        "provisioning/datasources/prometheus.yaml": "apiVersion: 1\n",
        "provisioning/dashboards/swarmbench.yaml": "apiVersion: 1\n",
        "compose.yaml": "services: {}\n",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory

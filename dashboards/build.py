"""Build the dashboards: `python -m dashboards.build` writes `dashboards/grafana` anew, which is committed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import comparison, discovery, machines, server, swarm
from dashboards.frame import Page

PAGES = (comparison.PAGE, swarm.PAGE, discovery.PAGE, server.PAGE, machines.PAGE)
"""The front page first."""

DIRECTORY = Path(__file__).parent / "grafana"


def build() -> Mapping[str, str]:
    """The dashboards in Grafana's JSON, by name of file; the same code makes the same bytes."""
    return {f"{page.name}.json": _text(page) for page in PAGES}


def main() -> None:
    """Write them, and remove what is none of them any more."""
    built = build()
    for path in DIRECTORY.glob("*.json"):
        if path.name not in built:
            path.unlink()
    for name, text in built.items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


def _text(page: Page) -> str:
    model = json.loads(json.dumps(page.build(), cls=JSONEncoder))
    for control in (*model["links"], *model["annotations"]["list"]):
        del control["placement"]  # the SDK knows but one, a menu, in which nobody would look for them
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()

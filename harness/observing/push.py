"""Pushing: folder and dashboards put into a Grafana that exists, and nothing changed where nothing differs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.errors import SwarmbenchError, UsageError
from harness.observing.grafana import FORBIDDEN, Folder, Grafana, GrafanaError, Model, Stored

DATASOURCE = "prometheus"


def read_dashboards(source: Path) -> list[Model]:
    """The models below a directory `dashboards`, by file name; raises UsageError."""
    paths = sorted((source / "grafana").glob("*.json"))
    if not paths:
        raise UsageError(
            f"{source / 'grafana'}: holds no dashboards; run this in a checkout of swarmbench, "
            "or name its directory dashboards with --from"
        )
    return [_read(path) for path in paths]


def push(grafana: Grafana, models: list[Model], title: str, *, dry_run: bool, tell: Callable[[str], None]) -> None:
    """Bring folder and dashboards up to date and tell what changed; raises SwarmbenchError, and what was done stays."""
    would = "would be " if dry_run else ""
    tell(f"datasource {DATASOURCE}: {_check_datasource(grafana)}")
    folder = grafana.folder(title)
    if folder is not None:
        tell(f"folder {title}: there")
    else:
        folder = None if dry_run else grafana.create_folder(title)
        tell(f"folder {title}: {would}created")
    for model in models:
        stored = grafana.dashboard(model["uid"])
        change = _difference(stored, model, folder)
        if change and folder is not None and not dry_run:
            grafana.save_dashboard(_substance(model), folder, stored.version if stored else None)
        tell(f"dashboard {model['title']}: {f'{would}{change}' if change else 'unchanged'}")


def _check_datasource(grafana: Grafana) -> str:
    """Whether dashboards will find one; raises SwarmbenchError if there is none."""
    try:
        types = grafana.datasource_types()
    except GrafanaError as error:
        if error.status == FORBIDDEN:  # an editor may write dashboards, but not look at datasources
            return "not checked, as the token may not list datasources (403)"
        raise
    if DATASOURCE not in types:
        raise SwarmbenchError(
            f"{grafana.url}: has no datasource of the type {DATASOURCE}; add one under Connections, then push again"
        )
    return "there"


def _difference(stored: Stored | None, model: Model, folder: Folder | None) -> str | None:
    """What has to be done about a dashboard."""
    if stored is None:
        return "created"
    if _substance(stored.model) != _substance(model):
        return f"updated (from version {stored.version})"
    if folder is None or stored.folder != folder.uid:
        return "moved into the folder"
    return None


def _substance(model: Model) -> Model:
    """A dashboard without what Grafana counts itself."""
    return {key: value for key, value in model.items() if key not in ("id", "version")}


def _read(path: Path) -> Model:
    try:
        model = msgspec.json.decode(path.read_bytes(), type=dict)
    except OSError as error:
        raise SwarmbenchError(f"{path}: cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not a dashboard ({error})") from error
    if not all(isinstance(model.get(key), str) and model[key] for key in ("uid", "title")):
        raise UsageError(f"{path}: is not a dashboard: it has no uid or no title")
    return model

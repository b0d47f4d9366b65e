"""Grafana over its HTTP API: what we need of grafana-api, with types, and with one line for whatever goes wrong.

grafana-api is imported when somebody asks for a Grafana, as it need not be installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness.errors import SwarmbenchError
from harness.observing.access import Access

TIMEOUT_S = 10.0

Model = dict[str, Any]
"""A dashboard, as its JSON has it."""

MISSING = 404
FORBIDDEN = 403

_MEANINGS = {
    401: "it does not accept the token (401); make a new one there",
    403: "the token may not do that (403); give its service account the role Editor or Admin",
    404: "there is no such thing (404); is that the URL of a Grafana, with its path?",
    412: "somebody else has changed it meanwhile, or uses its name (412); look at it there, then try again",
}


class GrafanaError(SwarmbenchError):
    """What Grafana refused, or why it could not be asked; `status` is its HTTP status, if it answered with an error."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Folder:
    """A place for dashboards."""

    uid: str
    title: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A dashboard as Grafana has it."""

    model: Model
    version: int
    folder: str
    """The folder's uid; empty at the top."""


class Grafana:
    """A Grafana; every method raises GrafanaError."""

    def __init__(self, access: Access, timeout_s: float = TIMEOUT_S) -> None:
        try:
            from grafana_api.grafana_face import GrafanaFace
        except ImportError as error:
            raise SwarmbenchError(
                f"grafana-api is missing ({error}); install it with: pip install 'swarmbench[grafana]'"
            ) from error
        self.url = access.url
        self._timeout_s = timeout_s
        parts = urlsplit(access.url)
        self._face = GrafanaFace(
            auth=access.right,
            host=parts.netloc,
            url_path_prefix=f"{path}/" if (path := parts.path.strip("/")) else "",
            protocol=parts.scheme,
            timeout=timeout_s,
        )
        self._face.api.s.max_redirects = 0  # the token is meant for this server, and what is posted would become a GET

    def folder(self, title: str) -> Folder | None:
        """The folder of this title, or None."""
        with self._asking("folders"):
            found = self._face.folder.get_all_folders()
            return next((Folder(each["uid"], title) for each in found if each["title"] == title), None)

    def create_folder(self, title: str) -> Folder:
        """A new folder."""
        with self._asking(f"folder {title}"):
            return Folder(self._face.folder.create_folder(title)["uid"], title)

    def datasource_types(self) -> list[str]:
        """The kinds of the datasources there are, such as `prometheus`."""
        with self._asking("datasources"):
            return [each["type"] for each in self._face.datasource.list_datasources()]

    def dashboard(self, uid: str) -> Stored | None:
        """The dashboard of this uid, or None."""
        try:
            with self._asking(f"dashboard {uid}"):
                answer = self._face.dashboard.get_dashboard(uid)
                model = answer["dashboard"]
                return Stored(model, model["version"], answer["meta"].get("folderUid", ""))
        except GrafanaError as error:
            if error.status == MISSING:
                return None
            raise

    def save_dashboard(self, model: Model, folder: Folder, version: int | None) -> None:
        """Put a dashboard in a folder, in place of `version` of it if there is one, which must still be the last."""
        body = {
            # Grafana numbers dashboards itself: ours is found by its uid.
            "dashboard": {**model, "id": None, **({"version": version} if version is not None else {})},
            "folderUid": folder.uid,
            "message": "swarmbench dashboards push",
            "overwrite": False,
        }
        with self._asking(f"dashboard {model['title']}"):
            self._face.dashboard.update_dashboard(body)

    def annotate(self, text: str, tags: Sequence[str], start_ms: int, end_ms: int) -> None:
        """Mark a stretch of time on every dashboard that shows these tags."""
        with self._asking("annotation"):
            self._face.annotations.add_annotation(time_from=start_ms, time_to=end_ms, tags=list(tags), text=text)

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Maps what grafana-api and requests raise."""
        from grafana_api.grafana_api import GrafanaException
        from requests import exceptions

        where = f"{self.url}: {what}"
        try:
            yield
        except GrafanaException as error:
            raise GrafanaError(f"{where}: {_meaning(error)}", error.status_code) from None
        except exceptions.SSLError as error:
            raise GrafanaError(f"{where}: its certificate is not trusted ({_innermost(error)})") from None
        except exceptions.Timeout:
            raise GrafanaError(f"{where}: no answer within {self._timeout_s:g} s; is it up, and reachable?") from None
        except exceptions.TooManyRedirects:
            raise GrafanaError(f"{where}: it sends us elsewhere; give the URL where one ends up in a browser") from None
        except (ValueError, TypeError, LookupError, AttributeError):
            # grafana-api takes every error's body for an object with a message, and we every answer for Grafana's.
            raise GrafanaError(f"{where}: its answer is not Grafana's; is that its URL, with its path?") from None
        except exceptions.RequestException as error:
            raise GrafanaError(f"{where}: cannot be reached ({_innermost(error)}); is it up?") from None


def _meaning(error: Any) -> str:
    status: int = error.status_code
    if status in _MEANINGS:
        return _MEANINGS[status]
    response = error.response
    said = response.get("message", "") if isinstance(response, Mapping) else ""
    whose = "it failed itself; see its log" if status >= 500 else "it refuses"
    return f"{whose} ({status}{f': {said}' if said else ''})"


def _innermost(error: BaseException) -> str:
    """What the operating system said, out of the exceptions that wrap it."""
    seen: BaseException = error
    while (deeper := seen.__cause__ or seen.__context__) is not None:
        seen = deeper
    return (seen.strerror if isinstance(seen, OSError) else None) or str(seen)

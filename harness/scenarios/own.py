"""Contenders that a person brings along: the commands of a server and of a client, with names for what a step decides.

A template is split into words before its names are filled in, and no shell sees it: a path with a blank stays one word.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from string import Formatter

from harness.scenarios.model import OwnContender

SERVE = ("address", "port", "file", "directory", "name")
FETCH = ("url", "out", "address", "server", "port", "name")
URL = ("server", "port", "name")
DEFAULT_URL = "http://{server}:{port}/{name}"
DEFAULT_PORT = 8000


def own_contender(name: str, table: object) -> OwnContender:
    """The contender of a table `[contender.NAME]`; raises ValueError with a sentence for a person."""
    if not isinstance(table, dict) or not {"serve", "fetch"} <= table.keys() <= {*OwnContender.__slots__} - {"name"}:
        raise ValueError(f"{name} is a table with serve and fetch, and perhaps url, port and install")
    port = table.get("port", DEFAULT_PORT)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise ValueError(f"{name}.port: {port!r} is not a whole number from 1 to 65535")
    texts = {"url": DEFAULT_URL, "install": "", **table, "port": port}
    if wrong := [key for key, text in texts.items() if key != "port" and not isinstance(text, str)]:
        raise ValueError(f"{name}.{wrong[0]}: {texts[wrong[0]]!r} is not a text")
    for key, known in (("serve", SERVE), ("fetch", FETCH), ("url", URL)):
        _check_template(f"{name}.{key}", texts[key], known)
    if "out" not in _names(texts["fetch"]):
        raise ValueError(f"{name}.fetch: without {{out}} nobody knows where the file is to be")
    return OwnContender(name, texts["serve"], texts["fetch"], texts["url"], port, texts["install"])


def _check_template(where: str, template: str, known: Iterable[str]) -> None:
    try:
        words, names = shlex.split(template), set(_names(template))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not words:
        raise ValueError(f"{where}: is empty")
    if wrong := names - set(known):
        listed = ", ".join(f"{{{name}}}" for name in known)
        raise ValueError(f"{where}: unknown {{{min(wrong)}}}; known: {listed}; write {{{{ for a brace")


def _names(template: str) -> Iterable[str]:
    for _, name, form, conversion in Formatter().parse(template):
        if name is not None:
            yield name + (f":{form}" if form else "") + (f"!{conversion}" if conversion else "")


def filled(template: str, values: Mapping[str, object]) -> list[str]:
    """A command's words, with the values in place of their names."""
    return [word.format_map(values) for word in shlex.split(template)]

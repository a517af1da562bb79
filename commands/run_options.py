"""From the options of `durazzo run` to those of a run, checked before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo.errors import InputInvalid
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Mapping


def collect_options(
    servers: Mapping[str, Mapping[str, str]],
    server: str | None,
    poll_interval: float | None,
    deadline: float | None,
) -> dict[str, Any]:
    """Return the run options. `servers` are the named choices of the workflow, by source.

    Raises InputInvalid when there is no such server.
    """
    options: dict[str, Any] = {}
    polling: dict[str, float] = {}
    if poll_interval is not None:
        polling.update(first=poll_interval, factor=1.0, longest=poll_interval)
    if deadline is not None:
        polling["deadline"] = deadline
    if polling:
        options["polling"] = polling
    if server:
        options["server"] = _chosen(servers, server)
    return options


def _chosen(servers: Mapping[str, Mapping[str, str]], text: str) -> str | dict[str, str]:
    """A server is chosen by its name, for all sources or as SOURCE=NAME for one."""
    source, equals, name = text.partition("=")
    if not equals:
        for one, choices in servers.items():
            _expect(one, choices, text)
        return text
    if source not in servers:
        raise InputInvalid(
            f"there is no source `{source}`; {closest(source, list(servers))}",
            reason="unknown-source",
        )
    _expect(source, servers[source], name)
    return {source: name}


def _expect(source: str, choices: Mapping[str, str], name: str) -> None:
    if name not in choices:
        raise InputInvalid(
            f"the source `{source}` has no server `{name}`; {closest(name, list(choices))}. A "
            f"server's URL is the worker's to know: `durazzo worker --server {source}=URL`",
            reason="unknown-server",
        )

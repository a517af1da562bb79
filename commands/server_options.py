"""`--server SOURCE=URL`: base URLs by source, checked against the documents that use them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from arazzo.errors import InputInvalid
from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from catalogue import Entry


def server_options(given: Sequence[str], entries: Iterable[Entry]) -> dict[str, str]:
    """Return the base URLs by source.

    Raises InputInvalid for what is no SOURCE=URL, for a source that no workflow has, and for one
    by which documents mean different descriptions: a credential of one service would be sent to
    the other.
    """
    servers = dict(map(_pair, given))
    workflows = list(entries)
    files = _files_of(workflows)
    is_whole = all(one.compiled.plan for one in workflows) and workflows
    for source in servers:
        if source not in files and is_whole:
            raise InputInvalid(
                f"`--server {source}=…`: no workflow calls a source of that name; "
                f"{closest(source, sorted(files))}",
                reason="server-option",
            )
        if len(files[source]) > 1:
            raise InputInvalid(
                f"`--server {source}=…`: by `{source}` these documents mean different "
                f"descriptions ({', '.join(sorted(files[source]))}), and one URL can't serve them; "
                "name servers in the settings.yaml of each folder, or run a worker for each",
                reason="server-option",
            )
    return servers


def _pair(text: str) -> tuple[str, str]:
    source, _, url = text.partition("=")
    if not source or not url.startswith(("http://", "https://")):
        raise InputInvalid(
            f"`--server {text}`: expected SOURCE=URL with an http or https URL",
            reason="server-option",
        )
    return source, url


def _files_of(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """Return the descriptions that workflows call, by the names of their sources."""
    files: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        compiled = entry.compiled
        for source in compiled.servers:
            files[source].update()
        for step in compiled.plan.steps if compiled.plan else ():
            found = compiled.operations.get(step.step_id)
            if step.attempt.call and found:
                files[step.attempt.call.source].add(found.description.source.file)
    return files

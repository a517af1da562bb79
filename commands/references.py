"""References to the blob store as people read them: what lies there, and how it is fetched."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from arazzo.blobs import Blob, blob_of, is_blob
from arazzo.errors import InputInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator


def told(blob: Blob) -> str:
    """Return what lies there: a file or a value, its media type, and its size."""
    kind = "a large value" if blob.is_value else f"a file, {blob.content_type}"
    return f"{kind}, {decimal(blob.size)}"


def shown(value: Any) -> Any:
    """Return a JSON value in which references are told in words."""
    blob = _reference(value)
    if blob is not None:
        return f"<{told(blob)}>"
    if isinstance(value, dict):
        return {name: shown(child) for name, child in value.items()}
    return [shown(child) for child in value] if isinstance(value, list) else value


def hints(workflow_id: str, outputs: Any) -> Iterator[str]:
    """Yield a line for each reference in the outputs of a run: what it is, and how to get it."""
    for name, value in outputs.items() if isinstance(outputs, dict) else ():
        for place, blob in _places(str(name), value, at="#"):
            command = f"durazzo get {shlex.quote(workflow_id)} {shlex.quote(place)} -o FILE"
            yield f"{place}: {told(blob)}; `{command}` gets it"


def _places(place: str, value: Any, *, at: str = "") -> Iterator[tuple[str, Blob]]:
    """Yield references with their places as `durazzo get` takes them."""
    blob = _reference(value)
    if blob is not None:
        yield place, blob
        return
    listed = enumerate(value) if isinstance(value, list) else ()
    for key, child in value.items() if isinstance(value, dict) else listed:
        token = str(key).replace("~", "~0").replace("/", "~1")
        yield from _places(f"{place}{at}/{token}", child)


def _reference(value: Any) -> Blob | None:
    try:
        return blob_of(value) if is_blob(value) else None
    except InputInvalid:  # an object that only looks like one is shown as it is
        return None

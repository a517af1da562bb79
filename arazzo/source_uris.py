"""Where a source description is, seen from the document's own URI (Arazzo 1.1.0, 5.5.4).

«If the `$self` field is present and is an absolute URI, the base URI is the `$self` URI»; a
relative one «MUST first be resolved against» the URI by which the document was found. Nothing is
fetched: files lie to each other as their URIs do, or are found as in documents of 1.0.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELF: Final = re.compile(
    r"""^(?:\s*\{)?\s*["']?\$self["']?\s*:\s*["']?([^"'\s,#]+)""", re.MULTILINE
)

FILE_URL: Final = "file://"
MOST_FOLDERS_UP: Final = 6


def self_uri_of(text: str) -> str | None:
    """Return the `$self` of a document, from its text alone."""
    found = _SELF.search(text)
    return found[1] if found else None


def resolved(self_uri: str | None, url: str, file_uri: str) -> str:
    """Return the URI that a source's `url` means in a document that was found at `file_uri`."""
    return urljoin(_base(self_uri, file_uri), url)


def ways(url: str, self_uri: str | None, file_uri: str) -> Iterator[str]:
    """Yield where a source may lie, from the document's folder: by `$self`, then as in 1.0.

    That is its own folder, then those above it, for many write paths from a repository; what has
    a host is looked for by its name.
    """
    by_self = beside(self_uri, url, file_uri)
    if by_self is not None:
        yield by_self
    absolute = unquote(url.removeprefix(FILE_URL))
    if absolute.startswith("/"):
        yield absolute
    if "://" in url:
        name = url.rsplit("/", 1)[-1]
        yield from (name, f"openapi/{name}")
    else:
        yield from ("../" * up + url.lstrip("/") for up in range(MOST_FOLDERS_UP + 1))


def beside(self_uri: str | None, url: str, file_uri: str) -> str | None:
    """Return the path to the source, from the document's folder or absolute; None without `$self`.

    None as well where the two URIs have no host in common, so that nothing tells where it lies.
    """
    base, target = urlsplit(_base(self_uri, file_uri)), urlsplit(resolved(self_uri, url, file_uri))
    if self_uri is None or (base.scheme, base.netloc) != (target.scheme, target.netloc):
        return None
    if target.scheme == "file":
        return unquote(target.path)
    return unquote(posixpath.relpath(target.path, posixpath.dirname(base.path) or "/"))


def _base(self_uri: str | None, file_uri: str) -> str:
    return urljoin(file_uri, self_uri or "")

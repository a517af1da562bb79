"""`durazzo check --fix`: the mends that are certain, written into the files and told line by line.

What is told goes to standard error, so that the findings stay alone on standard output.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from arazzo.errors import InputInvalid
from arazzo.mending import mended

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from arazzo.mending import Mended


def write_mends(files: Iterable[Path]) -> None:
    """Mend each file once, and tell what was changed.

    A file that can't be read is left to the check, which says why. Raises InputInvalid where one
    can't be written.
    """
    count = 0
    for file in dict.fromkeys(one.resolve() for one in files):
        done = _mended(file)
        if done is not None and done.mends:
            _write(file, done.text)
            _tell(file, done)
            count += len(done.mends)
    sys.stderr.write(f"mended: {count} {'place' if count == 1 else 'places'}\n")


def _mended(file: Path) -> Mended | None:
    try:
        return mended(file.read_bytes().decode("utf-8"), str(file))
    except (UnicodeDecodeError, OSError):
        return None


def _write(file: Path, text: str) -> None:
    try:
        file.write_bytes(text.encode("utf-8"))
    except OSError as error:
        message = f"`{file}` can't be written: {error.strerror}"
        raise InputInvalid(message, reason="not-writable") from error


def _tell(file: Path, done: Mended) -> None:
    for one in done.mends:
        sys.stderr.write(f"{file}:{one.line}\n  - {one.old}\n  + {one.new}\n")

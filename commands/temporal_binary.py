"""Finds the `temporal` binary, or gets it (DESIGN.md, section 5; docs/decisions/0001).

The order: `temporal` on PATH, our cache, the SDK's own download, `go install` into our cache.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from temporalio.testing import WorkflowEnvironment

from arazzo.errors import OtherPartyError
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = "1.5.1"
MODULE: Final = f"github.com/temporalio/cli/cmd/temporal@v{VERSION}"
SECONDS_TO_DOWNLOAD: Final = 120.0
SECONDS_TO_BUILD: Final = 1800.0


class NoTemporalBinary(OtherPartyError):
    """None of the ways to a `temporal` binary worked; the message names each with its reason."""


def find_binary(tell: Callable[[str], None] | None = None) -> Path:
    """Return the path of a `temporal` binary, which is downloaded or built when there is none.

    `tell` is given a line for each thing that takes time; standard error without one.
    Raises NoTemporalBinary.
    """
    on_path = shutil.which("temporal")
    if on_path:
        return Path(on_path)
    cached = cached_binary()
    if cached.is_file():
        return cached
    return _get(cached, tell or _tell)


def cached_binary() -> Path:
    """Return where our own binary of this version stands, whether or not it is there."""
    return load_settings().cache_folder / "temporal" / VERSION / "temporal"


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _get(cached: Path, tell: Callable[[str], None]) -> Path:
    failures = []
    for name, way in (("the SDK's download", _download), ("go install", _build)):
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
            found = way(Path(folder), tell)
            if isinstance(found, Path):
                found.replace(cached)  # at once, so that nobody sees half a file
                return cached
            failures.append(f"  {name}: {found}")
    ways = "\n".join(["  on PATH: none", f"  cache: no {cached}", *failures])
    raise NoTemporalBinary(
        f"no `temporal` binary could be found or made:\n{ways}\nInstall the Temporal CLI and put "
        "it on PATH, or name a running server with --address",
        reason="no-binary",
    )


def _download(folder: Path, tell: Callable[[str], None]) -> Path | str:
    tell(f"getting the Temporal server {VERSION} by the SDK's download …")
    try:
        asyncio.run(asyncio.wait_for(_download_by_start(folder), SECONDS_TO_DOWNLOAD))
    except TimeoutError:
        return f"not done in {SECONDS_TO_DOWNLOAD:g} s"
    except RuntimeError as error:
        return (str(error).splitlines() or ["failed"])[0][:200]
    found = [one for one in folder.rglob("*") if one.is_file() and os.access(one, os.X_OK)]
    return found[0] if found else "it left no binary"


async def _download_by_start(folder: Path) -> None:
    """The SDK downloads only on the way to starting a server, so one is started and ended."""
    environment = await WorkflowEnvironment.start_local(
        download_dest_dir=str(folder), dev_server_download_version=f"v{VERSION}"
    )
    await environment.shutdown()


def _build(folder: Path, tell: Callable[[str], None]) -> Path | str:
    go = shutil.which("go")
    if go is None:
        return "there is no `go` on PATH"
    tell(f"building the Temporal server with `go install {MODULE}`; this takes a few minutes, once")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [go, "install", "-ldflags", "-s -w", MODULE],
            env={**os.environ, "CGO_ENABLED": "0", "GOBIN": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_BUILD,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done in {SECONDS_TO_BUILD:g} s"
    if done.returncode != 0:
        return f"`go install` ended with {done.returncode}: {done.stderr.strip()[-400:]}"
    return folder / "temporal"


if __name__ == "__main__":
    _tell(f"Temporal server: {find_binary()}")

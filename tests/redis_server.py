"""A real Redis for tests: from the PATH, or the one that a package of the tests carries."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("valkey-server", "redis-server")


def find_redis() -> str:
    """Return the program of a server; the test skips where there is none."""
    beside = str(Path(sys.executable).parent)
    found = [shutil.which(name, path=path) for path in (None, beside) for name in NAMES]
    for one in found:
        if one:
            return one
    pytest.skip("there is no Redis or Valkey server: install the package redis-server")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis_at(port: int, *options: str) -> Iterator[str]:
    """Run a server that keeps nothing on disk, and give its URL."""
    arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    process = subprocess.Popen([find_redis(), *arguments], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    latest = time.monotonic() + 20
    while time.monotonic() < latest:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError("the Redis server did not come in 20 s")

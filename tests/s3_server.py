"""S3 on this machine: moto's server as a process of its own, with one bucket."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from redis_server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "blobs"
SECONDS_TO_START = 60.0


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server with an empty bucket; gives its endpoint."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        _make_bucket(endpoint)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def _make_bucket(endpoint: str) -> None:
    latest = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            httpx.put(f"{endpoint}/{BUCKET}").raise_for_status()
        except httpx.TransportError:
            assert time.monotonic() < latest, "the S3 server did not start"
            time.sleep(0.1)
        else:
            return


def environment(endpoint: str) -> dict[str, str]:
    """Return the variables by which a worker finds it."""
    return {
        "DURAZZO_BLOB_STORE": f"s3://{BUCKET}/durazzo",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }

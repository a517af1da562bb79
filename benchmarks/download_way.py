"""The bare ways of `benchmarks.download`: half of what a download does, and nothing else.

    python benchmarks/download_way.py httpx URL FILE
    python benchmarks/download_way.py obstore URL MEGABYTES

The first fetches to a file, and prints its SHA-256, the seconds until all was written, and those
until it was surely on the disk, as a download of Durazzo's is. The second sends to a blob store
what it has in memory, and prints the seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from pathlib import Path

import httpx
import obstore

MEGABYTE = 1024 * 1024


async def fetched(url: str, file: Path) -> tuple[str, float, float]:
    """Fetch the file; gives its digest as hex, and both times."""
    digest, began = hashlib.sha256(), time.perf_counter()
    with file.open("wb") as target:
        async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
            response.raise_for_status()
            async for data in response.aiter_raw():
                target.write(data)
                digest.update(data)
        target.flush()
        written = time.perf_counter() - began
        os.fsync(target.fileno())
    return digest.hexdigest(), written, time.perf_counter() - began


async def sent(url: str, megabytes: int) -> float:
    """Send so much to a store in parts, as a download does; gives the seconds."""
    data, began = os.urandom(MEGABYTE), time.perf_counter()
    store = obstore.store.from_url(url)
    async with obstore.open_writer_async(
        store, "bare", buffer_size=8 * MEGABYTE, max_concurrency=2
    ) as writer:
        for _ in range(megabytes):
            await writer.write(data)
    return time.perf_counter() - began


def main() -> None:
    """Do it once."""
    way, url, last = sys.argv[1:]
    if way == "obstore":
        print(asyncio.run(sent(url, int(last))))
    else:
        print(*asyncio.run(fetched(url, Path(last))))


if __name__ == "__main__":
    main()

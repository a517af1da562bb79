"""One way to send the requests of `benchmarks.http`, as a process that waits to be told.

    python benchmarks/http_way.py try|bare FILE BASE_URL

A line of standard input starts one run; the answer is the seconds that a step took. It imports
nothing of `benchmarks`, so that it can measure another checkout: that of the working directory.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 20


def bare(_file: Path, base_url: str) -> Callable[[], None]:
    """Send the requests with httpx and nothing else, by one client for each run."""
    import httpx  # noqa: PLC0415 - each way imports what it needs, and no more

    certificates = httpx.create_ssl_context()

    async def run() -> None:
        async with httpx.AsyncClient(base_url=base_url, verify=certificates) as client:
            for _ in range(STEPS):
                (await client.get("/items")).raise_for_status().json()

    return lambda: asyncio.run(run())


def tried(file: Path, _base_url: str) -> Callable[[], None]:
    """Run the document, which is compiled once."""
    sys.path.insert(0, str(Path.cwd()))
    from catalogue import load_catalogue  # noqa: PLC0415 - that of the working directory
    from rehearsal import try_entry  # noqa: PLC0415 - the same

    entry = load_catalogue([file]).runnable("list-often")

    async def run() -> None:
        done = await try_entry(entry, {}, {}, waits=0)
        if done.status != "completed":
            sys.exit(str(done.error))

    return lambda: asyncio.run(run())


def main() -> None:
    """Run whenever a line comes."""
    way, file, base_url = sys.argv[1:]
    run = {"try": tried, "bare": bare}[way](Path(file), base_url)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        run()
        print((time.perf_counter() - began) / STEPS, flush=True)


if __name__ == "__main__":
    main()

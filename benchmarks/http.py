"""What a step of `durazzo try` costs beside bare httpx with the same requests, over loopback.

    python -m benchmarks.http [--before CHECKOUT] [--rounds N] [--seconds S]

Every way is a process of its own; in each round each has one turn. `--before` adds the `try` of
another checkout, such as a `git worktree` of an earlier revision. Rounds and time are bounded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.http_way import STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT: Final = Path(__file__).resolve().parent.parent
WAY: Final = Path(__file__).with_name("http_way.py")
ITEMS: Final = (3, 150, 4000)
"""How many objects of some 70 bytes an answer lists."""

DOCUMENT: Final = """
arazzo: 1.0.1
info: {title: Lists, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: list-often
    steps:
"""
STEP: Final = """
      - stepId: list{number}
        operationId: listItems
        successCriteria: [{{condition: $statusCode == 200}}]
        outputs: {{first: $response.body#/items/0/id}}
"""
API: Final = """
openapi: 3.0.3
info: {{title: Items, version: 1.0.0}}
servers: [{{url: '{base_url}'}}]
paths:
  /items: {{get: {{operationId: listItems, responses: {{'200': {{description: ok}}}}}}}}
"""


def answer(items: int) -> bytes:
    """Return a whole answer of HTTP with so many objects."""
    listed = [{"id": f"item-{n}", "name": f"number {n}", "size": n} for n in range(items)]
    body = json.dumps({"items": listed}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def serving(whole: bytes) -> Iterator[str]:
    """Answer every request at once with the same bytes; gives the base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(whole)
                await writer.drain()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    starting = asyncio.start_server(serve, "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(stopped(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def stopped(server: asyncio.Server) -> None:
    """Take no more connections, and let those that are open end."""
    server.close()
    serving_tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for one in serving_tasks:
        one.cancel()
    await asyncio.gather(*serving_tasks, return_exceptions=True)


@contextmanager
def process(way: str, checkout: Path, file: Path, base_url: str) -> Iterator[subprocess.Popen[str]]:
    """Start a way and wait until it is warm."""
    # -P: the folder of this script holds an `http.py`, which is not the standard library's.
    command = [sys.executable, "-P", str(WAY), way, str(file), base_url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=checkout, stdin=pipe, stdout=pipe, text=True) as started:
        try:
            if started.stdout is None or started.stdout.readline() != "ready\n":
                sys.exit(f"{way} of {checkout} can't run the document")
            yield started
        finally:
            started.terminate()


def turn(one: subprocess.Popen[str]) -> float:
    """Let a way run once; gives the seconds of a step."""
    if one.stdin is None or one.stdout is None:
        sys.exit("a way has no pipes")
    one.stdin.write("go\n")
    one.stdin.flush()
    return float(one.stdout.readline())


def measured(checkouts: dict[str, Path], items: int, rounds: int, seconds: float) -> None:
    """Let all ways take turns, and print what a step of each takes."""
    whole = answer(items)
    with ExitStack() as stack:
        base_url = stack.enter_context(serving(whole))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = written(folder, base_url)
        ways = {
            name: stack.enter_context(process(name.split()[0], checkout, file, base_url))
            for name, checkout in checkouts.items()
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        ends = time.monotonic() + seconds
        for _ in range(rounds):
            for name, one in ways.items():
                times[name].append(turn(one))
            if time.monotonic() > ends:
                break
    base = statistics.median(times["bare httpx"])
    for name, found in times.items():
        middle = statistics.median(found)
        print(
            f"{len(whole) / 1024:6.1f} KB  {name:<12} {1000 * middle:6.2f} ms a step "
            f"({len(found)} runs), {middle / base:.2f} times bare httpx"
        )


def written(folder: Path, base_url: str) -> Path:
    """Write a document of many steps, and its description."""
    (folder / "api.yaml").write_text(API.format(base_url=base_url), encoding="utf-8")
    file = folder / "lists.arazzo.yaml"
    steps = "".join(STEP.format(number=number) for number in range(STEPS))
    file.write_text(DOCUMENT + steps, encoding="utf-8")
    return file


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http")
    parser.add_argument("--before", type=Path, help="checkout of an earlier revision")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each size of answer")
    given = parser.parse_args()
    checkouts = {"bare httpx": CHECKOUT, "try": CHECKOUT}
    if given.before:
        checkouts["try before"] = given.before.resolve()
    print(f"{os.cpu_count()} cores; {STEPS} steps a run")
    for items in ITEMS:
        measured(checkouts, items, given.rounds, given.seconds)


if __name__ == "__main__":
    main()

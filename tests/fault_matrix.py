"""Writes docs/faults.md: what each fault leads to, measured over real sockets.

.venv/bin/python tests/fault_matrix.py
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

# Before tests/, which has folders of the same names.
sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from fault_documents import Ended, run, write_documents  # noqa: E402
from fault_server import (  # noqa: E402
    REFUSED_TLS,
    SILENT,
    FaultServer,
    Reply,
    answer,
    bomb,
    closed_port,
    cut_gzip,
    cut_off,
    fault_server,
)

from arazzo.scope import Defaults  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
AT_ONCE: Final = 16
BODY: Final = {"id": 7, "text": "long enough to lack its end " * 20}
DEFAULTS: Final = Defaults(
    connect_timeout=2.0, total_timeout=10.0, transient_attempts=3, transient_first=1.0,
    transport_attempts=3, transport_first=2.0, largest_response=100_000,
)  # fmt: skip
HASTY: Final = replace(DEFAULTS, connect_timeout=0.4, total_timeout=0.8)
"""For faults that are noticed only when a time is over."""

REQUESTS: Final = ("GET", "PUT", "POST with key", "POST")
RETRY: Final = {"name": "again", "type": "retry", "retryAfter": 5, "retryLimit": 1}


@dataclass(frozen=True)
class Struck:
    """A fault for ever: the reply, whether time must pass, and a scheme that is not http.

    `answered` says that an answer came, after which the document's own retry is its decision;
    `allows` that the answer lets even a write be sent again by itself.
    """

    said: str
    reply: Reply | None
    defaults: Defaults = DEFAULTS
    scheme: str = "http"
    answered: bool = False
    allows: bool = False


FAULTS: Final = (
    Struck("nobody listens", None),
    Struck("no TLS spoken", REFUSED_TLS, scheme="https"),
    Struck("TLS never answered", SILENT, HASTY, "https"),
    Struck("reset while the request is sent", Reply(reads=4, then="reset")),
    Struck("closed without an answer", Reply()),
    Struck("reset without an answer", Reply(then="reset")),
    Struck("never answers", SILENT, HASTY),
    Struck("answers what is no HTTP", Reply(b"what is this?\r\n\r\n")),
    Struck("200, body cut off", cut_off(BODY)),
    Struck(
        "200, body stops", replace(answer(200, BODY, then="hold"), raw=cut_off(BODY).raw), HASTY
    ),
    Struck("200, gzip cut off", cut_gzip(BODY)),
    Struck("200, no JSON", answer(200, b"<html>"), answered=True),
    Struck("200, body too large", bomb(1_000_000)),
    Struck("307 to another path", answer(307, {}, {"Location": "/elsewhere"}), answered=True),
    Struck("400", answer(400, {}), answered=True),
    Struck(
        "429, Retry-After: 7", answer(429, {}, {"Retry-After": "7"}), answered=True, allows=True
    ),
    Struck("500", answer(500, {}), answered=True),
    Struck("502", answer(502, {}), answered=True),
    Struck("503", answer(503, {}), answered=True, allows=True),
)


@dataclass(frozen=True)
class Cell:
    """What one fault led to: requests seen in full and in part, and how the run ended."""

    struck: Struck
    request: str
    retries: bool
    whole: int
    partial: int
    ended: Ended

    @property
    def text(self) -> str:
        """Return the cell as the page shows it."""
        waits = ", ".join(f"{one:g}" for one in self.ended.waits) or "–"
        seen = f"{self.whole}" + (f" + {self.partial} in part" if self.partial else "")
        return f"{seen}; {waits}; `{self.ended.ending}`"


@asynccontextmanager
async def _struck(struck: Struck) -> AsyncIterator[tuple[FaultServer, str]]:
    async with fault_server(struck.reply or answer()) as server:
        port = server.port if struck.reply else closed_port()
        yield server, f"{struck.scheme}://127.0.0.1:{port}"


async def _cell(struck: Struck, request: str, *, retries: bool, folder: Path) -> Cell:
    key = {"operations": {"sendThing": {"idempotency": True}}} if "key" in request else {}
    step: dict[str, Any] = {"onFailure": [RETRY]} if retries else {}
    write_documents(folder, request.split(maxsplit=1)[0].lower(), key, **step)
    async with _struck(struck) as (server, url):
        ended = await run(folder, url, struck.defaults)
        return Cell(struck, request, retries, server.whole(), server.partial(), ended)


async def measured() -> list[Cell]:
    """Strike every request with every fault, a few at once."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, struck: Struck, request: str, *, retries: bool) -> Cell:
        async with room:
            folder = Path(scratch) / str(number)
            return await _cell(struck, request, retries=retries, folder=folder)

    wanted = [(f, r, again) for f in FAULTS for again in (False, True) for r in REQUESTS]
    with tempfile.TemporaryDirectory() as scratch:
        return await asyncio.gather(
            *(one(n, f, r, retries=again) for n, (f, r, again) in enumerate(wanted))
        )


INTRODUCTION: Final = (
    "# Faults\n\n"
    "What each fault leads to, when it strikes for ever.\n"
    "The page is written by `python tests/fault_matrix.py` from real runs against a server that "
    "misbehaves, and a test runs them again.\n\n"
    "Each cell tells the requests that arrived, the waits in seconds between tries, and how the "
    "run ended.\n"
    "*In part* counts requests of which only a part had been read.\n"
    "Settings: 3 tries of a lost request (waits of 2 and 4 s), 3 of a transient answer (1 and "
    "2 s).\n"
    "*With key* means that settings say that the service honours an idempotency key.\n"
    "A POST without one arrives twice only after an answer: one that says «not now» (429, 503), "
    "or any other where the document itself retries.\n"
)


def page(cells: list[Cell]) -> str:
    """Return the page."""
    parts = [INTRODUCTION]
    for retries in (False, True):
        title = "The document retries once, after 5 s" if retries else "The document has no retry"
        rows = [f"| fault | {' | '.join(REQUESTS)} |", "|---" * (len(REQUESTS) + 1) + "|"]
        for struck in FAULTS:
            row = [one.text for one in cells if one.struck is struck and one.retries is retries]
            rows.append(f"| {struck.said} | {' | '.join(row)} |")
        parts.append(f"## {title}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(page(asyncio.run(measured())), encoding="utf-8")

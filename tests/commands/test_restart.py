"""Whoever watches a run sees it through a restart of the Temporal server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from end_to_end.processes import Site
from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give an installation of its own, whose server may be killed."""
    made = Site(tmp_path)
    try:
        made.start_server()
        made.start_stand_in()
        made.start_worker()
        yield made
    finally:
        made.stop_all()


async def test_a_watched_run_outlives_the_server(site: Site) -> None:
    """The watcher waits as the run does, and prints its outputs; nothing of the library's log."""
    terminal = Terminal(site.folder, site.address)
    process = await terminal.start(
        *("run", "export-cohort-members", "-i", "cohortId=c0ffee1", "--id", "seen"),
        *("--secret", "basicAuth=amplitude_basic_auth", "--poll-interval", "1.5"),
    )
    assert process.stderr is not None
    while b"1 poll " not in await process.stderr.readline():
        assert process.returncode is None
    site.kill("server")
    await asyncio.sleep(1)
    await asyncio.to_thread(site.start_server)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    assert json.loads(out)["finalStatus"] == "complete"
    assert b"WARN" not in err

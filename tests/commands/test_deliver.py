"""`durazzo deliver`: a message for a run, by a real process against a real server and worker."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest
from conftest import House
from orders import message, written
from scripted import scripted_house
from terminal import NOWHERE, Terminal, expect_clear

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

ACCEPTED = '{"state": "accepted"}'


@pytest.fixture
async def house(client: Client, settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    """Give a worker that serves the order."""
    written(tmp_path)
    async with scripted_house(client, settings, tmp_path, lambda _: (200, {})) as (opened, _):
        yield opened


@pytest.fixture
def terminal(house: House, tmp_path: Path) -> Terminal:
    """Give a terminal that knows the server and the queue of the worker."""
    return Terminal(tmp_path, house.client.service_client.config.target_host, house.task_queue)


async def test_a_message_is_delivered(house: House, terminal: Terminal) -> None:
    """Kept until its step wants it, taken where it waits; then the run is over."""
    run = f"order-{uuid.uuid4().hex[:8]}"
    handle = await house.start("order", {"order": "o1"}, run=run)
    command = ("deliver", run, "confirmed", "--payload", ACCEPTED, "--header")
    kept = await terminal.durazzo(*command, "orderId=o2", "--json")
    assert kept.code == 0, kept
    assert kept.json == {
        "workflowId": run, "accepted": True, "taken": False, "step": None, "kept": 1,
    }  # fmt: skip
    status = await terminal.durazzo("status", run)
    assert "a message on channel `confirmed`" in status.out
    assert "gives up at" in status.out
    (terminal.folder / "payload.json").write_text(ACCEPTED, encoding="utf-8")
    file = f"@{terminal.folder / 'payload.json'}"
    wrong = await terminal.durazzo("deliver", run, "confirmd", "--payload", file)
    expect_clear(wrong, 2, "did you mean `confirmed`?")
    wrong = await terminal.durazzo("deliver", run, "confirmed", "--payload", '{"state": 5}')
    expect_clear(wrong, 2, "the message is refused")
    taken = await terminal.durazzo(*command[:4], file, "--header", "orderId=o1")
    assert taken.code == 0, taken
    assert "step `confirm` has taken the message" in taken.err
    assert await handle.result() == {"state": "accepted", "id": "o1"}
    late = await terminal.durazzo(*command, "orderId=o1")
    expect_clear(late, 2, "has ended already")
    nobody = await terminal.durazzo("deliver", "nobody", *command[2:], "orderId=o1")
    expect_clear(nobody, 2, "nobody")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--payload", "@gone.json"), 2, "can't be read"),
        (("--payload", "{"), 2, "`--payload` wants JSON"),
        (("--payload", "1", "--header", "x"), 2, "expected NAME=VALUE"),
        (("--payload", f'"{"x" * 70_000}"'), 2, "65536 are allowed"),
        (("--payload", "1"), 3, "no Temporal server"),
    ],
    ids=["file", "json", "header", "too large", "server"],
)
async def test_what_is_wrong_is_told(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Before any server is asked, where that needs none."""
    terminal = Terminal(tmp_path, NOWHERE)
    expect_clear(await terminal.durazzo("deliver", "run", "channel", *arguments), code, said)


async def test_a_try_takes_messages_by_an_option(tmp_path: Path) -> None:
    """JSON with payload and headers, or a file of it."""
    file = str(written(tmp_path))
    terminal = Terminal(tmp_path, NOWHERE)
    (tmp_path / "m.json").write_text(json.dumps(message()), encoding="utf-8")
    given = f"confirmed={json.dumps(message())}"
    for option in (given, f"confirmed=@{tmp_path / 'm.json'}"):
        done = await terminal.durazzo("try", file, "--message", option, "--json")
        assert done.json["outputs"] == {"state": "accepted", "id": "o1"}, done
    without = await terminal.durazzo("try", file)
    expect_clear(without, 1, "give a try one with `--message")

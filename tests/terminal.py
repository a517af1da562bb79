"""The command line as people use it: in this process where no server is needed, else as one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conftest import ROOT
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    import typer

NOWHERE = "127.0.0.1:1"
"""An address where nobody listens: a command that came so far would end with 3."""


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one JSON value on standard output."""
        return json.loads(self.out)


def call(app: typer.Typer, *arguments: str, stdin: str = "") -> Done:
    """Run a command in this process."""
    done = CliRunner().invoke(app, list(arguments), input=stdin, env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


@dataclass(frozen=True)
class Terminal:
    """A terminal from which `durazzo` is started as a process of its own."""

    folder: Path
    address: str = NOWHERE
    task_queue: str = "durazzo"
    variables: dict[str, str] = field(default_factory=dict)

    async def durazzo(self, *arguments: str, stdin: str = "") -> Done:
        """Run a command to its end."""
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        return _done(process, out, err)

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command and return its process."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "starter.py"), *arguments),
            cwd=ROOT,
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def interrupt(self, process: asyncio.subprocess.Process) -> Done:
        """Press Ctrl-C in a command that runs, and return how it ended."""
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return _done(process, out, err)

    def _environment(self) -> dict[str, str]:
        foreign = ("DURAZZO_", "TEMPORAL_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(foreign)},
            "DURAZZO_STATE_FOLDER": str(self.folder / "state"),
            "DURAZZO_TASK_QUEUE": self.task_queue,
            "TEMPORAL_ADDRESS": self.address,
            "COLUMNS": "200",
            **self.variables,
        }


def _done(process: asyncio.subprocess.Process, out: bytes, err: bytes) -> Done:
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


def expect_clear(done: Done, code: int, *said: str) -> None:
    """Fail unless there is one clear message: the code, all that must be said, no traceback."""
    assert done.code == code, done
    told = done.out + done.err
    for text in said:
        assert text in told, told
    assert "Traceback" not in told
    assert told.count("error: ") <= 1 or "[" in told, told

"""The processes of the demo: started here, killed here, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from arazzo.errors import OtherPartyError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.demo_systems import System

ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS_TO_END: Final = 10.0


class DemoFailed(OtherPartyError):
    """The demo could not show what it is meant to show."""


@dataclass
class Processes:
    """Child processes by name; `logs` is the folder of their output."""

    logs: Path
    environment: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, name: str, arguments: Sequence[str], *, tells: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start one of our Python programs; its output goes to a file, or to us if it tells."""
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if tells else log,
                stderr=log,
                start_new_session=True,
            )
        self.running[name] = process
        return process

    def adopt(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """Take charge of a process that was started elsewhere."""
        self.running[name] = process

    def kill(self, name: str) -> int:
        """Kill a process with SIGKILL, as a crash would, and return its id."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid

    def stop_all(self) -> None:
        """End all processes, the last one first; one that does not end in time is killed."""
        for name in reversed(list(self.running)):
            process = self.running.pop(name)
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check(self) -> None:
        """Raise DemoFailed when one of the processes has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise DemoFailed(
                    f"the {name} ended with code {process.returncode}; its output is in "
                    f"{self.logs / name}.log",
                    reason="process-ended",
                )


def start_stand_in(processes: Processes, system: System) -> str:
    """Start the stand-in of a system and return its base URL."""
    process = processes.start(system.name, ["-m", *system.arguments], tells=True)
    line = process.stdout.readline().decode() if process.stdout else ""
    if "http://" not in line:
        raise DemoFailed(
            f"the stand-in of {system.name} did not start; its output is in {processes.logs}",
            reason="stand-in",
        )
    return line.split()[-1]

"""Real processes for the end-to-end tests: started, killed as a crash would, and none left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from conftest import CREDENTIAL, QUICK_QUEUES, ROOT

from commands.temporal_binary import find_binary

if TYPE_CHECKING:
    from collections.abc import Sequence


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Site:
    """A whole installation in one folder: server, stand-in, worker, and the starter's calls."""

    folder: Path
    documents: Path = ROOT / "documents"
    environment: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    ui_port: int = field(default_factory=free_port)
    stand_in: str = ""
    file_server: str = ""
    servers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Return where the Temporal server is."""
        return f"127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """Return the file of the server's database."""
        return self.folder / "temporal.db"

    def variables(self) -> dict[str, str]:
        """Return the environment of all processes."""
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DURAZZO_", "TEMPORAL_"))},
            "DURAZZO_STATE_FOLDER": str(self.folder / "state"),
            "DURAZZO_SECRET_AMPLITUDE_BASIC_AUTH": CREDENTIAL,
            "DURAZZO_SECRET_AMPLITUDE_ORG_BASIC_AUTH": CREDENTIAL,
            "DURAZZO_HTTP_TOTAL_SECONDS": "3",
            "DURAZZO_ACTIVITY_MARGIN_SECONDS": "1",
            "DURAZZO_GRACEFUL_SHUTDOWN_SECONDS": "2",
            "TEMPORAL_ADDRESS": self.address,
            **self.environment,
        }

    def start_server(self, *dynamic: str) -> None:
        """Start the Temporal server on its database and wait until it answers."""
        settings = (*QUICK_QUEUES, *dynamic)
        config = [part for one in settings for part in ("--dynamic-config-value", one)]
        self._start(
            "server",
            [
                *(str(find_binary()), "server", "start-dev", "--log-level", "error"),
                *("--port", str(self.port), "--ui-port", str(self.ui_port)),
                *("--db-filename", str(self.database), *config),
            ],
        )
        wait_for(lambda: self._temporal("operator", "cluster", "health") == 0, "the server")

    def start_stand_in(
        self,
        *options: str,
        module: str = "mocks.amplitude",
        sources: Sequence[str] = ("behavioralCohortsApi", "dsarApi"),
        base_path: str = "",
    ) -> None:
        """Start a stand-in, Amplitude's unless another is named, as the server of its sources."""
        port = free_port()
        self._start("stand-in", [sys.executable, "-m", module, "--port", str(port), *options])
        self.stand_in = f"http://127.0.0.1:{port}"
        self.servers = dict.fromkeys(sources, self.stand_in + base_path)
        wait_for(lambda: _answers(f"{self.stand_in}/_control/counters"), "the stand-in")

    def start_file_server(self, *options: str, source: str) -> None:
        """Start a server of one large file, as the server of a source."""
        port = free_port()
        program = [sys.executable, "tests/file_server.py", "--port", str(port), *options]
        self._start("file-server", program)
        self.file_server = f"http://127.0.0.1:{port}"
        self.servers[source] = self.file_server
        wait_for(lambda: _answers(f"{self.file_server}/_control/requests"), "the file server")

    def requests(self) -> list[dict[str, Any]]:
        """Return `range` and `sent`, in bytes, of each request of the file."""
        found: list[dict[str, Any]] = httpx.get(f"{self.file_server}/_control/requests").json()
        return found

    def start_worker(self) -> None:
        """Start a worker and wait until it says that it serves."""
        servers = [f"{name}={url}" for name, url in self.servers.items()]
        options = [part for server in servers for part in ("--server", server)]
        log = self.log("worker")
        before = log.stat().st_size if log.exists() else 0
        self._start(
            "worker",
            [sys.executable, "worker.py", "--documents", str(self.documents), *options],
        )
        wait_for(lambda: log.stat().st_size > before, "the worker")

    def starter(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run `python starter.py` and return what it printed and its exit code."""
        done = subprocess.run(
            [sys.executable, "starter.py", *arguments],
            cwd=ROOT,
            env=self.variables(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        with self.log("terminal").open("a", encoding="utf-8") as terminal:
            terminal.write(done.stdout + done.stderr)
        return done

    def run_detached(self, workflow: str, run: str, *arguments: str) -> None:
        """Start a run that goes on by itself."""
        done = self.starter(
            *("run", workflow, "--documents", str(self.documents), "--id", run, "--detach"),
            *("--secret", "basicAuth=amplitude_basic_auth", *arguments),
        )
        assert done.returncode == 0, done.stderr

    def kill(self, name: str) -> None:
        """Kill a process with SIGKILL."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> int:
        """End a process with SIGTERM and return its exit code."""
        process = self.running.pop(name)
        process.terminate()
        return process.wait(20)

    def stop_all(self) -> None:
        """End all that still runs."""
        for process in reversed(self.running.values()):
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def counters(self, which: str = "taken") -> dict[str, int]:
        """Return how often the stand-in took (or received) each operation."""
        found: dict[str, int] = httpx.get(f"{self.stand_in}/_control/counters").json()[which]
        return found

    def add_fault(self, operation_id: str, kind: str, **fields: Any) -> None:
        """Script a fault of the stand-in."""
        fault = {"operationId": operation_id, "kind": kind, **fields}
        assert httpx.post(f"{self.stand_in}/_control/faults", json=fault).status_code == 201

    def log(self, name: str) -> Path:
        """Return the file with the output of a process."""
        return self.folder / f"{name}.log"

    def _start(self, name: str, arguments: list[str]) -> None:
        with self.log(name).open("ab") as output:
            self.running[name] = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _temporal(self, *arguments: str) -> int:
        return subprocess.run(
            [str(find_binary()), *arguments, "--address", self.address],
            capture_output=True,
            check=False,
        ).returncode


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def wait_for(condition: Any, what: str, seconds: float = 40.0) -> None:
    """Return when the condition holds; fail the test when it does not in time."""
    latest = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < latest, f"{what} did not come in {seconds:g} s"
        time.sleep(0.05)

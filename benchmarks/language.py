"""What the language costs: compiling, criteria, the interpreter, and `try` beside other ways.

    python -m benchmarks.language [--corpus FOLDER] [--rounds N] [--seconds S]

`try` is measured against bare httpx with the same requests and, where the package is installed
(`pip install -e '.[benchmarks]'`), against arazzo-runner, in turn within one run, over loopback.
Rounds and time are bounded.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from arazzo import criterion
from arazzo.context import Context, ResponseView
from arazzo.errors import DocumentInvalid, DurazzoError
from arazzo.interpreter import Interpreter
from arazzo.outcome import Outcome
from arazzo.scope import Defaults
from arazzo.state import RunState
from catalogue import Reader, find_documents, load_catalogue
from mocks.amplitude import DEFAULT_CREDENTIALS
from rehearsal import try_entry
from settings import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from arazzo.effects import Awaited, Invoked, Pause
    from arazzo.plan import Plan, StepPlan

STEPS: Final = 20
STEPS_OF_INTERPRETER: Final = 2000
CRITERIA: Final = (
    ("$statusCode == 200", "simple", None),
    ("$response.body#/status == 'complete' && $response.body#/size > 3", "simple", None),
    ("$[?@.status == 'complete']", "jsonpath", "$response.body"),
    ("^comp(lete|uting)$", "regex", "$response.body#/status"),
)


@dataclass
class Times:
    """What one kind took, in seconds."""

    name: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the median in seconds."""
        return statistics.median(self.seconds)


def compiling(folder: Path, seconds: float) -> None:
    """Compile every document of the corpus once, descriptions read before."""
    reader, times = Reader(Defaults()), Times("compile")
    files = find_documents([folder])
    ends = time.monotonic() + seconds
    began, done = time.perf_counter(), 0
    for file, root in files:
        if time.monotonic() > ends:
            break
        with suppress(DocumentInvalid):
            reader.read(file, root)
        reader.documents.clear()
        once = time.perf_counter()
        with suppress(DocumentInvalid):
            reader.read(file, root)
        times.seconds.append(time.perf_counter() - once)
        done += 1
    whole = time.perf_counter() - began
    low, middle, high = (1000 * one for one in statistics.quantiles(times.seconds, n=4))
    print(f"compile: {done} documents, median {middle:.2f} ms (p25 {low:.2f}, p75 {high:.2f})")
    print(f"compile with all descriptions read: {done / whole:.0f} documents a second, twice each")


def criteria() -> None:
    """Evaluate each kind of criterion over one body."""
    body = {"status": "complete", "size": 7, "members": list(range(20))}
    context = Context(response=ResponseView(200, {}, body))
    for condition, kind, over in CRITERIA:
        compiled = criterion.compile(condition, kind, None, over)
        began = time.perf_counter()
        for _ in range(5000):
            criterion.holds(compiled, context)
        print(
            f"criterion {kind:<9} {(time.perf_counter() - began) / 5000 * 1e6:8.1f} µs  {condition}"
        )


class Silent:
    """A world in which every request is answered at once."""

    def __init__(self) -> None:
        self.asked = 0

    def now(self) -> float:
        """Tell the time."""
        return time.monotonic()

    async def perform(self, _step: StepPlan, _values: dict[str, Any]) -> Outcome:
        """Pass, with the action that leads back until there were enough."""
        self.asked += 1
        back = 1 if self.asked < STEPS_OF_INTERPRETER else 0
        return Outcome(status=200, passed=True, outputs={"status": "queued"}, action=back)

    async def call(self, step: StepPlan, _inputs: Any, values: dict[str, Any]) -> Outcome:
        """Answer as for an operation."""
        return await self.perform(step, values)

    async def invoke(self, _name: str, _workflow_type: str, _inputs: Any) -> Invoked:
        """No workflow of this benchmark calls another."""
        raise NotImplementedError

    async def find(self, _step: Any, _find: Any, _values: Any) -> Outcome:
        """Nothing is lost here."""
        raise NotImplementedError

    async def join_pages(
        self, step: StepPlan, before: dict[str, Any], outputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Nothing is large here."""
        raise NotImplementedError

    async def move_outputs(
        self, outputs: dict[str, dict[str, Any]], excess: int
    ) -> dict[str, dict[str, Any]]:
        """Nothing is large here."""
        raise NotImplementedError

    async def evaluate(self, _templates: Any, _values: Any) -> dict[str, Any]:
        """No value of this benchmark queries."""
        raise NotImplementedError

    async def receive(self, _awaited: Awaited) -> dict[str, Any] | None:
        """Receive nothing."""
        return None

    async def judge(
        self, _step: StepPlan, _message: dict[str, Any] | None, _why: str, _values: dict[str, Any]
    ) -> Outcome:
        """Pass."""
        return Outcome(passed=True)

    async def pause(self, _pause: Pause) -> None:
        """Wait for nothing."""

    async def step_boundary(self, _state: RunState) -> None:
        """Store nothing."""

    def show(self, _state: RunState, _pause: Pause | None) -> None:
        """Show nothing."""


def interpreting() -> None:
    """Walk a poll of the export workflow."""
    documents = CHECKOUT / "documents" / "amplitude"
    plan = load_catalogue([documents]).runnable("export-cohort-members").compiled.plan
    if plan is None:
        sys.exit("the export workflow has no plan")
    one = plan.model_copy(update={"steps": plan.steps[1:2], "outputs": {}, "visit_budget": 10**6})
    inner = _looping(one)
    began = time.perf_counter()
    world = Silent()
    state = RunState(inputs={"cohortId": "c"}, cursor=inner.steps[0].step_id)
    with suppress(DurazzoError):
        asyncio.run(Interpreter(inner, state, world).run())
    each = (time.perf_counter() - began) / world.asked
    print(f"interpreter: {each * 1e6:.1f} µs a step, over {world.asked} steps")


def _looping(plan: Plan) -> Plan:
    """The poll alone, with an end in place of the step that follows."""
    step = plan.steps[0]
    end = step.attempt.on_success[0].model_copy(update={"type": "end", "target": None})
    actions = (end, *step.attempt.on_success[1:])
    attempt = step.attempt.model_copy(update={"on_success": actions})
    polling = step.polling.model_copy(update={"deadline": 10.0**7})
    return plan.model_copy(
        update={"steps": (step.model_copy(update={"attempt": attempt, "polling": polling}),)}
    )


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
        operationId: listCohorts
        parameters: [{{name: Authorization, in: header, value: 'Basic {credential}'}}]
        successCriteria: [{{condition: $statusCode == 200}}]
        outputs: {{cohorts: $response.body#/cohorts}}
"""
API: Final = """
openapi: 3.0.3
info: {{title: Cohorts, version: 1.0.0}}
servers: [{{url: '{base_url}'}}]
paths:
  /api/3/cohorts: {{get: {{operationId: listCohorts, responses: {{'200': {{description: ok}}}}}}}}
"""


@contextmanager
def stand_in() -> Iterator[str]:
    """Run the stand-in as a process of its own; gives its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mocks.amplitude", "--port", "0"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield (process.stdout.readline() if process.stdout else "").split()[-1]
    finally:
        process.terminate()
        process.wait()


def write(folder: Path, base_url: str) -> Path:
    """Write a document of many steps, and its description."""
    steps = "".join(
        STEP.format(number=number, credential=DEFAULT_CREDENTIALS) for number in range(STEPS)
    )
    (folder / "api.yaml").write_text(API.format(base_url=base_url), encoding="utf-8")
    file = folder / "lists.arazzo.yaml"
    file.write_text(DOCUMENT + steps, encoding="utf-8")
    return file


def ways(file: Path, base_url: str) -> dict[str, Callable[[], Any]]:
    """Return the ways to send the same requests, each once."""
    entry = load_catalogue([file]).runnable("list-often")
    headers = {"Authorization": f"Basic {DEFAULT_CREDENTIALS}"}

    certificates = httpx.create_ssl_context()

    async def bare() -> None:
        async with httpx.AsyncClient(
            base_url=base_url, headers=headers, verify=certificates
        ) as client:
            for _ in range(STEPS):
                (await client.get("/api/3/cohorts")).raise_for_status().json()

    async def tried() -> None:
        done = await try_entry(entry, {}, {}, waits=0)
        if done.status != "completed":
            sys.exit(str(done.error))

    found: dict[str, Callable[[], Any]] = {
        "try": lambda: asyncio.run(tried()),
        "bare httpx": lambda: asyncio.run(bare()),
    }
    with suppress(ImportError):
        from arazzo_runner import ArazzoRunner  # noqa: PLC0415 - only where it is installed

        logging.disable(logging.WARNING)
        runner = ArazzoRunner.from_arazzo_path(str(file))
        found["arazzo-runner"] = lambda: runner.execute_workflow("list-often", {})
    return found


def trying(rounds: int, seconds: float) -> None:
    """Run all ways in turn and print what a step of each takes."""
    with stand_in() as base_url, tempfile.TemporaryDirectory() as folder:
        kinds = ways(write(Path(folder), base_url), base_url)
        times = {name: Times(name) for name in kinds}
        ends = time.monotonic() + seconds
        for number in range(rounds + 1):
            for name, run in kinds.items():
                began = time.perf_counter()
                run()
                if number:  # the first round warms up
                    times[name].seconds.append((time.perf_counter() - began) / STEPS)
            if time.monotonic() > ends:
                break
    base = times["bare httpx"].median
    for name, one in times.items():
        ratio = f"{one.median / base:.2f} times bare httpx"
        print(f"{name:<14} {1000 * one.median:7.2f} ms a step ({len(one.seconds)} runs), {ratio}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language")
    parser.add_argument("--corpus", type=Path, default=CHECKOUT / "documents")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores; {STEPS} steps a run")
    criteria()
    interpreting()
    trying(given.rounds, given.seconds)
    compiling(given.corpus, given.seconds)


if __name__ == "__main__":
    main()

"""What the demo tells: a line for each thing that happens, and the table at the end."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.table import Table

from commands.references import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.demo_systems import System

LONGEST_OUTPUT: Final = 60


@dataclass
class Story:
    """Everything that happened, in order, with the seconds since the demo began."""

    console: Console = field(default_factory=Console)
    began: float = field(default_factory=time.monotonic)
    killed: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Print one line with its time."""
        self.console.print(f"[dim]{self.seconds():5.1f} s[/dim]  {text}", highlight=False)

    def tell_kill(self, text: str) -> None:
        """Print a kill and keep it for the table."""
        self.killed.append(f"{text} at {self.seconds():.1f} s")
        self.tell(f"[bold red]{text}[/bold red]")

    def seconds(self) -> float:
        """Return the seconds since the demo began."""
        return time.monotonic() - self.began


@dataclass(frozen=True)
class Ended:
    """A run that ended: its outputs, or its error; `polls` over all of its steps."""

    system: str
    workflow: str
    web_url: str
    outputs: Mapping[str, Any] | None
    error: str
    polls: int


def print_runs(story: Story, runs: Sequence[Ended]) -> None:
    """Print the table of the runs, one row each."""
    table = Table(title="What was asked for, and what came of it", show_lines=True)
    table.add_column("system", no_wrap=True)
    table.add_column("workflow", no_wrap=True)
    table.add_column("outputs", overflow="fold")
    table.add_column("polls", justify="right")
    for run in runs:
        table.add_row(run.system, run.workflow, _outputs(run), str(run.polls))
    story.console.print(table)
    story.console.print("Each run in the Web UI:")
    for run in runs:
        story.console.print(f"  {run.web_url}", soft_wrap=True, highlight=False)


def print_requests(story: Story, counted: Sequence[tuple[System, Mapping[str, int]]]) -> None:
    """Print how often each stand-in took each operation, and which must be taken just once."""
    table = Table(title="Requests that the stand-ins took")
    table.add_column("system", no_wrap=True)
    table.add_column("operation")
    table.add_column("requests", justify="right")
    table.add_column("")
    for system, taken in counted:
        for operation, count in sorted(taken.items()):
            told = "once, as it must be" if operation in system.once and count == 1 else ""
            table.add_row(system.name, operation, str(count), told)
        table.add_section()
    story.console.print(table)
    for line in story.killed:
        story.console.print(f"  {line}", style="red", highlight=False)


def _outputs(run: Ended) -> str:
    if run.outputs is None:
        return f"[red]{run.error}[/red]"
    return "\n".join(f"{name} = {_short(value)}" for name, value in run.outputs.items())


def _short(value: Any) -> str:
    text = json.dumps(shown(value), ensure_ascii=False)
    return text if len(text) <= LONGEST_OUTPUT else text[:LONGEST_OUTPUT] + "…"

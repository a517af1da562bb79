"""The command line: one line per command. Each is imported only when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION: Final = "0.1.0"
NOT_DONE: Final = 1
MISTAKE: Final = 2

COMMANDS: Final = {
    "list": ("commands.list", "The workflows that can be run."),
    "check": ("commands.check", "What is wrong or doubtful in documents, with place and mend."),
    "show": ("commands.show", "One workflow: inputs, steps, outputs, and a diagram of its flow."),
    "secrets": ("commands.secrets", "Which secrets workflows need, and which are here."),
    "try": ("commands.try_document", "Run a workflow here and now, without Temporal."),
    "run": ("commands.run", "Start a workflow and watch it to its end."),
    "status": ("commands.status", "Where a run stands; without an id, the latest runs."),
    "watch": ("commands.watch", "Watch a run to its end."),
    "result": ("commands.result", "The outputs of a run."),
    "get": ("commands.get", "Fetch an output of a run, of any size, into a file."),
    "put": ("commands.put", "Put a file into the blob store, to give it to a run."),
    "clean": ("commands.clean", "Remove old files from the blob store."),
    "deliver": ("commands.deliver", "Hand a message to a run that waits for it."),
    "cancel": ("commands.cancel", "Ask a run to stop."),
    "worker": ("worker", "Serve the workflows: the process that does the work."),
    "server": ("commands.server", "A local Temporal server whose runs survive its restart."),
    "codec": ("commands.codec", "Decrypt for Temporal's Web UI, where payloads are encrypted."),
    "demo": ("commands.demo", "See it all, with everything killed half-way."),
}


def help_text() -> str:
    """Return what `durazzo --help` prints; nothing is imported for it."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name.ljust(width)}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: durazzo COMMAND [OPTIONS]",
            "",
            "Durazzo runs Arazzo workflows as durable Temporal workflows.",
            "",
            "Commands:",
            *lines,
            "",
            "`durazzo COMMAND --help` tells more of each. A first look: `durazzo demo`.",
            "By hand: `durazzo server`, `durazzo worker` and `durazzo run WORKFLOW`,",
            "each in a terminal of its own.",
        ]
    )


def unknown_command(name: str) -> str:
    """Return what is said of a command that does not exist, with the closest names."""
    close = get_close_matches(name, COMMANDS, n=3)
    said = " or ".join(f"`{one}`" for one in close)
    mend = f"did you mean {said}?" if close else f"there are: {', '.join(COMMANDS)}"
    return f"error: there is no command `{name}`; {mend}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with the exit code of DESIGN.md, section 2."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # 20 ms of looking for none
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given else "--help"
    if name in ("--help", "-h", "help"):
        print(help_text())  # noqa: T201 - this is the command line
    elif name == "--version":
        print(f"durazzo {VERSION}")  # noqa: T201
    elif name in COMMANDS:
        _run(name, given[1:])
    else:
        sys.stderr.write(unknown_command(name) + "\n")
        sys.exit(MISTAKE)


def _run(name: str, arguments: Sequence[str]) -> None:
    try:
        module = importlib.import_module(COMMANDS[name][0])
        module.app(args=list(arguments), prog_name=f"durazzo {name}")
    except KeyboardInterrupt:  # while importing; a command that runs has its own answer
        sys.stderr.write("\nleft before anything was done\n")
        _leave(NOT_DONE)
    except SystemExit as ended:
        if sys.modules.keys().isdisjoint(("temporalio", "obstore")):
            raise
        _leave(ended.code if isinstance(ended.code, int) else int(ended.code is not None))


def _leave(code: int) -> None:
    """End without the interpreter's own shutdown, in which the threads of both can crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()

"""The options that several commands share, as typer wants them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Documents = Annotated[
    list[Path] | None,
    typer.Option(
        "--documents",
        help="Folder (or file) of Arazzo documents, in place of the shipped ones. May be repeated.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", help="Temporal server, host:port.  [default: TEMPORAL_ADDRESS, the profile]"
    ),
]
Namespace = Annotated[str | None, typer.Option("--namespace", help="Temporal namespace.")]
Profile = Annotated[
    str | None,
    typer.Option("--profile", help="Profile of Temporal's configuration: TLS, API key."),
]
TaskQueue = Annotated[str | None, typer.Option("--task-queue", help="Task queue of the workers.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")
]
RunId = Annotated[str, typer.Argument(metavar="ID", help="The workflow id of the run.")]
GivenInputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="An input, typed by the schema; arrays by repeating, or as JSON.",
    ),
]
InputsFile = Annotated[
    str | None,
    typer.Option("--inputs", metavar="FILE|-", help="Inputs as one JSON or YAML object."),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option("--secret", metavar="INPUT=NAME", help="A secret input, by the secret's name."),
]

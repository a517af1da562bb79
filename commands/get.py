"""`durazzo get`: an output of a run, whatever its size, as a file or on standard output."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from activities.blob_values import BlobValues
from activities.credentials import SecretStore
from activities.files import open_store
from activities.local_files import save, unpacked
from activities.sealing import opened
from activities.signing import load_key
from arazzo.blobs import Blob, blob_of, is_blob
from arazzo.context import ABSENT
from arazzo.errors import CallerError, DurazzoError, InputInvalid, SecretMissing
from arazzo.inputs import holds_hidden
from arazzo.navigation import resolve_pointer
from arazzo.scope import closest
from commands.attached import link_to
from commands.connection import ConnectionOptions, connect_quietly
from commands.failures import reported
from commands.options import Address, Namespace, Profile, RunId
from commands.run_report import report_of
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from commands.run_report import RunReport

app = typer.Typer(add_completion=False)

STANDARD_OUTPUT: Final = "-"


class NoOutput(CallerError):
    """The run has no output of that name, or nothing at that place."""


class NotCompleted(DurazzoError):
    """The run has no outputs: it goes on, or it did not complete."""


@dataclass(frozen=True)
class Content:
    """What is fetched: its bytes in parts, and their number."""

    parts: Iterable[bytes]
    size: int


@app.command()
def get(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: RunId,
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT[#/POINTER]", help="The output, or a part of it.")
    ],
    target: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE|-", help="Where it is written to.")
    ] = STANDARD_OUTPUT,
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
    decompress: Annotated[  # noqa: FBT002
        bool, typer.Option("--decompress", help="The file is a gzip: write what it holds.")
    ] = False,
    unseal: Annotated[  # noqa: FBT002
        bool, typer.Option("--unseal", help="Open what is sealed, with the key of this machine.")
    ] = False,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
) -> None:
    """Fetch an output: a file as it is, a text as text, any other value as JSON."""
    with reported():
        path = None if target == STANDARD_OUTPUT else Path(target)
        _expect_free(path, force=force)
        report = asyncio.run(_report(run, ConnectionOptions(address, namespace, profile)))
        content = _content(_found(report, output), output, unseal=unseal)
        _write(content, path, decompress=decompress)


def _expect_free(path: Path | None, *, force: bool) -> None:
    if path is not None and path.exists() and not force:
        raise InputInvalid(f"`{path}` is there already; --force writes over it", reason="exists")


async def _report(run: str, connection: ConnectionOptions) -> RunReport:
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    return await report_of(handle, link_to(client, handle))


def _found(report: RunReport, output: str) -> Any:
    """Return the output before its pointer. Raises NotCompleted, NoOutput, SecretMissing."""
    if report.status == "completed" and report.error:
        raise SecretMissing(report.error["message"], reason=report.error["details"]["reason"])
    if not report.completed:
        goes_on = report.status == "running"
        said = "goes on; its outputs come at its end" if goes_on else f"ended as {report.status}"
        command = "watch" if goes_on else "result"
        raise NotCompleted(
            f"`{report.workflow_id}` {said}: see `durazzo {command} {report.workflow_id}`",
            reason="not-completed",
        )
    outputs = report.outputs if isinstance(report.outputs, dict) else {}
    name = output.partition("#")[0]
    if name not in outputs:
        raise NoOutput(
            f"`{report.workflow_id}` has no output `{name}`; {closest(name, list(outputs))}",
            reason="unknown-output",
        )
    return outputs[name]


def _content(value: Any, output: str, *, unseal: bool) -> Content:
    settings = load_settings()
    store = open_store(settings.blob_store, settings.state_folder)
    value = asyncio.run(BlobValues(store).loaded(value))
    if unseal:
        key = load_key(SecretStore(settings.secrets_dir), settings.state_folder)
        value = opened(key, value)
    value = _pointed(value, output)
    if is_blob(value):
        blob: Blob = blob_of(value)
        return Content(store.chunks(blob), blob.size)
    if holds_hidden(value):
        raise InputInvalid(f"`{output}` is sealed; --unseal opens it", reason="sealed")
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    data = text.encode()
    return Content((data,), len(data))


def _pointed(value: Any, output: str) -> Any:
    pointer = output.partition("#")[2]
    found = resolve_pointer(value, pointer) if not is_blob(value) or not pointer else ABSENT
    if found is ABSENT:
        what = "is a file, which is got as a whole" if is_blob(value) else "has nothing there"
        raise NoOutput(f"`{output}`: the output {what}", reason="unknown-output")
    return found


def _write(content: Content, path: Path | None, *, decompress: bool) -> None:
    if path is None:
        parts = unpacked(content.parts) if decompress else content.parts
        sys.stdout.buffer.writelines(parts)
        sys.stdout.buffer.flush()
        return
    with _shown(content.size) as seen:
        size = save(content.parts, path, seen, decompress=decompress)
    sys.stderr.write(f"wrote {path}: {decimal(size)}\n")


@contextmanager
def _shown(size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = Progress(*columns, console=console, disable=not console.is_terminal)
    with shown:
        task = shown.add_task("", total=size)
        yield lambda data: shown.update(task, advance=data)


if __name__ == "__main__":
    app()

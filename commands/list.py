"""`durazzo list`: the workflows that can be run, and what stands in the way of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from commands.documents import open_catalogue
from commands.failures import print_json, reported
from commands.options import AsJson, Documents

if TYPE_CHECKING:
    from catalogue import Catalogue, Entry

app = typer.Typer(add_completion=False)


@app.command(name="list")
def list_workflows(documents: Documents = None, as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the workflows that can be run."""
    with reported(as_json=as_json):
        catalogue = open_catalogue(documents)
        if as_json:
            print_json(as_object(catalogue))
        else:
            _print(catalogue)


def as_object(catalogue: Catalogue) -> dict[str, Any]:
    """Return the list as JSON: workflows, broken documents and duplicate workflow types."""
    return {
        "workflows": [
            {
                "workflow": entry.compiled.workflow_type,
                "summary": entry.compiled.workflow.summary,
                "document": entry.document.file,
                "runnable": entry.compiled.plan is not None,
                "findings": [str(one) for one in entry.compiled.findings],
            }
            for entry in catalogue.entries
        ],
        "doubts": [str(one) for one in catalogue.doubts],
        "broken": [{"document": one.file, "error": one.error.message} for one in catalogue.broken],
        "duplicates": catalogue.duplicates(),
    }


def _print(catalogue: Catalogue) -> None:
    console = Console()
    if catalogue.entries:
        table = Table(box=None, pad_edge=False)
        table.add_column("workflow", no_wrap=True, style="bold")
        table.add_column("what it does")
        table.add_column("document", style="dim", overflow="fold")
        for entry in catalogue.entries:
            name = entry.compiled.workflow_type
            table.add_row(
                *(Text(one) for one in (name, entry.compiled.workflow.summary, entry.document.file))
            )
        console.print(table)
        console.print("\n`durazzo show WORKFLOW` tells more of one.", style="dim", markup=False)
    else:
        console.print("no Arazzo document was found; name a folder with --documents")
    for entry in catalogue.entries:
        _print_errors(console, entry)
    for doubt in catalogue.doubts:
        _say(console, f"\n{doubt}")
    for broken in catalogue.broken:
        _say(console, f"\ncannot be read: {broken.error.message}")
    for name, files in catalogue.duplicates().items():
        said = f"\n`{name}` stands in {' and '.join(files)}: the worker will refuse to start"
        _say(console, said)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_errors(console: Console, entry: Entry) -> None:
    errors = [one for one in entry.compiled.findings if one.severity == "error"]
    if errors:
        _say(console, f"\n{entry.compiled.workflow_type} can't be run:\n{errors[0]}")
        if len(errors) > 1:
            console.print(f"  and {len(errors) - 1} more errors", highlight=False)


if __name__ == "__main__":
    app()

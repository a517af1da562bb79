"""`durazzo put`: a file into the blob store, and the reference by which a run is given it."""

from __future__ import annotations

import json
import mimetypes
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.filesize import decimal

from activities.files import open_store
from activities.local_files import put_file
from commands.failures import reported
from settings import load_settings

app = typer.Typer(add_completion=False)

OCTETS: Final = "application/octet-stream"
KINDS: Final = {".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}
"""What the table of Python does not know."""
PACKED: Final = {"gzip": "application/gzip"}


@app.command()
def put(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file.")],
    content_type: Annotated[
        str | None,
        typer.Option("--content-type", help="Its media type.  [default: by the file's name]"),
    ] = None,
) -> None:
    """Put a file into the blob store and print its reference as JSON, in one line."""
    with reported():
        settings = load_settings()
        store = open_store(settings.blob_store, settings.state_folder)
        blob = put_file(store, file, content_type or _content_type(file))
    print(json.dumps(blob.as_json()))
    sys.stderr.write(
        f"{decimal(blob.size)} as {blob.content_type}; give it to a run as "
        f'`--input NAME="$(durazzo put {file})"`\n'
    )


def _content_type(file: Path) -> str:
    kind, packed = mimetypes.guess_type(file.name)
    if packed:
        return PACKED.get(packed, OCTETS)
    return kind or KINDS.get(file.suffix.lower(), OCTETS)


if __name__ == "__main__":
    app()

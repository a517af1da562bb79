"""`durazzo put`: a file into the blob store, and the reference by which a run is given it."""

from __future__ import annotations

import json
import mimetypes
import shlex
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from activities.files import open_store
from activities.local_files import put_file, put_value
from commands.failures import reported
from commands.references import told
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
    value: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--value", help="As the value that a JSON file holds, else as text: up to 64 MB."
        ),
    ] = False,
) -> None:
    """Put a file into the blob store and print its reference as JSON, in one line."""
    with reported():
        settings = load_settings()
        store = open_store(settings.blob_store, settings.state_folder)
        kind = content_type or _content_type(file)
        blob = put_value(store, file, kind) if value else put_file(store, file, kind)
    print(json.dumps(blob.as_json()))
    option = " --value" if value else ""
    sys.stderr.write(
        f"{told(blob)}; give it to a run as "
        f'`--input NAME="$(durazzo put{option} {shlex.quote(str(file))})"`\n'
    )


def _content_type(file: Path) -> str:
    kind, packed = mimetypes.guess_type(file.name)
    if packed:
        return PACKED.get(packed, OCTETS)
    return kind or KINDS.get(file.suffix.lower(), OCTETS)


if __name__ == "__main__":
    app()

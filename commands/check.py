"""`durazzo check`: everything that is wrong or doubtful in documents, before anything runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from arazzo.errors import DocumentInvalid, InputInvalid
from arazzo.findings import checked_findings, in_order, strictly
from arazzo.scope import Defaults
from catalogue import Reader, find_documents
from commands.failures import COMPLETED, MISTAKE, reported
from commands.findings_formats import as_counts, as_github, as_json, as_sarif
from commands.folder_findings import duplicates
from commands.mends import write_mends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.errors import Finding

app = typer.Typer(add_completion=False)

Format = Literal["text", "json", "sarif", "github", "counts"]
AS: Final = {"json": as_json, "sarif": as_sarif, "github": as_github, "counts": as_counts}
STYLES: Final = {"error": "bold red", "warning": "yellow"}


@app.command()
def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|FOLDER...", help="Documents, or folders of them.")
    ],
    strict: Annotated[  # noqa: FBT002
        bool, typer.Option("--strict", help="Refuse what the standard does not have.")
    ] = False,
    fix: Annotated[  # noqa: FBT002
        bool, typer.Option("--fix", help="Write the mends that are certain, then check.")
    ] = False,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = "text",
) -> None:
    """Check Arazzo documents; exit code 2 when there are errors."""
    with reported(as_json=output == "json"):
        files = _found(paths)
        if fix:
            write_mends([file for file, _ in files])
        findings = _all_findings(files, paths, strict=strict, show=output == "text")
    if output == "text":
        _print(files, findings)
    else:
        print(AS[output](findings))
    broken = any(one.severity == "error" for one in findings)
    raise typer.Exit(MISTAKE if broken else COMPLETED)


def _found(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The documents; a check of nothing is a mistake, or a pipeline would be green for ever."""
    files = find_documents(paths)
    if not files:
        places = ", ".join(f"`{one}`" for one in paths)
        message = f"there is no Arazzo document in {places}"
        raise InputInvalid(message, reason="documents-missing")
    return files


def _all_findings(
    files: Sequence[tuple[Path, Path]], paths: Sequence[Path], *, strict: bool, show: bool
) -> list[Finding]:
    reader = Reader(Defaults())
    findings: list[Finding] = []
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, disable=not (show and console.is_terminal)
    ) as bar:
        for file, root in bar.track(files, description="checking"):
            findings += _findings_of(reader, file, root)
    findings += reader.settings_findings(paths)
    for folder in dict.fromkeys(root for _, root in files if root.is_dir()):
        within = [file.resolve() for file, root in files if root == folder]
        findings += duplicates(reader.documents[one] for one in within if one in reader.documents)
    ordered = in_order(findings)
    return [strictly(one) for one in ordered] if strict else ordered


def _findings_of(reader: Reader, file: Path, root: Path) -> Sequence[Finding]:
    try:
        return checked_findings(reader.read(file, root))
    except DocumentInvalid as error:
        return error.findings


def _print(files: Sequence[tuple[Path, Path]], findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in findings:
        text = Text(str(one))
        text.highlight_words([f"{one.severity}:"], STYLES[one.severity])
        console.print(text)
    counts = Counter(one.severity for one in findings)
    console.print(
        f"{_counted(len(files), 'document')}: {_counted(counts['error'], 'error')}, "
        f"{_counted(counts['warning'], 'warning')}",
        style="red" if counts["error"] else "green",
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    app()

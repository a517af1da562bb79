"""`durazzo secrets`: which secrets workflows take, and which are here; never a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from arazzo.errors import InputInvalid
from arazzo.needed_secrets import Need, names_of, needed_secrets
from catalogue import load_catalogue, worker_defaults
from commands.documents import open_catalogue
from commands.failures import COMPLETED, NOT_COMPLETED, print_json, reported
from commands.options import AsJson, Documents
from commands.secret_places import Place, Places
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalogue import Catalogue, Entry

app = typer.Typer(add_completion=False)

NO_CREDENTIAL: Final = frozenset(("no-credential", "unserved-credential"))
"""Findings of an operation that wants a credential and gets none."""


@dataclass(frozen=True)
class Wanted:
    """A workflow that can be run, and what it needs."""

    entry: Entry
    needs: tuple[Need, ...]


@app.command()
def secrets(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|FOLDER|WORKFLOW]",
            help="Documents, or one workflow.  [default: all workflows]",
        ),
    ] = None,
    documents: Documents = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """List the secrets that workflows need, and whether a worker started here has them.

    Run it where the worker runs, in its environment. Exit code 1 when something is missing.
    """
    with reported(as_json=as_json):
        entries = _entries(what, documents)
        wanted = [Wanted(one, needs_of(one)) for one in entries if one.compiled.plan]
        places = Places(load_settings())
        if as_json:
            print_json(_as_object(entries, wanted, places))
        else:
            _print(entries, wanted, places)
        found = places.found(names_of([need for one in wanted for need in one.needs]))
        lacking = any(not need.is_met(found) for one in wanted for need in one.needs)
        lacking |= any(map(without_settings, entries))
    raise typer.Exit(NOT_COMPLETED if lacking else COMPLETED)


def needs_of(entry: Entry) -> tuple[Need, ...]:
    """Return what a workflow needs, nothing of one that can't be run."""
    plan = entry.compiled.plan
    return needed_secrets(plan, entry.compiled.schema) if plan else ()


def without_settings(entry: Entry) -> list[str]:
    """Return what `check` tells of credentials that no settings give."""
    return [one.message for one in entry.compiled.findings if one.code in NO_CREDENTIAL]


def _entries(what: str | None, documents: Sequence[Path] | None) -> list[Entry]:
    if what is None or not Path(what).exists():
        catalogue = open_catalogue(documents)
        return catalogue.entries if what is None else [catalogue.find(what)]
    catalogue = load_catalogue([Path(what)], worker_defaults(load_settings()))
    _expect_documents(catalogue, what)
    return catalogue.entries


def _expect_documents(catalogue: Catalogue, what: str) -> None:
    if catalogue.broken:
        raise catalogue.broken[0].error
    if not catalogue.entries:
        raise InputInvalid(f"there is no Arazzo document in `{what}`", reason="documents-missing")


def _as_object(
    entries: Sequence[Entry], wanted: Sequence[Wanted], places: Places
) -> dict[str, Any]:
    found = places.found(names_of([need for one in wanted for need in one.needs]))
    return {
        "workflows": [
            {
                "workflow": one.entry.compiled.workflow_type,
                "document": one.entry.document.file,
                "complete": all(need.is_met(found) for need in one.needs)
                and not without_settings(one.entry),
                "withoutSettings": without_settings(one.entry),
                "needs": [_need_object(need, need.is_met(found)) for need in one.needs],
            }
            for one in wanted
        ],
        "notRunnable": [one.compiled.workflow_type for one in entries if not one.compiled.plan],
        "secrets": {one.name: one.as_json() for one in places.seen},
        "key": places.key.as_json(),
    }


def _need_object(need: Need, met: bool) -> dict[str, Any]:
    return {
        "kind": need.kind,
        "users": list(need.users),
        "required": need.required,
        "met": met,
        "alternatives": [
            {"scheme": one.scheme, "secrets": list(one.secrets)} for one in need.alternatives
        ],
    }


def _print(entries: Sequence[Entry], wanted: Sequence[Wanted], places: Places) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in wanted:
        if one.needs or without_settings(one.entry):
            _print_workflow(console, one, places)
    none = [
        one.entry.compiled.workflow_type
        for one in wanted
        if not one.needs and not without_settings(one.entry)
    ]
    if none:
        console.print(f"need no secret: {', '.join(none)}", markup=False)
    for entry in entries:
        if not entry.compiled.plan:
            name = entry.compiled.workflow_type
            console.print(f"{name} can't be run: see `durazzo check`", markup=False)
    if not entries:
        console.print("no Arazzo document was found")
    console.print(f"the worker's key: {places.key.told}", markup=False)
    if not any(map(without_settings, entries)) or _missing(wanted, places):
        _print_mends(console, places, _missing(wanted, places))


def _missing(wanted: Sequence[Wanted], places: Places) -> list[Place]:
    """Return what is missing of needs that are not met."""
    needs = [need for one in wanted for need in one.needs]
    found = places.found(names_of(needs))
    lacking = names_of([need for need in needs if not need.is_met(found)])
    return [one for one in map(places.of, lacking) if not one.is_found and not one.problem]


def _print_workflow(console: Console, wanted: Wanted, places: Places) -> None:
    name, file = wanted.entry.compiled.workflow_type, wanted.entry.document.file
    console.print(Text.assemble((name, "bold"), f"  {file}"))
    for need in wanted.needs:
        console.print(f"  {_title(need)}", markup=False)
        width = max(map(len, names_of([need])), default=0)
        for alternative in need.alternatives:
            if alternative.scheme:
                console.print(f"    {alternative.scheme}", markup=False)
            for secret in alternative.secrets:
                place = places.of(secret)
                told = Text(place.told, "" if place.is_found else "bold red")
                console.print(Text.assemble(f"      {secret.ljust(width)}  ", told))
    for message in dict.fromkeys(without_settings(wanted.entry)):
        console.print(f"  {message}: `durazzo check` tells what settings.yaml wants", markup=False)
    console.print()


def _title(need: Need) -> str:
    several = "one of" if len(need.alternatives) > 1 else "it takes"
    optional = "" if need.required else " (it can go without)"
    if need.kind == "input":
        (name,) = need.users
        given = f"given by name at the start, `--secret {name}=NAME`{optional}"
        which = several if need.alternatives else "any secret of the worker"
        return f"input {name}, {given}: {which}"
    return f"credential of {', '.join(need.users)}{optional}: {several}"


def _print_mends(console: Console, places: Places, missing: Sequence[Place]) -> None:
    if not missing:
        console.print("nothing is missing")
    else:
        console.print(
            "\nWhat is missing is set as a variable where the worker runs, before it starts, or "
            "written into a file at any time:"
        )
        width = max(len(one.variable) for one in missing)
        for one in missing:
            console.print(f"  {one.variable.ljust(width)}  {one.file}", markup=False)
    for one in (*places.seen, places.key):
        if one.is_open:
            said = f"warning: others on this machine can read {one.file}: `chmod 600 {one.file}`"
            console.print(said, markup=False)


if __name__ == "__main__":
    app()

"""The catalogue as the commands see it: the shipped documents, or those of --documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.errors import InputInvalid
from catalogue import load_catalogue, worker_defaults
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from catalogue import Catalogue, Entry


def open_catalogue(documents: Sequence[Path] | None) -> Catalogue:
    """Return the catalogue of these folders. Raises InputInvalid, DocumentInvalid."""
    settings = load_settings()
    return load_catalogue(documents or settings.documents, worker_defaults(settings))


def find_runnable(documents: Sequence[Path] | None, workflow: str) -> Entry:
    """Return a workflow that has a plan.

    Raises InputInvalid, also with the documents that can't be read (it may stand in one of
    them), and DocumentInvalid.
    """
    catalogue = open_catalogue(documents)
    try:
        return catalogue.runnable(workflow)
    except InputInvalid as error:
        if catalogue.broken:
            broken = "\n".join(one.error.message for one in catalogue.broken)
            error.args = (f"{error.message}\nor it stands in what can't be read:\n{broken}",)
            error.message = str(error)
        raise

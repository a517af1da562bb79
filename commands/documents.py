"""The catalogue as the commands see it: the shipped documents, or those of --documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue import load_catalogue, worker_defaults
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from catalogue import Catalogue


def open_catalogue(documents: Sequence[Path] | None) -> Catalogue:
    """Return the catalogue of these folders. Raises InputInvalid, DocumentInvalid."""
    settings = load_settings()
    return load_catalogue(documents or settings.documents, worker_defaults(settings))

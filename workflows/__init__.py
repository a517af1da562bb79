"""The deterministic Temporal side: one workflow class per Arazzo workflow.

`from workflows import ExportCohortMembers` gives the class of `export-cohort-members`, made from
the catalogue when it is first asked for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.run import ArazzoRun


@cache
def _classes() -> dict[str, type[ArazzoRun]]:
    from catalogue import load_catalogue  # noqa: PLC0415 - only where classes are made
    from settings import load_settings  # noqa: PLC0415
    from workflows.factory import class_name, make_class  # noqa: PLC0415

    types = load_catalogue(load_settings().documents).workflow_types
    return {class_name(name): make_class(name, __name__) for name in types}


def __getattr__(name: str) -> type[ArazzoRun]:
    """Return the class of a workflow of the catalogue. Raises AttributeError for any other name."""
    found = _classes().get(name) if not name.startswith("_") else None
    if found is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return found

"""Values from outside that look like what only the engine makes: references and hidden values.

A service, or whoever delivers a message, could answer with one and so have the content of another
run, or a secret of the worker, sent to it by a later step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo.blobs import blobs_in
from arazzo.errors import StepFailed
from arazzo.inputs import holds_hidden

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.blobs import Blob


def refuse_foreign(value: Any, known: Collection[Blob]) -> None:
    """Raise StepFailed for a blob reference that is none of the run's own."""
    if any(one not in known for one in blobs_in(value)):
        raise _refused("a blob reference", "blob-foreign")


def refuse_hidden(value: Any) -> None:
    """Raise StepFailed for what looks like a secret by name or a sealed value."""
    if holds_hidden(value):
        raise _refused("a secret", "secret-foreign")


def _refused(what: str, reason: str) -> StepFailed:
    return StepFailed(
        f"a value that came from outside looks like {what}, which is not followed; "
        "output only the parts that are needed",
        reason=reason,
    )

"""What is wrong with the documents of one folder together, though each is right alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.compilation import CompiledDocument
    from arazzo.errors import Finding


def duplicates(documents: Iterable[CompiledDocument]) -> Iterator[Finding]:
    """Yield the workflows of which another document has one of the same type.

    A worker that is given the folder refuses to start.
    """
    catalogue = Catalogue(documents, [])
    files = catalogue.duplicates()
    for entry in catalogue.entries:
        compiled = entry.compiled
        first = files.get(compiled.workflow_type, [entry.document.file])[0]
        if entry.document.file != first:
            yield compiled.source.finding(
                "duplicate-workflow",
                f"the workflow `{compiled.workflow_type}` stands in {first} as well, and a worker "
                "can't serve both",
                (*compiled.path, "workflowId"),
                where=f"workflow {compiled.workflow.workflow_id}",
                mend="name one of them otherwise, or set a `prefix:` in the settings.yaml of a "
                "folder of its own",
            )

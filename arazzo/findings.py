"""All findings of a document together: of its shape, of its workflows, and the advice."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from arazzo.advice import advise
from arazzo.deviations import DEVIATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from arazzo.compilation import CompiledDocument
    from arazzo.errors import Finding

STRICTLY_REFUSED: Final = frozenset(DEVIATIONS) | frozenset(
    (
        "unknown-field", "parameter-location", "operation-path-form", "second-document",
        "parameter-spelling", "action-parameter-in", "undeclared-input",
        "outputs-of-operation", "parameter-without-in", "undocumented-status",
        "parameters-as-map", "ref-for-reference", "unnamed-action", "source-type",
    )
)  # fmt: skip
"""Codes of what the standard does not have, and the engine understands all the same."""


@lru_cache(maxsize=8)
def checked_findings(document: CompiledDocument) -> tuple[Finding, ...]:
    """Return everything that is wrong or doubtful in a document; found once, asked often."""
    found = [*document.findings]
    for compiled in document.workflows:
        found += [*compiled.findings, *advise(compiled)]
    return tuple(in_order(found))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by file, line and column, each once."""

    def place(one: Finding) -> tuple[str, int, int]:
        return (one.place.file, one.place.line, one.place.column) if one.place else ("", 0, 0)

    return sorted(dict.fromkeys(findings), key=place)


def strictly(one: Finding) -> Finding:
    """Return the finding as the strict check has it: what the standard lacks is an error."""
    return replace(one, severity="error") if one.code in STRICTLY_REFUSED else one

"""What expressions read of the document itself: it goes into the plan, so no run reads a file.

«$self», «$sourceDescriptions.<name>.<field>» and «$components.<type>.<name>» (Arazzo 1.0.1, 4.7;
1.1.0, 5.9). A component is data here: an object as the document has it, expressions and all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo import template
from arazzo.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Collection

    from arazzo.context import Json
    from arazzo.model import Document
    from arazzo.yaml_text import YamlText

KINDS: Final = ("inputs", "parameters", "successActions", "failureActions")
"""The fields of the Components Object, 4.6.9."""


def written_components(source: YamlText) -> dict[str, dict[str, Json]]:
    """Return the components of a document that was parsed, as it has them, by kind and name."""
    found = source.value.get("components") or {}
    return {kind: found[kind] for kind in KINDS if kind in found}


def constants(document: Document, source: YamlText, reads: Collection[str]) -> dict[str, Any]:
    """Return the constants of a plan for what is read: roots, and `components.KIND.NAME`."""
    found: dict[str, Any] = {}
    if "self" in reads:
        found["self"] = document.self_uri
    if "sourceDescriptions" in reads:
        found["sources"] = {
            one.name: one.model_dump(include={"name", "url", "type"}, exclude_none=True)
            for one in document.source_descriptions
        }
    for kind, named in written_components(source).items():
        read = {n: value for n, value in named.items() if f"components.{kind}.{n}" in reads}
        if read:
            found.setdefault("components", {})[kind] = read
    return found


def has_expressions(value: Json) -> bool:
    """Return whether a JSON value holds expressions, well written or not."""
    try:
        return any(template.expressions_of(value))
    except ExpressionError:
        return True

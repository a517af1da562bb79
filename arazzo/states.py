"""What criteria read of a response, and whether they can hold for a state that it may have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from arazzo import criterion
from arazzo.context import Context, ResponseView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.context import Json
    from arazzo.plan import CriterionPlan

_STRINGS: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_FILTER: Final = re.compile(r"\s*\$\[\?(?P<inside>[^$]*)\]\s*")
_READ: Final = re.compile(r"@((?:\.[A-Za-z_][\w\-]*)+)(?![\w.\[(\-])")
OK: Final = 200
_REDIRECT: Final = re.compile(r"\$statusCode\s*==\s*['\"]?3\d\d\b")


def read_pointers(plan: CriterionPlan) -> Iterator[str | None]:
    """Yield the places of the response that a criterion reads; None for all else that it reads."""
    one = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
    of_context = one.context is not None and one.kind in ("condition", "query")
    for read in one.expressions():
        if read.root == "statusCode" or (of_context and read == one.context):
            continue
        whole = read.root == "response" and read.rest == "body"
        yield (read.pointer or "") if whole else None
    if one.kind == "query":
        yield from _of_filter(one)
    elif one.kind == "condition":
        yield from criterion.root_pointers(one)
    elif one.kind not in ("regex", "equal"):
        yield None


def _of_filter(one: criterion.Criterion) -> Iterator[str | None]:
    """The members that a filter on the root compares, `$[?@.status == 'done']`."""
    found = _FILTER.fullmatch(_STRINGS.sub("''", one.text))
    context = one.context
    if found is None or context is None or (context.root, context.rest) != ("response", "body"):
        yield None
        return
    inside = found["inside"]
    names = _READ.findall(inside)
    if len(names) != inside.count("@") or "[" in inside:
        yield None
    yield from ((context.pointer or "") + name.replace(".", "/") for name in names)


def asks_for_redirect(plan: CriterionPlan) -> bool:
    """Return whether a criterion asks for a redirect, which is then an answer (dialect.md, O31)."""
    return bool(_REDIRECT.search(plan.condition))


def reads_only_status(plan: CriterionPlan) -> bool:
    """Return whether a criterion reads nothing but the status of the response."""
    one = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
    return one.kind == "condition" and all(it.root == "statusCode" for it in one.expressions())


def fails_with(plan: CriterionPlan, body: Json) -> bool:
    """Return whether a criterion reads nothing but the body, and does not hold for this one."""
    if plan.condition.strip() == "" or None in set(read_pointers(plan)):
        return False
    one = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
    if any(read.root == "statusCode" for read in one.expressions()):
        return False
    return not criterion.holds(one, Context(response=ResponseView(OK, {}, body)))

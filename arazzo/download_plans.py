"""Which steps may download: receive a body into the blob store, since they only pass it on.

Only these have hours of time and a heartbeat; every other step keeps the short time of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arazzo import template
from arazzo.errors import ExpressionError
from arazzo.plan import DownloadPlan
from arazzo.provider import DownloadSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.expression import Expression
    from arazzo.plan import AttemptPlan, Call
    from arazzo.scope import Scope


def with_download(attempt: AttemptPlan, scope: Scope) -> AttemptPlan:
    """Return the attempt with what its call may download."""
    call = attempt.call
    if call is None:
        return attempt
    settings = scope.settings.operations.get(call.operation_id)
    asked = settings.download if settings else None
    planned = {"download": _download(attempt, call, asked, scope)}
    return attempt.model_copy(update={"call": call.model_copy(update=planned)})


def longest_request(call: Call) -> float:
    """Return the seconds that the longest request of a call may take in all."""
    total = call.download.total if call.download else 0.0
    return max(call.total_timeout, total)


def _download(
    attempt: AttemptPlan, call: Call, settings: DownloadSettings | None, scope: Scope
) -> DownloadPlan | None:
    """A step that looks into the body needs it in memory, and never downloads."""
    if call.method != "GET" or call.writes or not _only_passes_on(attempt):
        return None
    asked = settings or DownloadSettings()
    return DownloadPlan(
        always=settings is not None,
        decompress=asked.decompress == "gzip",
        content_type=asked.content_type,
        largest=asked.largest or scope.defaults.largest_download,
        total=asked.total or scope.defaults.transfer_timeout,
    )


def _only_passes_on(attempt: AttemptPlan) -> bool:
    """Return whether the body is read as a whole output, and nowhere else."""
    whole = [value for value in attempt.outputs.values() if _is_whole_body(value)]
    others = [value for value in attempt.outputs.values() if not _is_whole_body(value)]
    actions = (*attempt.on_success, *attempt.on_failure)
    criteria = [*attempt.success_criteria, *(one for it in actions for one in it.criteria)]
    texts = [text for one in criteria for text in (f" {one.condition}", one.context or "")]
    read = (_reads_body(one) for one in _expressions([*others, *texts]))
    return bool(whole) and not any(read)


def _is_whole_body(value: Any) -> bool:
    try:
        parsed = template.parse(value) if isinstance(value, str) else None
    except ExpressionError:  # it is reported where it is checked
        return False
    if parsed is None or not parsed.whole:
        return False
    found = template.expressions(parsed)[0]
    return found.root == "response" and found.rest in ("body", "payload") and not found.pointer


def _reads_body(one: Expression) -> bool:
    inside = one.root == "response" and one.rest.startswith(("body", "payload"))
    return inside or one.root in ("body", "outputs")


def _expressions(values: list[Any]) -> Iterator[Expression]:
    try:
        yield from template.expressions_of(values)
    except ExpressionError:  # it is reported where it is checked
        return

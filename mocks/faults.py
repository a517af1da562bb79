"""Faults that a test asks a stand-in for, scripted per operation.

A fault is a JSON object:

    operationId  which operation it strikes (required)
    kind         what happens (required), one of the kinds below
    times        how many requests it strikes, default 1
    after        how many requests of the operation pass first, counted since the fault was added

Kinds, with their own fields:

    status          answers `status` (required) with `headers` and `body` (the service's own error
                    without); the request is not taken
    throttled       answers 429 in the service's own words, come again in `seconds` (default 1)
    reset-before    the connection is reset, the request is not taken
    reset-after     the request is taken, then the connection is reset without an answer
    hang            the request is taken, the answer comes `seconds` (required) later
    malformed       the request is taken, the answer holds `body`, which is not its JSON
    repeat-cursor   the request is taken, the page names itself as the next one
    job-fails       the job that this request starts ends as failed, with `message` as the reason
                    and `attribution` (customer or platform) as its origin, where the service tells
    job-is-canceled the job that this request starts ends as canceled, where the service has that
    job-never-ends  the job that this request starts never ends
    job-seems-idle  polls see the job that this request starts as not begun while it is in its
                    first state, where the service has that

One job fault, one repeat-cursor and one other fault can strike the same request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

USUAL_JOB_KINDS = ("job-fails", "job-never-ends")
JOB_KINDS = (*USUAL_JOB_KINDS, "job-is-canceled", "job-seems-idle")
PAGE_KINDS = ("repeat-cursor",)
ANSWER_KINDS = ("status", "throttled", "reset-before", "reset-after", "hang", "malformed")
FIELDS_OF_KIND: Mapping[str, frozenset[str]] = {
    "status": frozenset({"status", "headers", "body"}),
    "throttled": frozenset({"seconds"}),
    "job-fails": frozenset({"message", "attribution"}),
    "hang": frozenset({"seconds"}),
    "malformed": frozenset({"body"}),
}
COMMON_FIELDS = frozenset({"operationId", "kind", "times", "after"})
ATTRIBUTIONS = ("customer", "platform")
MALFORMED_BODY = '{"status": "comp'


class FaultRefused(ValueError):
    """A fault that cannot be scripted; the text says why."""


@dataclass
class Fault:
    """One scripted fault with what is left of it; fields as in the module's text."""

    operation_id: str
    kind: str
    times: int
    after: int
    status: int
    headers: dict[str, str]
    body: Any
    seconds: float
    message: str | None
    attribution: str | None

    def describe(self) -> dict[str, Any]:
        """The fault as a JSON object, with the times and requests that are still to come."""
        common = {
            "operationId": self.operation_id,
            "kind": self.kind,
            "times": self.times,
            "after": self.after,
        }
        own = FIELDS_OF_KIND.get(self.kind, frozenset())
        return common | {name: getattr(self, name) for name in sorted(own)}


class Faults:
    """The faults scripted so far, in the order given."""

    def __init__(
        self,
        operation_ids: Collection[str],
        job_operation_ids: Collection[str],
        page_operation_ids: Collection[str] = (),
        job_kinds: Collection[str] = USUAL_JOB_KINDS,
    ) -> None:
        self._operation_ids = operation_ids
        self._job_operation_ids = job_operation_ids
        self._page_operation_ids = page_operation_ids
        self._job_kinds = job_kinds
        self._faults: list[Fault] = []

    def add(self, description: object) -> Fault:
        """Script one fault; raises FaultRefused when its description is wrong."""
        fault = read_fault(description)
        known, kind = fault.operation_id, fault.kind
        _require(known in self._operation_ids, self._unknown(known))
        if kind in JOB_KINDS:
            _require(kind in self._job_kinds, f"no job here has the fault {kind!r}")
            _require_among(self._job_operation_ids, known, "starts no job")
        if kind in PAGE_KINDS:
            _require_among(self._page_operation_ids, known, "has no pages")
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every fault."""
        self._faults.clear()

    def describe(self) -> list[dict[str, Any]]:
        """The faults that are still to come, as JSON objects."""
        return [fault.describe() for fault in self._faults]

    def strike(self, operation_id: str) -> Fault | None:
        """The fault that strikes the answer to this request, if any; it is used up by one."""
        return self._draw(operation_id, ANSWER_KINDS)

    def strike_job(self, operation_id: str) -> Fault | None:
        """The fault that strikes the job which this request starts, if any."""
        return self._draw(operation_id, JOB_KINDS)

    def strike_page(self, operation_id: str) -> Fault | None:
        """The fault that strikes the page which this request asks for, if any."""
        return self._draw(operation_id, PAGE_KINDS)

    def _draw(self, operation_id: str, kinds: Collection[str]) -> Fault | None:
        matching = [
            fault
            for fault in self._faults
            if fault.operation_id == operation_id and fault.kind in kinds
        ]
        drawn = next((fault for fault in matching if fault.after == 0), None)
        for fault in matching:
            fault.after = max(0, fault.after - 1)
        if drawn:
            drawn.times -= 1
            self._faults = [fault for fault in self._faults if fault.times > 0]
        return drawn

    def _unknown(self, operation_id: str) -> str:
        return f"no operation {operation_id!r}; there are: {', '.join(self._operation_ids)}"


def read_fault(description: object) -> Fault:
    """A fault from its JSON object; raises FaultRefused when something is wrong with it."""
    if not isinstance(description, dict):
        raise FaultRefused("a fault is a JSON object")
    kind = _read_kind(description)
    return Fault(
        operation_id=_read_text(description, "operationId"),
        kind=kind,
        times=_read_integer(description, "times", default=1, lowest=1, highest=10**9),
        after=_read_integer(description, "after", default=0, lowest=0, highest=10**9),
        status=_read_status(description, kind),
        headers=_read_headers(description),
        body=_read_body(description, kind),
        seconds=_read_seconds(description, kind),
        message=_read_optional_text(description, "message"),
        attribution=_read_attribution(description),
    )


def _read_kind(description: Mapping[str, Any]) -> str:
    kind = _read_text(description, "kind")
    kinds = ANSWER_KINDS + PAGE_KINDS + JOB_KINDS
    _require(kind in kinds, f"no kind {kind!r}; there are: {', '.join(kinds)}")
    allowed = COMMON_FIELDS | FIELDS_OF_KIND.get(kind, frozenset())
    unknown = sorted(set(description) - allowed)
    _require(not unknown, f"kind {kind!r} has no field {', '.join(unknown)}")
    return kind


def _read_text(description: Mapping[str, Any], name: str) -> str:
    value = description.get(name)
    if not isinstance(value, str):
        raise FaultRefused(f"{name} is required and is a string")
    return value


def _read_optional_text(description: Mapping[str, Any], name: str) -> str | None:
    return _read_text(description, name) if name in description else None


def _read_attribution(description: Mapping[str, Any]) -> str | None:
    attribution = _read_optional_text(description, "attribution")
    _require(
        attribution is None or attribution in ATTRIBUTIONS,
        f"attribution is one of {', '.join(ATTRIBUTIONS)}",
    )
    return attribution


def _read_integer(
    description: Mapping[str, Any], name: str, *, default: int | None, lowest: int, highest: int
) -> int:
    value = description.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise FaultRefused(f"{name} is an integer from {lowest} to {highest}")
    return value


def _read_status(description: Mapping[str, Any], kind: str) -> int:
    if kind != "status":
        return 200
    return _read_integer(description, "status", default=None, lowest=200, highest=599)


def _read_headers(description: Mapping[str, Any]) -> dict[str, str]:
    headers = description.get("headers", {})
    if not isinstance(headers, dict) or not all(
        isinstance(value, str) for value in headers.values()
    ):
        raise FaultRefused("headers is an object of strings")
    return headers


def _read_body(description: Mapping[str, Any], kind: str) -> Any:
    if kind != "malformed":
        return description.get("body")
    body = description.get("body", MALFORMED_BODY)
    _require(isinstance(body, str), "the body of a malformed answer is a string")
    return body


def _read_seconds(description: Mapping[str, Any], kind: str) -> float:
    if kind == "throttled":
        return _read_integer(description, "seconds", default=1, lowest=0, highest=10**6)
    if kind != "hang":
        return 0.0
    seconds = description.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise FaultRefused("seconds is required and is a number from 0")
    return float(seconds)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FaultRefused(otherwise)


def _require_among(operation_ids: Collection[str], operation_id: str, otherwise: str) -> None:
    _require(
        operation_id in operation_ids,
        f"{operation_id} {otherwise}; these do: {', '.join(operation_ids)}",
    )

"""Faults that a test asks a stand-in for, scripted per operation.

A fault is a JSON object:

    operationId  which operation it strikes (required)
    kind         what happens (required), one of the kinds below
    times        how many requests it strikes, default 1
    after        how many requests of the operation pass first, counted since the fault was added

Kinds, with their own fields:

    status          answers `status` (required) with `headers` and `body`; the request is not taken
    reset-before    the connection is reset, the request is not taken
    reset-after     the request is taken, then the connection is reset without an answer
    hang            the request is taken, the answer comes `seconds` (required) later
    malformed       the request is taken, the answer is 200 with `body`, which is not its JSON
    job-fails       the job that this request starts ends as failed
    job-never-ends  the job that this request starts never ends

One job fault and one other fault can strike the same request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

JOB_KINDS = ("job-fails", "job-never-ends")
ANSWER_KINDS = ("status", "reset-before", "reset-after", "hang", "malformed")
FIELDS_OF_KIND: Mapping[str, frozenset[str]] = {
    "status": frozenset({"status", "headers", "body"}),
    "hang": frozenset({"seconds"}),
    "malformed": frozenset({"body"}),
}
COMMON_FIELDS = frozenset({"operationId", "kind", "times", "after"})
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

    def __init__(self, operation_ids: Collection[str], job_operation_ids: Collection[str]) -> None:
        self._operation_ids = operation_ids
        self._job_operation_ids = job_operation_ids
        self._faults: list[Fault] = []

    def add(self, description: object) -> Fault:
        """Script one fault; raises FaultRefused when its description is wrong."""
        fault = read_fault(description)
        _require(fault.operation_id in self._operation_ids, self._unknown(fault.operation_id))
        starts_job = fault.operation_id in self._job_operation_ids
        _require(
            fault.kind not in JOB_KINDS or starts_job,
            f"{fault.operation_id} starts no job; these do: {', '.join(self._job_operation_ids)}",
        )
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

    def strike_job(self, operation_id: str) -> str | None:
        """The kind of fault that strikes the job which this request starts, if any."""
        fault = self._draw(operation_id, JOB_KINDS)
        return fault.kind if fault else None

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
    )


def _read_kind(description: Mapping[str, Any]) -> str:
    kind = _read_text(description, "kind")
    kinds = ANSWER_KINDS + JOB_KINDS
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
    if kind != "hang":
        return 0.0
    seconds = description.get("seconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
        raise FaultRefused("seconds is required and is a number from 0")
    return float(seconds)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise FaultRefused(otherwise)

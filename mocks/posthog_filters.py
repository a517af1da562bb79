"""Filters of dynamic cohorts in the PostHog stand-in: their grammar, and whom they match."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mocks.posthog_access import Problem
from mocks.posthog_persons import Person

GROUP_TYPES = ("AND", "OR")
FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    # kind: required fields, further fields that it may have
    "behavioral": (
        frozenset({"key", "value", "event_type"}),
        frozenset({
            "time_value", "time_interval", "negation", "operator", "operator_value",
            "seq_event", "seq_event_type", "seq_time_value", "seq_time_interval",
            "total_periods", "min_periods", "event_filters",
            "explicit_datetime", "explicit_datetime_to",
        }),
    ),
    "cohort": (frozenset({"key", "value"}), frozenset({"negation"})),
    "person": (frozenset({"key", "operator", "value"}), frozenset({"negation"})),
    "person_metadata": (frozenset({"key", "operator", "value"}), frozenset({"negation"})),
}  # fmt: skip
UNARY_OPERATORS = ("is_set", "is_not_set")
BEHAVIOUR_SHARE = 3
COHORT_IN_SQL = re.compile(r"cohort_id\s*=\s*(\d+)|COHORT\s+(\d+)", re.IGNORECASE)
Resolve = Callable[[int], frozenset[str]]


def require_filters(filters: object, year: int) -> None:
    """Refuse with a 400 what is no filter; null is none at all."""
    if filters is None:
        return
    if not isinstance(filters, dict) or "properties" not in filters:
        raise _wrong("Filters must contain a 'properties' key with type and values.")
    _require_node(filters["properties"], year, at_top=True)


def _require_node(node: object, year: int, *, at_top: bool = False) -> None:
    if not isinstance(node, dict):
        raise _wrong("A filter must be an object.")
    kind = node.get("type")
    if kind in GROUP_TYPES:
        if not isinstance(node.get("values"), list):
            raise _wrong(f"The values of an {kind} group must be a list.")
        for value in node["values"]:
            _require_node(value, year)
        return
    if at_top or kind not in FIELDS or (kind == "person_metadata" and year <= 2025):  # noqa: PLR2004 - it came in 2026
        raise _wrong(f"Invalid filter type: {kind}")
    _require_leaf(node, str(kind))


def _require_leaf(leaf: Mapping[str, Any], kind: str) -> None:
    required, further = FIELDS[kind]
    if kind.startswith("person") and leaf.get("operator") in UNARY_OPERATORS:
        required -= {"value"}
    missing = sorted(name for name in required if leaf.get(name) is None)
    if missing:
        raise _wrong(f"Missing required keys for {kind} filter: {', '.join(missing)}")
    extra = sorted(set(leaf) - required - further - {"type", "value"})
    if extra:
        raise _wrong(f"Extra keys are not permitted in a {kind} filter: {', '.join(extra)}")
    if kind == "cohort" and type(leaf["value"]) is not int:
        raise _wrong("The value of a cohort filter must be the id of a cohort.")


def _wrong(detail: str) -> Problem:
    return Problem(400, detail, attr="filters")


def leaves(node: object) -> Iterator[Mapping[str, Any]]:
    """All objects in a filter or query that are leaves of a kind."""
    if isinstance(node, dict):
        if node.get("type") in FIELDS:
            yield node
        for value in node.values():
            yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)


def cohorts_in(criteria: object) -> set[int]:
    """The ids of the cohorts that a filter or query refers to."""
    in_sql = {int(one or other) for one, other in COHORT_IN_SQL.findall(json.dumps(criteria))}
    named = {leaf["value"] for leaf in leaves(criteria) if leaf["type"] == "cohort"}
    return in_sql | {value for value in named if type(value) is int}


def kind_of(filters: object, *, is_static: bool) -> str:
    """The type of a cohort with these filters."""
    if is_static:
        return "static"
    count = sum(leaf["type"] == "behavioral" for leaf in leaves(filters))
    return ("person_property", "behavioral")[count] if count < 2 else "analytical"  # noqa: PLR2004 - more than one


def match(filters: Mapping[str, Any] | None, person: Person, resolve: Resolve) -> bool:
    """Whether a filter that is sound matches a person; `resolve` gives members of cohorts."""
    return filters is not None and _matches(filters["properties"], person, resolve)


def match_query(query: Mapping[str, Any], person: Person, resolve: Resolve) -> bool:
    """Whether a query picks a person: those of the cohorts it names, else one in three."""
    cohorts = cohorts_in(query)
    if cohorts:
        return any(person.uuid in resolve(cohort_id) for cohort_id in cohorts)
    return _by_chance(json.dumps(query, sort_keys=True), person)


def _matches(node: Mapping[str, Any], person: Person, resolve: Resolve) -> bool:
    if node["type"] in GROUP_TYPES:
        results = [_matches(value, person, resolve) for value in node["values"]]
        return bool(results) and (any if node["type"] == "OR" else all)(results)
    if node["type"] == "cohort":
        result = person.uuid in resolve(node["value"])
    elif node["type"] == "behavioral":
        result = _by_chance(f"{node['key']} {node['value']}", person)
    elif node["type"] == "person_metadata":
        result = _by_chance(f"{node['key']} {node['operator']}", person)
    else:
        result = compare(node["operator"], node.get("value"), person.properties.get(node["key"]))
    return result != bool(node.get("negation"))


def _by_chance(text: str, person: Person) -> bool:
    """One person in three, always the same ones: no events are stored here."""
    return zlib.crc32(f"{text} {person.uuid}".encode()) % BEHAVIOUR_SHARE == 0


def compare(operator: str, wanted: Any, found: Any) -> bool:
    """Whether a person's property is as an operator wants it; a list is any of its values."""
    values = [_plain(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    text = _plain(found)
    positive: Mapping[str, Callable[[], bool]] = {
        "exact": lambda: found is not None and text in values,
        "icontains": lambda: found is not None and any(value in text for value in values),
        "regex": lambda: found is not None and any(_finds(value, text) for value in values),
        "is_set": lambda: found is not None,
        "gt": lambda: _number(found) > _number(values[0]),
        "gte": lambda: _number(found) >= _number(values[0]),
        "lt": lambda: _number(found) < _number(values[0]),
        "lte": lambda: _number(found) <= _number(values[0]),
    }
    opposite = {
        "is_not": "exact",
        "not_icontains": "icontains",
        "not_regex": "regex",
        "is_not_set": "is_set",
    }
    if operator in opposite:
        return not positive[opposite[operator]]()
    return operator in positive and positive[operator]()


def _plain(value: Any) -> str:
    return str(value).lower()


def _finds(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")

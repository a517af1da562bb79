"""The compliance suite of RFC 9535 for JSONPath queries."""

from __future__ import annotations

import json
from typing import Any

from conftest import shared_folder

from arazzo.navigation import is_query, same_json, select

CASES = 703
DIFFERENCES: dict[str, str] = {}
"""The name of a case to the words of RFC 9535 that speak against it."""


def _is_met(case: dict[str, Any]) -> bool:
    if case.get("invalid_selector"):
        return not is_query(case["selector"])
    found = list(select(case["selector"], case["document"]))
    wanted = case["results"] if "results" in case else [case["result"]]
    return any(same_json(found, one) for one in wanted)


def test_compliance_suite() -> None:
    """A query selects what the standard says; what is none is refused."""
    file = shared_folder("conformance") / "jsonpath-cts" / "cts.json"
    cases = json.loads(file.read_text(encoding="utf-8"))["tests"]
    assert len(cases) == CASES
    assert {one["name"] for one in cases if not _is_met(one)} == set(DIFFERENCES)

"""Findings for machines: JSON, SARIF 2.1.0, GitHub's annotations; and a table of their counts."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arazzo.errors import Finding

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(findings: Sequence[Finding]) -> str:
    """Return an array of objects: code, severity, message, file, line, column, where, mend."""
    return json.dumps([_object(one) for one in findings], indent=2, ensure_ascii=False)


def _object(one: Finding) -> dict[str, Any]:
    place = one.place
    return {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "where": one.where,
        "mend": one.mend,
    }


def as_sarif(findings: Sequence[Finding]) -> str:
    """Return a SARIF 2.1.0 log with one run, which code scanning tools read."""
    codes = sorted({one.code for one in findings})
    driver = {"name": "durazzo", "rules": [{"id": code} for code in codes]}
    results = [_result(one, codes.index(one.code)) for one in findings]
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0"}
    return json.dumps(log | {"runs": [{"tool": {"driver": driver}, "results": results}]}, indent=2)


def _result(one: Finding, index: int) -> dict[str, Any]:
    mend = f" Mend: {one.mend}." if one.mend else ""
    found: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": one.severity,
        "message": {"text": f"{one.message}.{mend}"},
    }
    if one.place:
        region = {"startLine": one.place.line, "startColumn": one.place.column}
        location = {"artifactLocation": {"uri": _uri(one.place.file)}, "region": region}
        found["locations"] = [{"physicalLocation": location}]
    return found


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def as_github(findings: Sequence[Finding]) -> str:
    """Return one workflow command a line, which GitHub shows beside the line of the document."""
    return "\n".join(_annotation(one) for one in findings)


def _annotation(one: Finding) -> str:
    fields = [f"title={_property(one.code)}"]
    if one.place:
        fields.append(f"file={_property(one.place.file)}")
        fields += [f"line={one.place.line}", f"col={one.place.column}"]
    mend = f"\nmend: {one.mend}" if one.mend else ""
    return f"::{one.severity} {','.join(fields)}::{_data(one.message + mend)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_counts(findings: Sequence[Finding]) -> str:
    """Return a Markdown table: how often each code was found, and in how many files."""
    counts = Counter((one.severity, one.code) for one in findings)
    files = {(one.severity, one.code, one.place and one.place.file) for one in findings}
    documents = Counter((severity, code) for severity, code, _ in files)
    rows = [
        f"| `{code}` | {severity} | {count} | {documents[severity, code]} |"
        for (severity, code), count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    ]
    return "\n".join(["| code | severity | findings | documents |", "|---|---|---:|---:|", *rows])

"""docs/corpus.md holds a table that the check printed, of codes that docs/findings.md explains."""

from __future__ import annotations

import re

from conftest import ROOT

from commands.findings_formats import as_counts

PAGE = (ROOT / "docs" / "corpus.md").read_text(encoding="utf-8")
CODE = re.compile(r"^\| `([a-z-]+)` \| (error|warning) \| [0-9]+ \| [0-9]+ \|$", re.MULTILINE)


def test_the_table_is_that_of_the_command() -> None:
    """The same columns, and each code once for each severity."""
    assert "`durazzo check ../shared/corpus --format counts`" in PAGE
    assert as_counts([]) in PAGE
    rows = CODE.findall(PAGE)
    assert len(rows) == len(set(rows)) > 0


def test_each_code_is_explained() -> None:
    """A reader can look every code up."""
    findings = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    for code, _ in CODE.findall(PAGE):
        assert f"`{code}`" in findings

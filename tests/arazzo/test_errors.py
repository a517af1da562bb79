"""Errors and findings as people read them, and the names that histories keep."""

from __future__ import annotations

import pytest

from arazzo import errors
from arazzo.errors import (
    SHOWN_CHARACTERS,
    AuthorError,
    CallerError,
    DocumentInvalid,
    DurazzoError,
    ExpressionError,
    Finding,
    OtherPartyError,
    Place,
)


def test_names_are_persisted() -> None:
    """They are `ApplicationError.type` in the histories of runs."""
    assert list(errors.RUN_ERRORS) == [
        "DocumentInvalid", "InputInvalid", "SecretMissing", "StepFailed", "UnexpectedState",
        "PollDeadlineExceeded", "OutcomeUnknown", "PayloadTooLarge",
    ]  # fmt: skip


@pytest.mark.parametrize("name", errors.RUN_ERRORS)
def test_each_is_somebodys_fault(name: str) -> None:
    """The author's, the caller's or the other party's."""
    faults = (AuthorError, CallerError, OtherPartyError)
    assert sum(issubclass(errors.RUN_ERRORS[name], one) for one in faults) == 1
    assert issubclass(errors.RUN_ERRORS[name], DurazzoError)


def test_a_finding_with_all_its_parts() -> None:
    """Place, severity, message, where, code; the line with a caret; the mend."""
    place = Place("a.yaml", 7, 5)
    found = Finding("code", "error", "it is wrong", place, "step x", "mend it", "a: bcd")
    assert str(found) == (
        "a.yaml:7:5: error: it is wrong (step x) [code]\n    a: bcd\n        ^\n  mend: mend it"
    )


def test_a_finding_with_little() -> None:
    """What is not known is not shown."""
    assert str(Finding("code", "warning", "doubtful")) == "warning: doubtful [code]"


@pytest.mark.parametrize("column", [1, 90, 5_000, 9_990])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    """A file of one line, as JSON often is, stays readable."""
    line = "x" * (column - 1) + "y" + "x" * (10_000 - column)
    _, shown, caret = str(
        Finding("code", "error", "m", Place("a.json", 1, column), line_text=line)
    ).splitlines()
    assert len(shown) <= SHOWN_CHARACTERS + 4
    assert shown[len(caret) - 1] == "y"


def test_an_expression_error_shows_a_part_of_a_long_text() -> None:
    """The text is quoted up to a bound; the offset counts from 0, the message from 1."""
    error = ExpressionError("$" * 1000, 3, "a name")
    assert len(error.message) < 300
    assert error.message.endswith("…' at character 4: expected a name")
    assert (error.offset, error.reason) == (3, "syntax")


def test_a_document_tells_its_errors() -> None:
    """Warnings are told only where there is no error."""
    warning = Finding("w", "warning", "doubtful")
    error = Finding("e", "error", "wrong")
    both = DocumentInvalid([warning, error])
    assert (both.message, both.reason) == ("error: wrong [e]", "e")
    assert both.facts == {"findings": ["w", "e"]}
    strict = DocumentInvalid([warning])
    assert (strict.message, strict.reason) == ("warning: doubtful [w]", "strict")

"""Every error that Durazzo raises on purpose. The first axis is whose fault it is.

DurazzoError
├── AuthorError                 the document's author
│   ├── ExpressionError         a text that is no expression, condition or criterion
│   └── DocumentInvalid         findings, all that is wrong with a document
├── CallerError                 whoever started the run
│   ├── InputInvalid            inputs or options that do not fit
│   └── SecretMissing           a secret name that the worker does not have or may not use
└── OtherPartyError             the service, or the way to it
    ├── StepFailed              a step failed and no action of the document took it up
    ├── UnexpectedState         an answer that the document's branches do not cover
    ├── PollDeadlineExceeded    a loop that did not end in time
    ├── OutcomeUnknown          a write of which nobody knows whether it arrived
    └── PayloadTooLarge         values that outgrow what Temporal carries

The names of the leaves that a run can end with are persisted data: they become
`ApplicationError.type` in the histories of runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return `file:line:column`, which editors and terminals can follow."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or doubtful in a document.

    `code` is stable kebab-case (`unknown-operation`); `where` names the spot in the document's
    own words (`workflow export, step poll`); `line_text` is the line that `place` points to.
    """

    code: str
    severity: Severity
    message: str
    place: Place | None = None
    where: str = ""
    mend: str = ""
    line_text: str = ""

    def __str__(self) -> str:
        """Return the finding as text: place, message, the line with a caret, and the mend."""
        start = f"{self.place}: " if self.place else ""
        where = f" ({self.where})" if self.where else ""
        lines = [f"{start}{self.severity}: {self.message}{where} [{self.code}]"]
        if self.place and self.line_text:
            lines += _pointed_at(self.line_text, self.place.column)
        if self.mend:
            lines.append(f"  mend: {self.mend}")
        return "\n".join(lines)


SHOWN_CHARACTERS = 200
"""The most that a message quotes of a text of the author's."""


def _pointed_at(line: str, column: int) -> list[str]:
    """Return the part of the line around the column, and a caret below it."""
    first = max(0, column - SHOWN_CHARACTERS // 2)
    return [
        "    " + line[first : first + SHOWN_CHARACTERS],
        "    " + " " * (column - 1 - first) + "^",
    ]


class DurazzoError(Exception):
    """The root: a message, a kebab-case `reason` code, and facts as JSON values."""

    def __init__(
        self, message: str, *, reason: str = "", facts: Mapping[str, Any] | None = None
    ) -> None:
        """Keep the facts beside the text that was made from them."""
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.facts: dict[str, Any] = dict(facts or {})


class AuthorError(DurazzoError):
    """The document's author has to mend it."""


class ExpressionError(AuthorError):
    """A text that does not follow its grammar; `offset` counts characters from 0."""

    def __init__(self, text: str, offset: int, expected: str, *, reason: str = "syntax") -> None:
        """Name what was expected at the offset."""
        shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
        super().__init__(f"{shown!r} at character {offset + 1}: expected {expected}", reason=reason)
        self.text = text
        self.offset = offset
        self.expected = expected


class DocumentInvalid(AuthorError):
    """A document that can't run; carries every finding, errors and warnings."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Join the errors into one message."""
        errors = [finding for finding in findings if finding.severity == "error"]
        super().__init__(
            "\n".join(str(finding) for finding in errors or findings),
            reason=errors[0].code if errors else "strict",
            facts={"findings": [finding.code for finding in findings]},
        )
        self.findings = tuple(findings)


class CallerError(DurazzoError):
    """Whoever started the run has to mend the start."""


class InputInvalid(CallerError):
    """Inputs or run options that do not fit the document."""


class SecretMissing(CallerError):
    """A secret that the worker does not have, or that the document may not use."""


class OtherPartyError(DurazzoError):
    """The service, or the way to it, did not do its part."""


class StepFailed(OtherPartyError):
    """A step did not succeed, and no action of the document took it up."""


class UnexpectedState(OtherPartyError):
    """A step succeeded, but its answer is a state that no action of a poll covers."""


class PollDeadlineExceeded(OtherPartyError):
    """A loop did not end before its deadline, its retry limit or the budget of visits."""


class OutcomeUnknown(OtherPartyError):
    """A write was sent and no answer came back, so sending it again could do it twice."""


class PayloadTooLarge(OtherPartyError):
    """Values too large for a history of Temporal."""


RUN_ERRORS: dict[str, type[DurazzoError]] = {
    cls.__name__: cls
    for cls in (
        DocumentInvalid,
        InputInvalid,
        SecretMissing,
        StepFailed,
        UnexpectedState,
        PollDeadlineExceeded,
        OutcomeUnknown,
        PayloadTooLarge,
    )
}
"""The errors that a run can end with, by their persisted name (DESIGN.md section 3)."""

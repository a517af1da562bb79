"""Advice about the request of a step: its parameters and its payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from arazzo import selector, template
from arazzo.credential_plans import settings_example
from arazzo.schemas import SchemaReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.advised import Subject
    from arazzo.errors import Finding
    from arazzo.openapi import Operation, SecurityScheme
    from arazzo.plan import Call, ParameterPlan, StepPlan

UNDECLARABLE: Final = frozenset(("accept", "content-type"))
"""Headers that OpenAPI describes elsewhere, so no operation declares them as parameters."""

CREDENTIAL_HEADERS: Final = frozenset(("authorization", "proxy-authorization", "cookie"))
BY_NAME: Final = "make it an input, and give that by the name of a secret"


def advise_call(subject: Subject, index: int, step: StepPlan) -> Iterator[Finding]:
    """Yield the advice about the request of a step; a step that calls a workflow has none."""
    found = subject.compiled.operations.get(step.step_id)
    call = step.attempt.call
    if found is None or call is None:
        return
    for one in call.parameters:
        yield from _parameter(subject, index, one, found.operation)
    reader = SchemaReader.of_body(found, call.content_type)
    literal = isinstance(call.payload, dict) and selector.written(call.payload) is None
    if reader is not None and literal:
        yield from _missing(subject, index, call, reader)
        yield from _properties(subject, index, call.payload, reader)


def _parameter(
    subject: Subject, index: int, one: ParameterPlan, operation: Operation
) -> Iterator[Finding]:
    scheme = _scheme(one, operation)
    if _is_undeclared(one, operation):
        message, mend = _undeclared(one, scheme)
        yield _at_parameter(subject, index, one, "undeclared-parameter", message, mend)
    credential = scheme is not None or (
        one.location == "header" and one.name.lower() in CREDENTIAL_HEADERS
    )
    if credential and isinstance(one.value, str) and one.value and not _reads(one.value):
        message = f"`{one.name}` is a credential and stands here in plain text"
        yield _at_parameter(subject, index, one, "plain-credential", message, BY_NAME)


def _scheme(one: ParameterPlan, operation: Operation) -> SecurityScheme | None:
    for scheme in operation.credentials:
        if scheme.location == one.location and scheme.name.lower() == one.name.lower():
            return scheme
    return None


def _is_undeclared(one: ParameterPlan, operation: Operation) -> bool:
    declarable = not (one.location == "header" and one.name.lower() in UNDECLARABLE)
    elsewhere = one.location in ("path", "querystring")
    return declarable and not elsewhere and operation.parameter(one.name, one.location) is None


def _undeclared(one: ParameterPlan, scheme: SecurityScheme | None) -> tuple[str, str]:
    message = f"the operation declares no {one.location} parameter `{one.name}`"
    if scheme is None:
        return f"{message}; it is sent all the same", ""
    return (
        f"{message}, for it is the credential `{scheme.scheme}`; it is sent all the same",
        f"leave it out, with `{settings_example(scheme)[1]}` in settings.yaml",
    )


def _at_parameter(
    subject: Subject, index: int, one: ParameterPlan, code: str, message: str, mend: str
) -> Finding:
    path, of_step = subject.parameter_path(index, one.name, one.location)
    if of_step:
        return subject.warn(code, message, index, (*path, "name"), mend=mend)
    return subject.warn_workflow(code, message, (*path, "name"), mend=mend)


def _missing(subject: Subject, index: int, call: Call, reader: SchemaReader) -> Iterator[Finding]:
    """Nothing is said where the names of the properties are not all written down."""
    targets = [one.target for one in call.replacements]
    if any(map(_reads, call.payload)) or not all(map(_is_member, targets)):
        return
    given = {*call.payload, *(one.removeprefix("/").split("/")[0] for one in targets)}
    for name in reader.required:
        if name not in given:
            yield subject.warn(
                "missing-property",
                f"the operation requires the property `{name}` and the payload lacks it",
                index,
                ("requestBody", "payload"),
                mend=f"add `{name}`",
            )


def _is_member(target: str) -> bool:
    return target.startswith("/") and not target.startswith("//")


def _properties(
    subject: Subject, index: int, payload: dict[str, Any], reader: SchemaReader
) -> Iterator[Finding]:
    for name, value in payload.items():
        path = ("requestBody", "payload", name)
        if _reads(name):
            continue
        if reader.refuses(name):
            message = f"the operation's body has no property `{name}` and allows no others"
            mend = reader.closest(f"/{name}")
            yield subject.warn("unknown-property", message, index, path, mend=mend)
        elif not _reads(value):
            yield from _literal(subject, index, name, value, reader)


def _literal(
    subject: Subject, index: int, name: str, value: Any, reader: SchemaReader
) -> Iterator[Finding]:
    path = ("requestBody", "payload", name)
    if problem := reader.problem(name, value):
        message = f"`{name}` does not fit the operation's body: {problem}"
        yield subject.warn("payload-mismatch", message, index, path)
    elif value and reader.is_secret(name):
        message = f"`{name}` is a password and stands here in plain text"
        yield subject.warn("plain-credential", message, index, path, mend=BY_NAME)


def _reads(value: Any) -> bool:
    return any(True for _ in template.expressions_of(value))

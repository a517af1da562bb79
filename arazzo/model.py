"""The document model of Arazzo 1.0.1, section 4.6, with the fields that 1.1.0, 5.8, adds.

It is what a document says, before any checking. What a version adds stands in versions.py.

Unknown fields are kept, so that the check can report them by name; fields that start with `x-`
are extensions. `where` of a reported field is the path of keys from the document's root.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arazzo.errors import DocumentInvalid, Finding
from arazzo.read_as_meant import as_meant
from arazzo.versions import ADDED, PUBLISHED, as_version, is_of_1_1, is_supported

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

    from arazzo.read_as_meant import Meant
    from arazzo.yaml_text import Path, YamlText

SUPPORTED_VERSIONS: Final = PUBLISHED


class ArazzoObject(BaseModel):
    """What all objects of the standard share."""

    model_config = ConfigDict(defer_build=True, extra="allow", frozen=True, populate_by_name=True)


class Info(ArazzoObject):
    """Info Object, 4.6.2."""

    title: str
    version: str
    summary: str = ""
    description: str = ""


class SourceDescription(ArazzoObject):
    """Source Description Object, 4.6.3; `type` defaults to what the file's own root key says."""

    name: str
    url: str
    type: Literal["arazzo", "openapi", "asyncapi"] | None = None


class CriterionExpressionType(ArazzoObject):
    """Criterion Expression Type Object, 4.6.12."""

    type: str
    version: str


class Criterion(ArazzoObject):
    """Criterion Object, 4.6.11."""

    condition: str
    context: str | None = None
    type: str | CriterionExpressionType = "simple"


class Reusable(ArazzoObject):
    """Reusable Object, 4.6.10."""

    reference: str
    value: Any = None


class Parameter(ArazzoObject):
    """Parameter Object, 4.6.6."""

    name: str
    value: Any
    location: str | None = Field(default=None, alias="in")


class PayloadReplacement(ArazzoObject):
    """Payload Replacement Object, 4.6.14."""

    target: str
    target_selector_type: str | CriterionExpressionType | None = Field(
        default=None, alias="targetSelectorType"
    )
    value: Any


class RequestBody(ArazzoObject):
    """Request Body Object, 4.6.13; `payload` may be any JSON value, expressions in its strings."""

    content_type: str | None = Field(default=None, alias="contentType")
    payload: Any = None
    replacements: tuple[PayloadReplacement, ...] = ()


class Action(ArazzoObject):
    """Success Action Object, 4.6.7, and Failure Action Object, 4.6.8. `retryAfter` in seconds.

    `parameters` (1.1) are inputs of the workflow that it leads to.
    """

    name: str
    type: str
    workflow_id: str | None = Field(default=None, alias="workflowId")
    step_id: str | None = Field(default=None, alias="stepId")
    parameters: tuple[Parameter | Reusable, ...] | None = None
    retry_after: Annotated[float, Field(ge=0)] | None = Field(default=None, alias="retryAfter")
    retry_limit: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="retryLimit")
    criteria: tuple[Criterion, ...] = ()


class Step(ArazzoObject):
    """Step Object, 4.6.5; of 1.1 are `timeout` in milliseconds, and `dependsOn` with stepIds."""

    step_id: str = Field(alias="stepId")
    description: str = ""
    operation_id: str | None = Field(default=None, alias="operationId")
    operation_path: str | None = Field(default=None, alias="operationPath")
    channel_path: str | None = Field(default=None, alias="channelPath")
    workflow_id: str | None = Field(default=None, alias="workflowId")
    action: str | None = None
    correlation_id: Any = Field(default=None, alias="correlationId")
    timeout: Annotated[int, Field(ge=0)] | None = None
    depends_on: tuple[str, ...] | None = Field(default=None, alias="dependsOn")
    parameters: tuple[Parameter | Reusable, ...] = ()
    request_body: RequestBody | None = Field(default=None, alias="requestBody")
    success_criteria: tuple[Criterion, ...] | None = Field(default=None, alias="successCriteria")
    on_success: tuple[Action | Reusable, ...] = Field(default=(), alias="onSuccess")
    on_failure: tuple[Action | Reusable, ...] = Field(default=(), alias="onFailure")
    outputs: dict[str, Any] = Field(default_factory=dict)


class Workflow(ArazzoObject):
    """Workflow Object, 4.6.4; `inputs` is a JSON Schema of draft 2020-12."""

    workflow_id: str = Field(alias="workflowId")
    summary: str = ""
    description: str = ""
    inputs: Any = None
    depends_on: tuple[str, ...] = Field(default=(), alias="dependsOn")
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    success_actions: tuple[Action | Reusable, ...] = Field(default=(), alias="successActions")
    failure_actions: tuple[Action | Reusable, ...] = Field(default=(), alias="failureActions")
    outputs: dict[str, Any] = Field(default_factory=dict)
    parameters: tuple[Parameter | Reusable, ...] = ()


class Components(ArazzoObject):
    """Components Object, 4.6.9."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    success_actions: dict[str, Action] = Field(default_factory=dict, alias="successActions")
    failure_actions: dict[str, Action] = Field(default_factory=dict, alias="failureActions")


class Document(ArazzoObject):
    """Arazzo Specification Object, 4.6.1; `$self` (1.1) is the document's own URI."""

    arazzo: str
    self_uri: str | None = Field(default=None, alias="$self")
    info: Info
    source_descriptions: Annotated[tuple[SourceDescription, ...], Field(min_length=1)] = Field(
        alias="sourceDescriptions"
    )
    workflows: Annotated[tuple[Workflow, ...], Field(min_length=1)]
    components: Components = Components()

    @property
    def is_of_1_1(self) -> bool:
        """Return whether it is a document of Arazzo 1.1."""
        return is_of_1_1(self.arazzo)


def parse(source: YamlText) -> tuple[Document, list[Finding]]:
    """Return the document and the warnings about its shape.

    Raises DocumentInvalid when the text is no Arazzo description of a supported version, or when
    a field is missing or of a wrong type; it carries all such findings at once.
    """
    _refuse_other_formats(source)
    read, meant = as_meant(source.value)
    value, later = as_version(read)
    try:
        document = Document.model_validate(value)
    except ValidationError as error:
        raise DocumentInvalid(list(_shape_findings(source, error))) from error
    unknown = (*_later_fields(source, later), *_unknown_fields(source, document, ()))
    shapes = (_meant_finding(source, one) for one in meant)
    return document, [*source.warnings, *shapes, *unknown]


def _meant_finding(source: YamlText, one: Meant) -> Finding:
    return source.finding(
        one.code,
        one.message,
        one.path,
        severity="warning",
        where=spelled(one.path),
        mend=one.mend,
    )


def _refuse_other_formats(source: YamlText) -> None:
    if not isinstance(source.value, dict):
        raise DocumentInvalid([_no_arazzo(source, "its root is no object")])
    if "arazzo" not in source.value:
        other = next((key for key in ("openapi", "swagger", "asyncapi") if key in source.value), "")
        said = f"this is an {other} description" if other else "it has no field `arazzo`"
        raise DocumentInvalid([_no_arazzo(source, said)])
    version = source.value["arazzo"]
    if not is_supported(version):
        raise DocumentInvalid([_unsupported_version(source, version)])


def _no_arazzo(source: YamlText, said: str) -> Finding:
    return source.finding(
        "no-arazzo",
        f"this is no Arazzo description: {said}",
        mend="an Arazzo description begins with `arazzo: 1.0.1`",
    )


def _unsupported_version(source: YamlText, version: object) -> Finding:
    return source.finding(
        "unsupported-version",
        f"the version {version!r} of Arazzo is not supported",
        ("arazzo",),
        mend=f"supported are {', '.join(SUPPORTED_VERSIONS[:-1])} and {SUPPORTED_VERSIONS[-1]}",
    )


_UNION_BRANCHES: Final = frozenset(
    ("Parameter", "Reusable", "Action", "CriterionExpressionType", "str")
)


def _shape_findings(source: YamlText, error: ValidationError) -> Iterator[Finding]:
    problems = {
        path: problem
        for problem in reversed(error.errors(include_url=False))
        if not (path := _path_of(problem["loc"])) or path[-1] != "reference"
    }  # the other branches of a union say the same thing again
    for path, problem in reversed(problems.items()):
        inside = any(other[: len(path)] == path != other for other in problems)
        if problem["type"] == "too_short" and inside:
            continue  # its elements are there, and are wrong themselves
        yield _shape_finding(source, path, problem)


def _path_of(location: tuple[int | str, ...]) -> Path:
    return tuple(part for part in location if part not in _UNION_BRANCHES)


_EXPECTED: Final = {
    "string_type": "must be a text",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "too_short": "must have at least one element",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must not be negative",
}


def _shape_finding(source: YamlText, path: Path, problem: ErrorDetails) -> Finding:
    if problem["type"] == "missing":
        name = path[-1]
        return source.finding(
            "missing-field",
            f"the field `{name}` is missing",
            path,
            where=spelled(path[:-1]),
            mend=f"add `{name}:`",
        )
    kind, said = problem["type"], problem["msg"]
    expected = _EXPECTED.get(kind) or said.replace("Input should be", "must be")
    is_number = isinstance(problem["input"], (int, float))
    return source.finding(
        "wrong-type",
        f"`{spelled(path[-2:]) if isinstance(path[-1], int) else path[-1]}` {expected}",
        path,
        where=spelled(path),
        mend="put it in quotes" if kind == "string_type" and is_number else "",
    )


def spelled(path: Path) -> str:
    """Return a path of keys as text: `workflows[0].steps[1].outputs`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _unknown_fields(source: YamlText, node: object, path: Path) -> Iterator[Finding]:
    if isinstance(node, ArazzoObject):
        yield from _unknown_of(source, node, path)
        for name, field in type(node).model_fields.items():
            yield from _unknown_fields(source, getattr(node, name), (*path, field.alias or name))
    elif isinstance(node, tuple):
        for index, child in enumerate(node):
            yield from _unknown_fields(source, child, (*path, index))
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from _unknown_fields(source, child, (*path, key))


def _later_fields(source: YamlText, later: Mapping[Path, bool]) -> Iterator[Finding]:
    version = source.value["arazzo"]
    for path, ignored in later.items():
        effect = f"so it is ignored in a document of {version}" if ignored else f"not of {version}"
        found = source.finding(
            "unknown-field",
            f"`{path[-1]}` is of Arazzo 1.1, {effect}",
            severity="warning",
            where=spelled(path[:-1]),
            mend=f"write `arazzo: {SUPPORTED_VERSIONS[-1]}`",
        )
        yield source.at_key(found, path)


_DOCUMENTATION_FIELDS: Final = frozenset(("description", "summary", "$schema"))


def _unknown_of(source: YamlText, node: ArazzoObject, path: Path) -> Iterator[Finding]:
    later = frozenset() if is_of_1_1(source.value["arazzo"]) else ADDED.get(type(node).__name__, ())
    known = [field.alias or name for name, field in type(node).model_fields.items()]
    known = [name for name in known if name not in later]
    for name in node.model_extra or {}:
        if name.startswith("x-") or name in _DOCUMENTATION_FIELDS:
            continue
        close = get_close_matches(name, known, n=1)
        found = source.finding(
            "unknown-field",
            f"{type(node).__name__} has no field `{name}`, so it is ignored",
            severity="warning",
            where=spelled(path),
            mend=f"did you mean `{close[0]}`?" if close else f"it knows {', '.join(known)}",
        )
        yield source.at_key(found, (*path, name))

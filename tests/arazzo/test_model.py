"""The shape of a document: what is missing, of a wrong type, unknown, or no Arazzo at all."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

import pytest
from written import ARAZZO, HERE, changed, pointed

from arazzo import model, yaml_text
from arazzo.errors import DocumentInvalid, Finding

FIRST = "- workflowId: run-job\n"


def warnings(text: str) -> list[Finding]:
    """Return the warnings about the shape of a document."""
    return model.parse(yaml_text.read(text, "jobs.arazzo.yaml"))[1]


def refused(text: str) -> list[Finding]:
    """Return the findings of a document that has no right shape."""
    with pytest.raises(DocumentInvalid) as caught:
        warnings(text)
    return list(caught.value.findings)


@dataclass(frozen=True)
class Case:
    """One mistake: what is changed in a good document, and what is found."""

    code: str
    changes: tuple[str, ...]
    message: str
    where: str
    mend: str = ""


def _id(case: Case) -> str:
    return f"{case.code} {case.where} {case.message[:30]}"


WRONG = [
    Case(
        "missing-field",
        ("info: {title: Jobs, version: 1.0.0}", "info: {title: Jobs}", "info", f"{HERE}info"),
        "the field `version` is missing",
        "info",
        "add `version:`",
    ),
    Case(
        "missing-field",
        ("info: {title: Jobs, version: 1.0.0}\n", "", "arazzo: ", f"{HERE}arazzo: "),
        "the field `info` is missing",
        "",
        "add `info:`",
    ),
    Case(
        "missing-field",
        ("- stepId: create\n    operationId", f"- {HERE}operationId"),
        "the field `stepId` is missing",
        "workflows[0].steps[0]",
        "add `stepId:`",
    ),
    Case(
        "missing-field",
        ("- condition: $statusCode == 200", f"- {HERE}context: $response.body"),
        "the field `condition` is missing",
        "workflows[0].steps[1].successCriteria[0]",
        "add `condition:`",
    ),
    Case(
        "missing-field",
        ("- name: again\n      type: goto", f"- {HERE}name: again"),
        "the field `type` is missing",
        "workflows[0].steps[1].onSuccess[0]",
        "add `type:`",
    ),
    Case(
        "missing-field",
        (
            "      in: path\n      value: $steps.create.outputs.id\n",
            "",
            "name: jobId",
            "«name: jobId",
        ),
        "the field `value` is missing",
        "workflows[0].steps[1].parameters[0]",
        "add `value:`",
    ),
    Case(
        "wrong-type",
        ("title: Jobs", f"{HERE}title: [Jobs]"),
        "`title` must be a text",
        "info.title",
    ),
    Case(
        "wrong-type",
        ("version: 1.0.0", f"version: {HERE}1.0"),
        "`version` must be a text",
        "info.version",
        "put it in quotes",
    ),
    Case(
        "wrong-type",
        ("type: openapi", f"type: {HERE}swagger"),
        "`type` must be 'arazzo', 'openapi' or 'asyncapi'",
        "sourceDescriptions[0].type",
    ),
    Case(
        "wrong-type",
        ("type: goto\n", f"type: goto\n      retryAfter: {HERE}soon\n"),
        "`retryAfter` must be a number",
        "workflows[0].steps[1].onSuccess[0].retryAfter",
    ),
    Case(
        "wrong-type",
        ("type: goto\n", f"type: goto\n      retryAfter: {HERE}-1\n"),
        "`retryAfter` must not be negative",
        "workflows[0].steps[1].onSuccess[0].retryAfter",
    ),
    Case(
        "wrong-type",
        ("type: goto\n", f"type: goto\n      retryLimit: {HERE}1.5\n"),
        "`retryLimit` must be a whole number",
        "workflows[0].steps[1].onSuccess[0].retryLimit",
    ),
    Case(
        "wrong-type",
        ("outputs:\n      id: $response.body#/id", f"outputs: {HERE}$response.body"),
        "`outputs` must be an object",
        "workflows[0].steps[0].outputs",
    ),
    Case(
        "wrong-type",
        ("- stepId: create\n", f"- {HERE}create\n  - stepId: create\n"),
        "`steps[0]` must be an object",
        "workflows[0].steps[0]",
    ),
    Case(
        "wrong-type",
        ("outputs:\n      id: $response.body#/id", f"{HERE}onSuccess: {{a: 1}}"),
        "`onSuccess` must be a list",
        "workflows[0].steps[0].onSuccess",
    ),
    Case(
        "wrong-type",
        ("- condition: $statusCode == 200", f"- condition: {HERE}200"),
        "`condition` must be a text",
        "workflows[0].steps[1].successCriteria[0].condition",
        "put it in quotes",
    ),
]


@pytest.mark.parametrize("case", WRONG, ids=_id)
def test_a_wrong_shape_is_refused(case: Case) -> None:
    """Missing and wrong fields are told with their place and their path, once each."""
    text, place = pointed(changed(ARAZZO, *case.changes))
    (found,) = refused(text)
    assert (found.code, str(found.place)) == (case.code, f"jobs.arazzo.yaml:{place}")
    assert found.message == case.message
    assert (found.where, found.mend) == (case.where, case.mend)


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody has to mend one to learn of the next."""
    text = changed(
        ARAZZO,
        "title: Jobs, ",
        "",
        "  url: jobs.yaml\n",
        "",
        "name: again\n      type: goto",
        "name: again",
    )
    assert [one.message for one in refused(text)] == [
        "the field `title` is missing",
        "the field `url` is missing",
        "the field `type` is missing",
    ]


@pytest.mark.parametrize("field", ["sourceDescriptions", "workflows"])
def test_lists_that_must_not_be_empty(field: str) -> None:
    """A document has at least one source and one workflow, and a workflow one step."""
    text = ARAZZO[: ARAZZO.index(f"{field}:")] + f"{field}: []\n"
    if field == "sourceDescriptions":
        text += ARAZZO[ARAZZO.index("workflows:") :]
    (found,) = refused(text)
    assert found.message.startswith(f"`{field}` must have at least one element")


NO_ARAZZO = [
    ("", "its root is no object"),
    ("[]", "its root is no object"),
    ("just a text", "its root is no object"),
    ("a: 1", "it has no field `arazzo`"),
    ("openapi: 3.1.0", "this is an openapi description"),
    ("swagger: '2.0'", "this is an swagger description"),
    ("asyncapi: 3.0.0", "this is an asyncapi description"),
]


@pytest.mark.parametrize(("text", "said"), NO_ARAZZO, ids=[text for text, _ in NO_ARAZZO])
def test_what_is_no_arazzo_description(text: str, said: str) -> None:
    """It is told what the file is instead."""
    (found,) = refused(text)
    assert (found.code, found.message) == (
        "no-arazzo", f"this is no Arazzo description: {said}",
    )  # fmt: skip
    assert found.mend == "an Arazzo description begins with `arazzo: 1.0.1`"


@pytest.mark.parametrize("version", model.SUPPORTED_VERSIONS)
def test_supported_versions(version: str) -> None:
    """All published versions that this one reads."""
    assert warnings(changed(ARAZZO, "arazzo: 1.0.1", f"arazzo: {version}")) == []


@pytest.mark.parametrize(
    "version", ["2", "2.0.0", "'1'", "1.0", "null", "[1.0.1]", "1.0.1-rc1", "1.2.0"]
)
def test_other_versions_are_refused(version: str) -> None:
    """At the version's own place, with the ones that are supported."""
    (found,) = refused(changed(ARAZZO, "arazzo: 1.0.1", f"arazzo: {version}"))
    assert found.code == "unsupported-version"
    assert found.place is not None
    assert found.place.line == 1
    assert "1.0.1" in found.mend


ACTION = f"{{name: a, type: end, {HERE}typo: 1}}"
UNKNOWN = [
    Case(
        "unknown-field",
        ("operationId: createJob", f"{HERE}operationid: createJob"),
        "Step has no field `operationid`, so it is ignored",
        "workflows[0].steps[0]",
        "did you mean `operationId`?",
    ),
    Case(
        "unknown-field",
        ("requestBody", f"{HERE}requestbody"),
        "Step has no field `requestbody`, so it is ignored",
        "workflows[0].steps[0]",
        "did you mean `requestBody`?",
    ),
    Case(
        "unknown-field",
        ("info: {title: Jobs,", f"info: {{title: Jobs, {HERE}contact: me,"),
        "Info has no field `contact`, so it is ignored",
        "info",
        "it knows title, version, summary, description",
    ),
    Case(
        "unknown-field",
        ("type: end\n", f"type: end\n      {HERE}onFail: x\n"),
        "Action has no field `onFail`, so it is ignored",
        "workflows[0].steps[1].onSuccess[1]",
        "it knows name, type, workflowId, stepId, retryAfter, retryLimit, criteria",
    ),
    Case(
        "unknown-field",
        ("- condition: $statusCode == 200", f"- condition: 'true'\n      {HERE}typ: x"),
        "Criterion has no field `typ`, so it is ignored",
        "workflows[0].steps[1].successCriteria[0]",
        "did you mean `type`?",
    ),
    Case(
        "unknown-field",
        ("arazzo: 1.0.1\n", f"arazzo: 1.0.1\n{HERE}workflow: x\n"),
        "Document has no field `workflow`, so it is ignored",
        "",
        "did you mean `workflows`?",
    ),
    Case(
        "unknown-field",
        (
            "workflows:",
            f"components: {{successActions: {{a: {ACTION}}}}}\nworkflows:",
        ),
        "Action has no field `typo`, so it is ignored",
        "components.successActions.a",
        "did you mean `type`?",
    ),
]


@pytest.mark.parametrize("case", UNKNOWN, ids=attrgetter("message"))
def test_unknown_fields_are_ignored_with_a_warning(case: Case) -> None:
    """The closest known field is offered; without a close one all are (O35)."""
    text, place = pointed(changed(ARAZZO, *case.changes))
    (found,) = warnings(text)
    assert (found.code, found.severity) == (case.code, "warning")
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"
    assert (found.message, found.where, found.mend) == (case.message, case.where, case.mend)


def test_extensions_and_documentation_are_no_unknown_fields() -> None:
    """`x-` fields are anybody's; a description does no harm anywhere, nor does `$schema`."""
    text = changed(ARAZZO, "arazzo: 1.0.1", "arazzo: 1.0.1\nx-a: 1\n$schema: s")
    text = changed(text, "type: goto", "type: goto\n      x-b: {c: 1}\n      description: d")
    text = changed(text, "- name: jobId", "- name: jobId\n      summary: s")
    assert warnings(text) == []


def test_free_objects_are_not_searched() -> None:
    """Payloads, schemas and outputs hold any keys."""
    text = changed(ARAZZO, "{name: $inputs.name}", "{stepid: 1, name: $inputs.name}")
    assert warnings(text) == []


def test_reusable_objects() -> None:
    """A reference is told from an object by its field `reference`."""
    text = changed(
        ARAZZO,
        "- name: jobId\n      in: path\n      value: $steps.create.outputs.id",
        "- {reference: $components.parameters.a, value: 1}",
    )
    document, _ = model.parse(yaml_text.read(text, "a.yaml"))
    (parameter,) = document.workflows[0].steps[1].parameters
    assert parameter == model.Reusable(reference="$components.parameters.a", value=1)


def test_a_criterion_type_with_a_version() -> None:
    """The object form names the draft (4.6.12)."""
    text = changed(
        ARAZZO, "- condition: $statusCode == 200",
        "- {condition: $.a, context: $response.body, type: {type: jsonpath, version: d}}",
    )  # fmt: skip
    document, found = model.parse(yaml_text.read(text, "a.yaml"))
    (criterion,) = document.workflows[0].steps[1].success_criteria
    assert criterion.type == model.CriterionExpressionType(type="jsonpath", version="d")
    assert found == []


def test_warnings_of_the_text_are_passed_on() -> None:
    """A second YAML document is a warning of the whole."""
    assert [one.code for one in warnings(ARAZZO + "---\na: 1\n")] == ["second-document"]


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a",), "a"), (("a", 0, "b"), "a[0].b"), ((0, 1), "[0][1]")],
)
def test_paths_as_text(path: yaml_text.Path, text: str) -> None:
    """As people write them."""
    assert model.spelled(path) == text

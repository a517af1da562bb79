"""The documents that the schema of the standard is tested with: which it takes, which it refuses.

They are judged as Arazzo 1.1.0 and without their sources. All of them stand in the standard's
repository under 1.1.0 too, with no other difference, so nothing in them is of 1.2 only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest
from conftest import shared_folder

from arazzo import model, yaml_text
from arazzo.compilation import Defaults, Sources, compile_document
from arazzo.errors import DocumentInvalid
from arazzo.findings import in_order
from arazzo.provider import ProviderSettings

if TYPE_CHECKING:
    from pathlib import Path

    from arazzo.errors import Finding

FOLDER: Final = "oai-schema/v1.2-dev/tests/schema"
PUBLISHED: Final = "spec/OAI+Arazzo-Specification/tests/schema"
VERSION: Final = re.compile(r"^arazzo: .*$", re.MULTILINE)

OF_SOURCES: Final = frozenset(("source-missing", "broken-workflow"))
"""What follows of sources that are not there: it is no mistake of these documents."""

REFUSED: Final = {
    "async-both-operationId-and-channelPath": "two-operations",
    "async-channelPath-without-action": "missing-action",
    "async-depends-on-duplicate-values": "duplicate-dependency",
    "async-depends-on-empty": "empty-dependencies",
    "async-depends-on-invalid-reference": "unknown-dependency",
    "channel-path-is-invalid-for-openapi": "missing-action",
    "invalid-arazzo-version": "unsupported-version",
    "invalid-async": "unknown-action-type",
    "invalid-async-correlation-id-non-receive-action": "correlation-without-receive",
    "invalid-async-parameter-without-in": "parameter-without-in",
    "invalid-expression-type-object": "invalid-selector",
    "invalid-openapi-parameter-without-in": "parameter-without-in",
    "invalid-openapi-success-criteria": "empty-list",
    "invalid-querystring-without-value": "missing-field",
    "invalid-selector-object": "invalid-selector",
    "invalid-self-fragment": "invalid-self",
    "invalid-targetSelectorType": "unknown-type",
    "invalid-workflow-step-with-operationId": "workflow-and-operation",
    "invalid-workflow-success-criteria": "empty-list",
    "not-an-object": "no-arazzo",
    "openapi-both-operationId-and-operationPath": "two-operations",
    "openapi-duplicate-parameters": "duplicate-parameter",
    "openapi-missing-operation-target": "missing-operation",
    "workflow-duplicate-parameters": "duplicate-parameter",
    "workflow-missing-workflowId": "missing-operation",
    "workflow-step-with-action": "workflow-and-operation",
    "workflow-step-with-channelPath": "workflow-and-operation",
}
"""The finding that each refused document must have."""

TAKEN: Final = (
    "async-correlation-id-for-receive-action",
    "async-depends-on",
    "async-depends-on-across-document",
    "async-depends-on-cross-workflow",
    "async-parameter-reusable-reference",
    "async-parameter-with-in",
    "async-receive-without-correlation-id",
    "async-with-channel-path",
    "asyncapi-success-criteria",
    "bnpl-example",
    "characterization-async-invalid-channelPath-string",
    "characterization-asyncapi-operationId-without-action",
    "characterization-openapi-invalid-operationPath-string",
    "characterization-openapi-operationId-with-action",
    "characterization-openapi-receive-with-correlationId",
    "characterization-workflow-step-with-requestBody",
    "criterion-with-extended-xpath",
    "minimal",
    "minimal-async",
    "minimal-with-self",
    "oauth-example",
    "openapi-and-asyncapi",
    "openapi-operation-path",
    "openapi-parameter-reusable-reference",
    "openapi-parameter-with-in",
    "openapi-success-criteria",
    "parameter-with-querystring-and-runtime-expr",
    "parameter-with-selector",
    "parameter-with-static-querystring",
    "payload-replacement-using-selector",
    "pet-coupons-example",
    "workflow-minimal-step",
    "workflow-parameter-reusable-reference",
    "workflow-parameter-without-in",
    "workflow-success-criteria",
)
"""The documents that the schema takes."""

ARGUED: Final = {
    "async-depends-on-cross-workflow": "late-dependency",
    "bnpl-example": "unknown-output",
    "characterization-workflow-step-with-requestBody": "workflow-and-operation",
    "openapi-success-criteria": "unknown-source",
    "workflow-success-criteria": "unknown-source",
    "payload-replacement-using-selector": "unknown-step",
}
"""Documents that the schema takes and we refuse, by the text of the standard.

bnpl-example reads outputs that no step has: an expression refers to «objects serialized from the
Arazzo document» (5.9), and there is none. A step that calls a workflow has a `requestBody`, which
is «to pass to an operation as referenced by `operationId` or `operationPath`» (5.8.5); the document
itself says that the schema lets it pass «to keep backward compatibility». The next two name an
operation that is not «existing within one of the `sourceDescriptions`»: there is no `userAPI`. The
last reads the outputs of a step that is not there, as a whole, which the grammar lacks (5.9), and
sets a value «within the target location» of no payload (5.8.16). The first has a step that depends
on one of a workflow which nothing completes before, and a dependency «does not trigger execution of
the referenced steps» (5.8.5): the run could only fail there, and one line, `dependsOn` of the
workflow, makes it run.
"""

FOLLOWING: Final = {"payload-replacement-using-selector": {"replacement-target"}}
"""What else is told of one of those."""


def document(kind: str, name: str) -> Path:
    """Return the document of that name, in the folder `pass` or `fail`."""
    folder = shared_folder("conformance") / FOLDER / kind
    return next(one for one in folder.glob("*.yaml") if name_of(one) == name)


def name_of(file: Path) -> str:
    """Return the name of a document, without its endings."""
    return file.name.removesuffix(".yaml").removesuffix(".arazzo")


def errors_of(file: Path) -> list[Finding]:
    """Return the errors of a document of 1.1.0, whose sources are not there."""
    text = file.read_text(encoding="utf-8").replace("arazzo: 1.2.0", "arazzo: 1.1.0", 1)
    try:
        source = yaml_text.read(text, file.name)
        described, _ = model.parse(source)
        missing = {one.name: "is not there" for one in described.source_descriptions}
        sources = Sources(problems=missing)
        found = compile_document(source, sources, ProviderSettings(), Defaults())
    except DocumentInvalid as error:
        return list(error.findings)
    findings = in_order(it for one in found.workflows for it in one.findings)
    errors = [one for one in (*found.findings, *findings) if one.severity == "error"]
    return [one for one in errors if one.code not in OF_SOURCES]


def codes_of(file: Path) -> set[str]:
    """Return the codes of the errors."""
    return {one.code for one in errors_of(file)}


@pytest.mark.parametrize(("kind", "names"), [("pass", TAKEN), ("fail", tuple(REFUSED))])
def test_all_documents_are_judged(kind: str, names: tuple[str, ...]) -> None:
    """None is left out, and no name is listed that is not there."""
    folder = shared_folder("conformance") / FOLDER / kind
    assert {name_of(one) for one in folder.iterdir()} == set(names)
    assert set(ARGUED) <= set(TAKEN)


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED])
def test_nothing_is_of_1_2_only(name: str) -> None:
    """The standard publishes the same document under 1.1.0."""
    if name == "not-an-object":
        return  # it has no version
    file = document("fail" if name in REFUSED else "pass", name)
    published = shared_folder("corpus") / PUBLISHED / file.parent.name / file.name
    ours, theirs = file.read_text(encoding="utf-8"), published.read_text(encoding="utf-8")
    assert VERSION.sub("", ours) == VERSION.sub("", theirs)


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_must_be_refused(name: str) -> None:
    """By the finding that it was written for, and by no other."""
    assert codes_of(document("fail", name)) == {REFUSED[name]}


@pytest.mark.parametrize("name", TAKEN)
def test_a_document_that_must_be_taken(name: str) -> None:
    """Nothing is wrong with it but what the text of the standard says."""
    argued = {ARGUED[name]} if name in ARGUED else set()
    assert codes_of(document("pass", name)) - FOLLOWING.get(name, set()) == argued

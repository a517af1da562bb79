"""Servers at three levels, with variables, and relative to the place of their description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from written import ARAZZO, OPENAPI, Written, changed

from activities.load_plan import Plans
from activities.names import LoadPlanRequest
from arazzo.plan import Plan
from arazzo.provider import ProviderSettings
from arazzo.servers import ServerVariable, absolute, read_servers
from catalogue import Catalogue

if TYPE_CHECKING:
    from arazzo.errors import Finding

ROOT_SERVER = "- url: https://jobs.test/v1\n"
PATH_SERVER = "  /jobs:\n    servers: [{url: 'https://path.test/v2/'}]\n"
OWN_SERVERS = (
    "operationId: getJob\n      servers: [{url: 'https://a.test'}, {url: 'https://b.test'}]\n"
)
ALL_LEVELS = changed(OPENAPI, "operationId: getJob\n", OWN_SERVERS, "  /jobs:\n", PATH_SERVER)
TENANT = "- {url: 'https://{tenant}.jobs.test/{v}', variables: {tenant: {}, v: {enum: [v1, v2]}}}\n"


def sent_to(written: Written) -> list[str]:
    """Return the base URL of each step in the plan that a worker hands into a run."""
    plans = Plans(Catalogue([written.compiled()], []), b"k" * 32)
    found = plans.load(LoadPlanRequest(workflow_type="run-job", inputs={"name": "n"}))
    return [step.attempt.operation.server for step in Plan.model_validate(found.plan).steps]


def with_root(server: str) -> str:
    """Return the description with another server at its root."""
    return changed(OPENAPI, ROOT_SERVER, server)


def of_variables(**values: str) -> Written:
    """Return the document over a server with variables, which the settings give values."""
    settings = ProviderSettings(server_variables={"jobs": values})
    return Written(openapi=with_root(TENANT), settings=settings)


def server_findings(written: Written) -> list[Finding]:
    """Return the findings about variables of servers."""
    return [one for one in written.findings() if one.code == "server-variable"]


def test_the_nearest_level_wins() -> None:
    """The operation's servers, else its path's, else the root's (OpenAPI 3.1.1, 4.8.9, 4.8.10)."""
    assert sent_to(Written()) == ["https://jobs.test/v1"] * 2
    assert sent_to(Written(openapi=ALL_LEVELS)) == ["https://path.test/v2/", "https://a.test"]
    assert Written(openapi=ALL_LEVELS).workflow().servers == {
        "jobs": {"server1": "https://jobs.test/v1"}
    }


def test_settings_win_over_all_levels() -> None:
    """Who names a base URL for a source means all of it: a stand-in is never passed by."""
    settings = ProviderSettings(servers={"jobs": {"here": "http://127.0.0.1:1"}})
    assert sent_to(Written(openapi=ALL_LEVELS, settings=settings)) == ["http://127.0.0.1:1"] * 2


def test_names_of_servers() -> None:
    """OpenAPI 3.2 names servers; one without a name has the number of its place."""
    named = "- {url: 'https://eu.test', name: eu}\n- {url: 'https://b.test'}\n"
    assert Written(openapi=with_root(named)).workflow().servers == {
        "jobs": {"eu": "https://eu.test", "server2": "https://b.test"}
    }


def test_variables_get_their_values_from_the_settings() -> None:
    """Else their default, else the first of their enum."""
    assert sent_to(of_variables(tenant="acme")) == ["https://acme.jobs.test/v1"] * 2
    assert sent_to(of_variables(tenant="acme", v="v2"))[0] == "https://acme.jobs.test/v2"


def test_a_variable_without_a_value_is_told_once() -> None:
    """Such a server is no choice; the finding says where a value can be given."""
    (found,) = server_findings(of_variables())
    assert (found.severity, str(found.place)) == ("warning", "jobs.arazzo.yaml:16:18")
    assert "`tenant`" in found.message
    assert "server_variables: {jobs: {tenant: VALUE}}" in found.mend
    assert of_variables().workflow().servers == {"jobs": {}}


def test_a_variable_that_is_not_declared_or_has_a_note_as_its_default() -> None:
    """`{your-domain}` and `{TENANT}.a.test` are for a person to fill, so settings can."""
    note = "- {url: 'https://{a}/{b-c}', variables: {a: {default: '{TENANT}.jobs.test'}}}\n"
    assert "`a`" in server_findings(Written(openapi=with_root(note)))[0].message
    given = ProviderSettings(server_variables={"jobs": {"a": "x.jobs.test", "b-c": "v1"}})
    assert sent_to(Written(openapi=with_root(note), settings=given))[0] == "https://x.jobs.test/v1"


def test_a_value_that_a_variable_may_not_have_is_refused() -> None:
    """It could lead to another host, with the credentials of this one."""
    (found,) = server_findings(of_variables(tenant="evil.test/"))
    assert (found.severity, found.mend) == ("error", "give letters, digits, `-` and single dots")
    (found,) = server_findings(of_variables(tenant="acme", v="v3"))
    assert found.mend == "give one of v1, v2"


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [
        ("acme", True), ("a-b.c_d", True), ("v1.2", True), ("7", True), ("", False),
        ("evil.test/", False), ("evil.test#", False), ("a@evil.test", False), ("a:80", False),
        ("..", False), ("a..b", False), (".a", False), ("a.", False), ("-a", False), ("a\n", False),
        ("ä", False), ("a?b", False), ("a\\b", False), ("%2e", False),
    ],
)  # fmt: skip
def test_host_labels(value: str, is_allowed: bool) -> None:
    """A variable without an enum takes host labels alone."""
    assert ServerVariable().allows(value) is is_allowed


@pytest.mark.parametrize(
    ("url", "base", "found"),
    [
        ("https://a.test/v1", "https://b.test/o.yaml", "https://a.test/v1"),
        ("/v1", "https://b.test/docs/o.yaml", "https://b.test/v1"),
        ("v1", "https://b.test/docs/o.yaml", "https://b.test/docs/v1"),
        ("//c.test/v1", "http://b.test/o.yaml", "http://c.test/v1"),
        ("//c.test/v1", "", "https://c.test/v1"),
        ("/v1", "o.yaml", ""),
        ("/v1", "", ""),
    ],
)
def test_relative_servers(url: str, base: str, found: str) -> None:
    """They are relative to where the description is served (OpenAPI 3.1.1, 4.8.5)."""
    assert absolute(url, base) == found


def test_a_relative_server_of_a_source_with_a_url() -> None:
    """The `$self` of the description counts more than the URL of the source (OpenAPI 3.2)."""
    source = changed(ARAZZO, "url: jobs.yaml", "url: https://docs.test/api/jobs.yaml")
    relative = with_root("- url: /v3\n")
    assert sent_to(Written(source, relative))[0] == "https://docs.test/v3"
    with_self = relative.replace("info:", "$self: https://self.test/jobs\ninfo:", 1)
    assert sent_to(Written(source, with_self))[0] == "https://self.test/v3"


def test_a_relative_server_of_an_operation() -> None:
    """Where nobody knows the place of the description, it is relative to the root's server."""
    own = changed(
        OPENAPI, "operationId: getJob\n", "operationId: getJob\n      servers: [{url: /v9}]\n"
    )
    assert sent_to(Written(openapi=own)) == ["https://jobs.test/v1", "https://jobs.test/v9"]


def test_an_operation_whose_own_servers_cannot_be_used_is_refused() -> None:
    """The root's servers are another service: nothing of this operation may be sent there."""
    servers = "servers: [{url: 'https://{a}.test', variables: {a: {}}}]"
    own = changed(OPENAPI, "operationId: getJob\n", f"operationId: getJob\n      {servers}\n")
    found = server_findings(Written(openapi=own))
    assert [one.severity for one in found] == ["warning", "error"]
    given = ProviderSettings(server_variables={"jobs": {"a": "b"}})
    assert sent_to(Written(openapi=own, settings=given))[1] == "https://b.test"


def test_what_is_no_server_is_passed_over() -> None:
    """A Server Object has a text as its `url`."""
    broken = [None, {}, {"url": 7}, {"url": ""}, {"url": "/a", "name": 3, "variables": [1]}]
    assert [one.url for one in read_servers(broken)] == ["/a"]
    assert list(read_servers({"url": "/a"})) == []


ANGLES = pytest.mark.parametrize("angles", ["<<jobId>>", "<jobId>"])


@ANGLES
def test_variables_in_angles_are_read_as_those_of_the_path(angles: str) -> None:
    """Where a path parameter of that name is declared; an operationPath names it as written."""
    own = changed(OPENAPI, "/jobs/{jobId}:", f"/jobs/{angles}:")
    written = Written(openapi=own)
    assert [one.code for one in written.findings()] == ["path-without-braces"]
    assert written.step(1).request_line == "GET /jobs/{jobId}"
    named = f"operationPath: '{{$sourceDescriptions.jobs.url}}#/paths/~1jobs~1{angles}/get'"
    by_path = Written(changed(ARAZZO, "operationId: getJob", named), own)
    assert by_path.step(1).request_line == "GET /jobs/{jobId}"


def test_angles_that_name_no_parameter_are_text() -> None:
    """Nobody knows what they are."""
    own = changed(OPENAPI, "/jobs/{jobId}:", "/jobs/<<id>>:")
    assert "path-without-braces" not in {one.code for one in Written(openapi=own).findings()}


FAULTS = [
    pytest.param(
        ("- {name: jobId, in: path, required: true, schema: {type: string}}", "- {}"),
        "undeclared-path-parameter",
        "GET /jobs/{jobId} does not declare `jobId`",
        id="not declared",
    ),
    pytest.param(
        ("{name: jobId, in: path,", "{name: jobId, in: query,"),
        "undeclared-path-parameter",
        "GET /jobs/{jobId} declares `jobId` in query",
        id="declared elsewhere",
    ),
    pytest.param(
        ("- {name: jobId, in: path,", "- {name: id, in: path}\n      - {name: jobId, in: path,"),
        "unplaced-parameter",
        "declares the path parameter `id`, which its path does not have",
        id="not in the path",
    ),
    pytest.param(
        ("- {name: jobId, in: path,", "- {name: a, in: body}\n      - {name: jobId, in: path,"),
        "unplaced-parameter",
        "has the parameter `a` in `body`, which is no place",
        id="no place",
    ),
]


@pytest.mark.parametrize(("change", "code", "message"), FAULTS)
def test_faults_of_a_description(change: tuple[str, str], code: str, message: str) -> None:
    """Common ones are told at the step that calls the operation, and read as what is meant."""
    written = Written(openapi=changed(OPENAPI, *change))
    (found,) = written.findings()
    assert (found.code, found.severity, str(found.place)) == (
        code, "warning", "jobs.arazzo.yaml:22:18",
    )  # fmt: skip
    assert message in found.message
    (given,) = written.step(1).attempt.operation.parameters
    assert (given.location, given.style) == ("path", "simple")


def test_a_step_that_follows_a_wrong_declaration_still_fills_the_path() -> None:
    """The path would be sent with its variable in braces."""
    wrong = changed(OPENAPI, "{name: jobId, in: path,", "{name: jobId, in: query,")
    text = changed(ARAZZO, "- name: jobId\n      in: path", "- name: jobId\n      in: query")
    written = Written(text, wrong)
    assert [one.location for one in written.step(1).attempt.operation.parameters] == ["path"]
    assert {one.code for one in written.findings()} == {
        "undeclared-path-parameter", "parameter-location",
    }  # fmt: skip

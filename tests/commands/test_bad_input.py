"""Bad input, line by line: one clear message with place and mend, code 2, and nothing started.

Every call names an address where nobody listens: exit code 2 in place of 3 proves that the
mistake was found before anything was asked of a server.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from conftest import ROOT
from shelf import Shelf, description, document, step, workflow
from terminal import NOWHERE, Done, call, expect_clear

from commands import run, show
from commands.failures import MISTAKE

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = ROOT / "documents" / "amplitude"
EXPORT = "export-cohort-members"
SECRET = ("--secret", "basicAuth=amplitude_basic_auth")
COHORT = ("-i", "cohortId=c0ffee1")
GOTO = {"name": "on", "type": "goto"}
UNEQUAL = {"condition": "$statusCode = 200"}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Give an empty folder."""
    return Shelf(tmp_path)


def run_of(workflow_type: str, *arguments: str, documents: Path = SHIPPED, stdin: str = "") -> Done:
    """Run `durazzo run` with an address where nobody listens."""
    options = ("--documents", str(documents), "--address", NOWHERE)
    return call(run.app, workflow_type, *options, *arguments, stdin=stdin)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("export-cohort-member", "did you mean `export-cohort-members`"),
        ("submit-dsar", "`submit-and-poll-dsar`"),
        ("zzz", "there are: "),
    ],
)
def test_an_unknown_workflow_offers_the_closest_names(name: str, said: str) -> None:
    """For `run` as for `show`."""
    expect_clear(run_of(name), MISTAKE, f"there is no workflow `{name}`", said)
    expect_clear(call(show.app, name, "--documents", str(SHIPPED)), MISTAKE, said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), ("basicAuth", "cohortId")),
        (COHORT, ("basicAuth",)),
        (SECRET, ("cohortId",)),
        ((*SECRET, *COHORT, "-i", "includeProps=maybe"), ("`includeProps`", "integer")),
        ((*SECRET, *COHORT, "-i", "includeProps=7"), ("`includeProps`", "7")),
        ((*SECRET, *COHORT, "-i", "includeProps=NaN"), ("JSON does not have",)),
        ((*SECRET, *COHORT, "-i", "includeProps=1e999"), ("JSON does not have",)),
        ((*SECRET, *COHORT, "-i", "cohortId=again"), ("`cohortId` is given 2 times",)),
        ((*SECRET, "-i", "cohortID=x"), ("no input `cohortID`", "did you mean `cohortId`?")),
        ((*SECRET, "-i", "cohortId"), ("NAME=VALUE",)),
        ((*SECRET, "--inputs", "gone.json"), ("gone.json", "can't be read")),
        ((*SECRET, "--inputs", "."), ("can't be read",)),
    ],
)
def test_a_missing_or_ill_typed_input_is_named(
    arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """With what is wanted; all that is missing at once."""
    expect_clear(run_of(EXPORT, *arguments), MISTAKE, *said)


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("{", "standard input:"),
        ("[1]", "must hold one object"),
        ("", "must hold one object"),
        ("text", "must hold one object"),
        ('{"cohortId": 7}', "`cohortId`"),
        ('{"cohortId": "a", "includeProps": .nan}', "`includeProps`"),
        (f'{{"cohortId": "{"x" * 1_000_001}"}}', "bytes; 1000000 are allowed"),
        ('{"a": 1, "a": 2}', "standard input:1:10"),
        ('{"cohortId": "a", "basicAuth": "cGxhaW4tdGV4dA=="}', "--secret basicAuth=NAME"),
    ],
)
def test_inputs_from_a_file_are_checked_alike(stdin: str, said: str) -> None:
    """YAML or JSON, with the place of a mistake; too large is told before Temporal would."""
    secret = () if "basicAuth" in stdin else SECRET
    done = run_of(EXPORT, *secret, "--inputs", "-", stdin=stdin)
    expect_clear(done, MISTAKE, said)
    assert "cGxhaW4tdGV4dA" not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--secret", "basicAuth=stripe_key"), ("may use", "`amplitude_basic_auth`")),
        (("--secret", "basicAuth=cGxhaW4tdGV4dA=="), ("by its name", "not by its value")),
        (("--secret", "basicAuth"), ("INPUT=NAME",)),
        (("--secret", "basicAuth="), ("INPUT=NAME",)),
        (("--secret", "basicAut=amplitude_basic_auth"), ("did you mean `basicAuth`?",)),
        (("-i", "basicAuth=cGxhaW4tdGV4dA=="), ("given by name", "--secret basicAuth=NAME")),
        ((*SECRET, "--secret", "cohortId=amplitude_basic_auth"), ("`cohortId` is not secret",)),
    ],
)
def test_a_secret_is_given_by_a_name_that_may_be_used(
    arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """Unknown names and plain values are refused, and none is repeated."""
    done = run_of(EXPORT, *COHORT, *arguments)
    expect_clear(done, MISTAKE, *said)
    assert "cGxhaW4tdGV4dA" not in done.err
    assert "stripe_key" not in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--server", "mars"), ("has no server `mars`", "`us`", "`eu`")),
        (("--server", "https://evil.example.com"), ("has no server", "durazzo worker --server")),
        (("--server", "behavioralCohortApi=eu"), ("did you mean `behavioralCohortsApi`?",)),
        (("--server", "behavioralCohortsApi=mars"), ("has no server `mars`",)),
        (("--poll-interval", "0"), ("--poll-interval",)),
        (("--poll-interval", "nan"), ("--poll-interval",)),
        (("--deadline", "-1"), ("--deadline",)),
        (("--deadline", "inf"), ("--deadline",)),
        (("--deadline", "soon"), ("--deadline",)),
        (("--frobnicate",), ("--frobnicate",)),
    ],
)
def test_options_that_do_not_fit_are_refused(
    arguments: tuple[str, ...], said: tuple[str, ...]
) -> None:
    """A run that would fail at once is not started."""
    expect_clear(run_of(EXPORT, *COHORT, *SECRET, *arguments), MISTAKE, *said)


@pytest.mark.parametrize("address", ["localhost", "http://localhost:7233", "localhost:99999", ":1"])
def test_an_address_is_host_and_port(address: str) -> None:
    """Anything else is a mistake in the command, not a server that does not answer."""
    done = call(
        run.app, EXPORT, "--documents", str(SHIPPED), *COHORT, *SECRET, "--address", address
    )
    expect_clear(done, MISTAKE, f"`{address}`", "host:port")


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("arazzo: [1.0.1\n", "flow.arazzo.yaml:2:1", "no YAML"),
        ("openapi: 3.1.0\n", "flow.arazzo.yaml:1:1", "arazzo"),
        ("arazzo: 3.0.0\ninfo: {}\n", "flow.arazzo.yaml:1:9", "3.0.0"),
        ("just a text\n", "flow.arazzo.yaml:1:1", ""),
    ],
)
def test_a_document_that_is_none_is_told_with_its_place(
    shelf: Shelf, text: str, place: str, said: str
) -> None:
    """No YAML, no Arazzo, unsupported version: not just «there is no such workflow»."""
    shelf.add("flow.arazzo.yaml", text)
    for done in (
        run_of("fetch-thing", documents=shelf.folder),
        call(show.app, "fetch-thing", "--documents", str(shelf.folder)),
    ):
        expect_clear(done, MISTAKE, place, said)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": [step(operation_id="getThink")]}, ("`getThink`", "getThing")),
        ({"steps": [step(onSuccess=[{**GOTO, "stepId": "olny"}])]}, ("`olny`", "`only`")),
        ({"steps": [step(operation_id="$sourceDescriptions.apu.getThing")]}, ("apu", "getThing")),
        ({"steps": [step(), step()]}, ("two steps", "`only`")),
        ({"steps": [step(successCriteria=[UNEQUAL])]}, ("$statusCode = 200",)),
        ({"outputs": {"a": "$steps.onyl.outputs.x"}}, ("onyl",)),
    ],
)
def test_a_mistake_in_a_document_is_told_with_place_and_mend(
    shelf: Shelf, changed: dict[str, Any], said: tuple[str, ...]
) -> None:
    """Unknown operation, goto target or source: file, line, column, and the closest name."""
    shelf.fill(workflow(**changed))
    done = run_of("fetch-thing", documents=shelf.folder)
    expect_clear(done, MISTAKE, "flow.arazzo.json:", *said)
    assert "^" in done.err


def test_a_source_file_that_is_not_there_is_told(shelf: Shelf) -> None:
    """The places that were tried, and the two mends."""
    shelf.add("flow.arazzo.json", document())
    done = run_of("fetch-thing", documents=shelf.folder)
    expect_clear(done, MISTAKE, "api.json", "is not there; tried", "sources: {api: FILE}")


def test_a_folder_of_documents_that_is_not_there_is_told(shelf: Shelf) -> None:
    """Not an empty list."""
    expect_clear(run_of("a", documents=shelf.folder / "gone"), MISTAKE, "no folder or file")


def test_a_mistake_in_the_settings_is_told(shelf: Shelf) -> None:
    """With file, line and the likely mend."""
    shelf.fill().add("settings.yaml", "poling: {}\n")
    done = run_of("fetch-thing", documents=shelf.folder)
    expect_clear(done, MISTAKE, "settings.yaml:1:", "did you mean `polling`?")


def test_with_json_the_mistake_is_one_object(shelf: Shelf) -> None:
    """The shape of a run's report, on standard output, and nothing else anywhere."""
    done = run_of("fetch-thin", "--json", documents=shelf.fill().folder)
    assert done.code == MISTAKE
    assert done.err == ""
    assert done.json["status"] == "failed"
    assert done.json["error"]["type"] == "InputInvalid"
    assert done.json["error"]["details"]["closest"] == ["fetch-thing"]
    assert done.json["workflowId"] is None


def test_brackets_in_a_document_are_no_markup(shelf: Shelf) -> None:
    """Text of authors is printed as it is, and can't break the terminal."""
    inputs = {"properties": {"a": {"type": "string", "description": "one of [ids] [/b]"}}}
    shelf.fill(workflow(inputs=inputs, summary="take [this] [/that]"))
    done = call(show.app, "fetch-thing", "--documents", str(shelf.folder))
    assert done.code == 0
    assert "one of [ids] [/b]" in done.out
    assert "take [this] [/that]" in done.out


def test_the_description_may_be_large(shelf: Shelf) -> None:
    """Only what is called counts."""
    large = description()
    large["info"]["description"] = "x" * 2_000_000
    shelf.fill().add("api.json", json.dumps(large))
    assert call(show.app, "fetch-thing", "--documents", str(shelf.folder)).code == 0

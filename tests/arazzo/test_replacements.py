"""Payload replacements: what is put where, what finds no place, and what is found at the check."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plans import call
from written import ARAZZO, HERE, Written, changed, pointed

from arazzo.context import ABSENT, Context
from arazzo.errors import StepFailed
from arazzo.navigation import resolve_pointer
from arazzo.plan import Call, ReplacementPlan
from arazzo.replacements import injected, replaced
from arazzo.request import build

INPUTS = {"id": 7, "list": [1, 2], "payload": {"a": {"b": 1}}, "text": "<&>", "control": "\x01"}
CONTEXT = Context(inputs=INPUTS, steps={"make": {"id": "w1"}})
PAYLOAD: Any = {
    "pet": {"name": "Rex", "tags": ["a", "b"]},
    "items": [{"sku": "A", "n": 1}, {"sku": "B", "n": 2}],
    "a/b": 1,
    "m~n": 2,
    "": 3,
}
ORDER = "<order n='1'>\n <id/><p:x xmlns:p='urn:p'>old</p:x><item>A</item><item>B</item></order>"


def with_replacements(payload: Any, *replacements: dict[str, Any], **fields: Any) -> Call:
    """Return a call whose payload is changed."""
    plans = tuple(ReplacementPlan.model_validate(one) for one in replacements)
    given = {"content_type": "application/json", "payload": payload, **fields}
    return call("POST", replacements=plans, **given)


def body_of(made: Call) -> Any:
    """Return the body as the request's view has it."""
    return build(made, "https://jobs.test", CONTEXT).view.body


@dataclass(frozen=True)
class Case:
    """A target and a value, and what stands at the pointer afterwards."""

    target: str
    value: Any
    at: str
    found: Any
    type: str = "jsonpointer"


CASES = [
    Case("/pet/name", "Tom", "/pet", {"name": "Tom", "tags": ["a", "b"]}),
    Case("/pet/name", "$inputs.id", "/pet/name", 7),
    Case("/pet/name", "pet-{$inputs.id}", "/pet/name", "pet-7"),
    Case("/pet", None, "/pet", None),
    Case("/pet", {"id": "$steps.make.outputs.id"}, "/pet", {"id": "w1"}),
    Case("/items/1/n", "$inputs.list", "/items/1", {"sku": "B", "n": [1, 2]}),
    Case("/pet/tags/0", "x", "/pet/tags", ["x", "b"]),
    # what is not there yet: a member of an object that is, and the place behind a list
    Case("/pet/age", 3, "/pet/age", 3),
    Case("/new", {"a": 1}, "/new/a", 1),
    Case("/pet/tags/-", "c", "/pet/tags", ["a", "b", "c"]),
    # escapes, the empty name, and the whole
    Case("/a~1b", 9, "/a~1b", 9),
    Case("/m~0n", 9, "/m~0n", 9),
    Case("/", 9, "/", 9),
    Case("", ["all"], "", ["all"]),
    # an absent value leaves its place alone
    Case("/pet/name", "$inputs.missing", "/pet/name", "Rex"),
    Case("/nowhere/at/all", "$inputs.missing", "/pet/name", "Rex"),
    # JSONPath (1.1): every place that it selects
    Case("$.items[?@.sku == 'B'].n", 5, "/items/1/n", 5, "jsonpath"),
    Case("$.items[*].n", 5, "/items", [{"sku": "A", "n": 5}, {"sku": "B", "n": 5}], "jsonpath"),
    Case("$.pet..*", 0, "/pet", {"name": 0, "tags": 0}, "jsonpath"),
    Case("$", 1, "", 1, "jsonpath"),
]


@pytest.mark.parametrize("case", CASES, ids=attrgetter("target", "value"))
def test_what_is_put_where(case: Case) -> None:
    """«Used to identify the location to inject the value»; values keep their JSON type."""
    one = {"target": case.target, "value": case.value, "type": case.type}
    body = body_of(with_replacements(PAYLOAD, one))
    assert resolve_pointer(body, case.at) == case.found


@pytest.mark.parametrize(
    ("target", "type_"),
    [
        ("/nothing/name", "jsonpointer"),
        ("/pet/name/first", "jsonpointer"),
        ("/pet/tags/2", "jsonpointer"),
        ("/pet/tags/00", "jsonpointer"),
        ("/pet/tags/-1", "jsonpointer"),
        ("/pet/tags/-/x", "jsonpointer"),
        ("/pet/tags/x", "jsonpointer"),
        ("/items/0/n/x", "jsonpointer"),
        ("/a/b", "jsonpointer"),
        ("/x" * 50_000, "jsonpointer"),
        ("$.items[?@.sku == 'C'].n", "jsonpath"),
        ("$.nothing", "jsonpath"),
    ],
)
def test_what_finds_no_place_fails_before_sending(target: str, type_: str) -> None:
    """A target that is not there is an error that names the target and the request."""
    begin = time.process_time()
    with pytest.raises(StepFailed, match=r"POST /jobs") as caught:
        body_of(with_replacements(PAYLOAD, {"target": target, "value": 1, "type": type_}))
    assert caught.value.reason == "replacement-target"
    assert target[:20] in caught.value.message
    assert time.process_time() - begin < 1


def test_replacements_are_made_in_their_order() -> None:
    """Each one sees what those before it have made."""
    made = with_replacements(
        {"a": 1},
        {"target": "/b", "value": []},
        {"target": "/b/-", "value": {}},
        {"target": "/b/0/c", "value": "$inputs.id"},
        {"target": "/b/-", "value": 2},
    )
    assert body_of(made) == {"a": 1, "b": [{"c": 7}, 2]}


def test_inputs_are_never_changed() -> None:
    """A payload that is an input is copied where it is changed."""
    made = with_replacements("$inputs.payload", {"target": "/a/b", "value": 2})
    assert body_of(made) == {"a": {"b": 2}}
    assert INPUTS["payload"] == {"a": {"b": 1}}


def test_what_is_sent_is_the_replaced_payload() -> None:
    """The body is encoded afterwards; so forms that are given as objects work as well."""
    one = {"target": "/name", "value": "$inputs.id"}
    sent = build(with_replacements({"name": "x"}, one), "https://jobs.test", CONTEXT).body
    assert json.loads(sent or b"") == {"name": 7}
    form = with_replacements({"name": "x"}, one, content_type="application/x-www-form-urlencoded")
    assert build(form, "https://jobs.test", CONTEXT).body == b"name=7"


def test_without_replacements_nothing_changes() -> None:
    """The plan of a call without any is what it always was."""
    assert "replacements" not in call().as_json()
    assert replaced(call(), ABSENT, CONTEXT) is ABSENT


XML_CASES = [
    ("/order/id", "$inputs.id", "<id>7</id>"),
    ("/order/@n", "$inputs.id", '<order n="7">'),
    ("//item", "$inputs.text", "<item>&lt;&amp;&gt;</item><item>&lt;&amp;&gt;</item>"),
    ("//item[2]", "x", "<item>A</item><item>x</item>"),
    ("//item[1]/text()", "x", "<item>x</item><item>B</item>"),
    ("//p:x", "new", "<p:x xmlns:p='urn:p'>new</p:x>"),
    ("//item[. = 'B']", {"a": 1}, '<item>{"a":1}</item>'),
    ("//id", True, "<id>true</id>"),
    ("//nothing", "$inputs.missing", ORDER),
]


@pytest.mark.parametrize(("target", "value", "found"), XML_CASES, ids=[x[0] for x in XML_CASES])
def test_xpath_into_xml(target: str, value: Any, found: str) -> None:
    """Elements get the value as their text, attributes as their value; all else stays."""
    one = {"target": target, "value": value, "type": "xpath"}
    made = with_replacements(ORDER, one, content_type="application/xml")
    assert found in body_of(made)


@pytest.mark.parametrize(
    ("payload", "target", "value", "reason", "said"),
    [
        (ORDER, "//nothing", 1, "replacement-target", "finds no place"),
        (ORDER, "//order/text()", 1, "replacement-payload", "neither element, attribute"),
        (ORDER, "count(//item)", 1, "replacement-payload", "neither element, attribute"),
        (ORDER, "//item + 1", 1, "replacement-payload", "can't be evaluated"),
        (ORDER, "//id", "$inputs.control", "replacement-value", "a character that XML does not"),
        ("order", "//id", 1, "replacement-payload", "does not begin as XML does"),
        ("<!DOCTYPE a><a/>", "/a", 1, "replacement-payload", "DOCTYPE"),
        ({"order": 1}, "/order", 1, "replacement-payload", "the payload no XML text"),
    ],
)
def test_xpath_that_finds_no_place(
    payload: Any, target: str, value: Any, reason: str, said: str
) -> None:
    """What can't be replaced fails with nothing sent, and says why."""
    one = {"target": target, "value": value, "type": "xpath"}
    with pytest.raises(StepFailed, match=said) as caught:
        body_of(with_replacements(payload, one, content_type="application/xml"))
    assert caught.value.reason == reason
    assert f"`{target}`" in caught.value.message


def document(replacements: str, payload: str = "{name: $inputs.name}", kind: str = "") -> str:
    """Return a document whose first step has replacements."""
    content_type = f"\n      contentType: {kind}" if kind else ""
    text = f"payload: {payload}{content_type}\n      replacements: {replacements}"
    return changed(ARAZZO, "payload: {name: $inputs.name}", text)


def test_the_plan_of_replacements() -> None:
    """Targets are JSON Pointers, in XML text XPaths; the values' names are read by the step."""
    text = document("[{target: /token, value: $inputs.token}, {target: /n, value: 1}]")
    step = Written(text).step()
    call_plan = step.attempt.operation
    assert [one.type for one in call_plan.replacements] == ["jsonpointer", "jsonpointer"]
    assert set(step.request_reads.inputs) == {"name", "token"}
    xml = document("[{target: /a/b, value: 1}]", "'<a><b/></a>'", "application/xml")
    (one,) = Written(xml).step().attempt.operation.replacements
    assert one.as_json() == {"target": "/a/b", "type": "xpath", "value": 1}


def test_the_selector_type_of_a_target() -> None:
    """Arazzo 1.1.0, 5.8.15: `targetSelectorType` says what a target is, with its version."""
    kinds = "{target: $.name, targetSelectorType: jsonpath, value: 1}"
    versioned = "{target: //b, targetSelectorType: {type: xpath, version: xpath-10}, value: 1}"
    (one,) = Written(document(f"[{kinds}]")).step().attempt.operation.replacements
    assert one.type == "jsonpath"
    text = document(f"[{versioned}]", "'<a><b/></a>'", "text/xml")
    (one,) = Written(text).step().attempt.operation.replacements
    assert (one.type, one.version) == ("xpath", "xpath-10")


@pytest.mark.parametrize(
    ("target", "payload", "meant"),
    [
        ("name", "{name: 1}", "/name"),
        ("pet.name", "{pet: {name: 1}}", "/pet/name"),
        ("pet.name", "{pet.name: 1}", "/pet.name"),
        ("pet/name", "{pet: {name: 1}}", "/pet/name"),
    ],
)
def test_a_pointer_without_its_slash(target: str, payload: str, meant: str) -> None:
    """The public practice writes names with dots: read as one name if there is one, and told."""
    written = Written(document(f"[{{target: {target}, value: 1}}]", payload))
    (found,) = [one for one in written.findings() if one.code == "pointer-without-slash"]
    assert (found.severity, found.mend) == ("warning", f"write `{meant}`")
    assert written.step().attempt.operation.replacements[0].target == meant


XML = "'<a><b/></a>'"
BROKEN = [
    ("invalid-replacement", f"{{target: {HERE}'/a~2', value: 1}}", "", ""),
    ("invalid-replacement", f"{{target: {HERE}'#/name', value: 1}}", "", ""),
    ("invalid-replacement", f"{{target: {HERE}$.name, value: 1}}", "", ""),
    (
        "invalid-replacement",
        f"{{target: {HERE}'name ==', targetSelectorType: jsonpath, value: 1}}",
        "",
        "",
    ),
    ("unknown-type", f"{{target: {HERE}/name, targetSelectorType: jmespath, value: 1}}", "", ""),
    (
        "unknown-version",
        f"{{target: {HERE}/name, targetSelectorType: {{type: xpath, version: '4'}}, value: 1}}",
        "",
        "",
    ),
    ("invalid-replacement", f"{{target: {HERE}'/a[', value: 1}}", XML, "application/xml"),
    ("replacement-target", f"{{target: {HERE}/a/c, value: 1}}", XML, "application/xml"),
    ("replacement-target", f"{{target: {HERE}/name/x, value: 1}}", "{name: Rex}", ""),
    ("replacement-target", f"{{target: {HERE}/list/2, value: 1}}", "{list: [1, 2]}", ""),
    ("replacement-target", f"{{target: {HERE}/a, value: 1}}", "text", "text/plain"),
    ("unknown-input", f"{{target: /name, value: {HERE}$inputs.nam}}", "", ""),
]


@pytest.mark.parametrize(("code", "one", "payload", "kind"), BROKEN)
def test_what_is_found_at_the_check(code: str, one: str, payload: str, kind: str) -> None:
    """What is certain to fail is found before the first request, with its place."""
    text, place = pointed(document(f"[{one}]", payload or "{name: $inputs.name}", kind))
    found = [it for it in Written(text).findings() if it.code == code]
    assert [str(it.place).split(":")[1] for it in found] == [place.split(":")[0]]
    assert Written(text).workflow().plan is None


@pytest.mark.parametrize(
    ("replacements", "payload"),
    [
        ("[{target: /name/x, value: 1}]", "{name: $inputs.name}"),
        ("[{target: /x/y, value: 1}]", "$inputs.name"),
        ("[{target: /x/y, value: 1}]", "{$inputs.name: {y: 1}}"),
        ("[{target: /x, value: $inputs.name}, {target: /x/y, value: 1}]", "{name: 1}"),
        ("[{target: /x, value: {}}, {target: /x/y, value: 1}]", "{name: 1}"),
        ("[{target: /x/-, value: 1}, {target: /x/0, value: 1}]", "{x: []}"),
        ("[{target: /x, value: 1}]", "'{\"a\": 1}'"),
    ],
)
def test_what_may_be_right_is_no_finding(replacements: str, payload: str) -> None:
    """Where an expression stands on the way, only the run can tell."""
    assert not [
        one
        for one in Written(document(replacements, payload)).findings()
        if one.code.startswith(("replacement", "invalid"))
    ]


VALUES = st.recursive(
    st.none() | st.integers() | st.text("ab/~-0", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab0-", max_size=2), inner),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.lists(st.sampled_from(["a", "b", "0", "1", "-", "", "~0", "~1"]), max_size=4))
def test_what_is_put_is_found_there(body: Any, tokens: list[str]) -> None:
    """Either the value stands at its pointer afterwards, or nothing was changed and it is told."""
    pointer = "".join(f"/{token}" for token in tokens)
    before = json.dumps(body)
    made = _made(pointer, body)
    if made is not None:
        behind = pointer.endswith("/-") and isinstance(resolve_pointer(body, pointer[:-2]), list)
        found = (
            resolve_pointer(made, pointer[:-2])[-1] if behind else resolve_pointer(made, pointer)
        )
        assert found == "new"
    assert json.dumps(body) == before


def _made(pointer: str, body: Any) -> Any:
    try:
        return injected(ReplacementPlan(target=pointer), body, "new")
    except StepFailed:
        return None

"""Blob references in the language: what they are, who reaches into them, and what a run keeps."""

from __future__ import annotations

from typing import Any

import pytest
from plans import call, goto, plan, step
from world import REFERENCE, World, passed, run

from arazzo.blob_reads import reaching_in
from arazzo.blobs import SEALED_TYPE, Blob, FileValue, blob_name, blob_of, is_blob, without_content
from arazzo.context import Context
from arazzo.errors import InputInvalid, PayloadTooLarge
from arazzo.inputs import InputsSchema
from arazzo.plan import Reads
from arazzo.state import digest_of

FIELDS = REFERENCE["$blob"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {**FIELDS, "uri": 5},
        {**FIELDS, "bytes": -1},
        {**FIELDS, "bytes": "1"},
        {**FIELDS, "sha256": "abc"},
        {**FIELDS, "sha256": "G" * 64},
    ],
)
def test_a_malformed_reference_is_refused(fields: dict[str, Any]) -> None:
    """Before anything is read by it, and the message tells what it holds and how it is made."""
    with pytest.raises(InputInvalid, match="durazzo put"):
        blob_of({"$blob": fields})


@pytest.mark.parametrize("value", [{"$blob": "x"}, {"$blob": {}, "more": 1}, [], None, "$blob"])
def test_what_only_looks_like_a_reference_is_a_value(value: Any) -> None:
    """A reference has one key, which holds an object."""
    assert not is_blob(value)


CONTEXT = Context(
    inputs={"file": REFERENCE, "plain": [1], "a.b": REFERENCE},
    steps={"s": {"big": REFERENCE, "small": {"x": 1}}},
    workflows={"w": {"outputs": {"big": REFERENCE}, "inputs": {}}},
)


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ("$inputs.file", []),
        ("{$steps.s.outputs.big}", []),
        ({"a": ["$workflows.w.outputs.big"]}, []),
        ("$steps.s.outputs.small#/x", []),
        ("$response.body#/0", []),
        ("$steps.s.outputs.big#/0/name", [("0", "name")]),
        ("$steps.s.big#/0", [("0",)]),
        ("$steps.s.outputs.big.items", [("items",)]),
        ("$inputs.a.b.length", [("length",)]),
        ("$workflows.w.outputs.big#/1", [("1",)]),
        ("$sourceDescriptions.other.w.outputs.big#/1", [("1",)]),
        ("about {$inputs.file}", [()]),
        ("$steps.s.outputs.small[?@.x == $inputs.file]", [()]),
        ({"$selector": {"context": "$inputs.file", "selector": "/0", "type": "jsonpointer"}}, [()]),
    ],
)
def test_who_reaches_into_a_reference(value: Any, paths: list[tuple[str, ...]]) -> None:
    """All but what passes the whole of it on; parts and texts need the content."""
    assert [one.path for one in reaching_in(value, CONTEXT)] == paths


def test_a_name_in_the_store_is_readable_and_unmistakable() -> None:
    """Letters, digits, `-` and `_` stay; of all else a digest tells apart what looks the same."""
    assert blob_name("poll_Status-1") == "poll_Status-1"
    assert blob_name("a/b") != blob_name("a.b")
    assert blob_name("a/b").startswith("a-b-")
    assert blob_name("../..").startswith("x-")
    assert len(blob_name("ä" * 500)) < 100


def test_content_beside_a_reference_is_never_handed_on() -> None:
    """The rows that an expression read stand beside the reference only while it is read."""
    file = FileValue({**REFERENCE, "0": {"name": "Ada"}})
    assert is_blob(file)
    assert without_content({"a": [file]}) == {"a": [REFERENCE]}


def test_digests_tell_references_apart_but_for_sealed_ones() -> None:
    """The SHA-256 stands in the reference; a sealed value is spelt otherwise each time."""
    other = {"$blob": {**FIELDS, "sha256": "1" * 64}}
    sealed = [Blob("memory:///s", 9, sha * 64, SEALED_TYPE).as_json() for sha in "01"]
    assert digest_of([REFERENCE]) != digest_of([other])
    assert digest_of([sealed[0]]) == digest_of([sealed[1]])


def test_a_reference_takes_the_place_of_any_declared_input() -> None:
    """The schema speaks of the content, which is not there yet."""
    schema = InputsSchema({"properties": {"rows": {"type": "array", "minItems": 1}}})
    assert schema.check({"rows": REFERENCE}, ()) == {"rows": REFERENCE}


# -- what a run keeps ------------------------------------------------------------------------------


def big(kilobytes: int) -> str:
    """Return a text of so many kilobytes."""
    return "x" * (kilobytes * 1000)


async def test_outputs_move_when_the_run_would_outgrow_its_history() -> None:
    """The engine asks for room once it holds 1.5 MB, and goes on with references."""
    steps = [step(f"s{at}", call()) for at in range(30)]
    world = World(
        {one.step_id: [passed(outputs={"text": big(60)}, output_bytes=60_000)] for one in steps}
    )
    written = plan(*steps, stores_outputs=True, outputs={"first": "$steps.s0.outputs.text"})
    assert await run(written, world) == {"first": REFERENCE}
    assert world.stored == ["move_outputs"]


async def test_a_run_that_began_without_a_store_fails_as_it_would_have() -> None:
    """Its history has no command for the store, so a replay must not make one."""
    steps = [step(f"s{at}", call()) for at in range(30)]
    world = World({one.step_id: [passed(output_bytes=60_000)] for one in steps})
    with pytest.raises(PayloadTooLarge):
        await run(plan(*steps), world)
    assert world.stored == []


@pytest.mark.parametrize(
    ("size", "stores", "joins"), [(10, True, False), (40, True, True), (40, False, False)]
)
async def test_large_pages_are_joined_where_the_store_is(
    size: int, *, stores: bool, joins: bool
) -> None:
    """Lists of a small collection are joined at once; no row is lost when pages are references."""
    page = [big(size)]
    pages = [
        passed(0, outputs={"rows": page, "next": number}, output_bytes=size * 1000)
        for number in range(2)
    ]
    last = passed(outputs={"rows": page, "next": None}, output_bytes=size * 1000)
    reads = Reads(steps={"list": ("next",)})
    listing = step(
        "list", call(), on_success=(goto("list"),), collect=("rows",), request_reads=reads
    )
    world = World({"list": [*pages, last]})
    written = plan(listing, stores_outputs=stores, outputs={"rows": "$steps.list.outputs.rows"})
    outputs = await run(written, world)
    assert ("join_pages of list" in world.stored) is joins
    assert outputs == {"rows": REFERENCE if joins else page * 3}


async def test_an_output_that_reads_a_part_of_a_reference_is_evaluated_where_the_store_is() -> None:
    """A pointer into a reference would find nothing; one that passes it on needs no store."""
    world = World({"s": [passed(outputs={"big": REFERENCE})]})
    outputs = {"one": "$steps.s.outputs.big#/0", "all": "$steps.s.outputs.big"}
    assert (await run(plan(step("s", call()), outputs=outputs), world))["all"] == REFERENCE
    assert world.evaluated == [["one"]]

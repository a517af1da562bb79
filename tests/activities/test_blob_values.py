"""Large values, and rows of files: there again wherever an expression reads them."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import httpx
import obstore
import pytest
from attempts import answering, asked, attempt, call, operations

from activities.blob_values import BlobValues
from activities.files import memory_store
from activities.names import JoinPagesRequest
from activities.run_values import RunValues
from activities.sealing import seal
from arazzo.blob_reads import reaching_in
from arazzo.blobs import SEALED_TYPE, VALUE_TYPE, Blob, blob_of, holds_file, is_blob
from arazzo.context import Context
from arazzo.errors import StepFailed
from arazzo.plan import CriterionPlan, ParameterPlan
from arazzo.template import compile_value, evaluate_value

LARGE = ["row " * 10] * 3000


async def test_outputs_over_64_kilobytes_move_and_come_back() -> None:
    """Size never changes a value: a text, a list or a sealed one is just what it was."""
    values = BlobValues(memory_store())
    sealed = seal(b"key", LARGE)
    given = {"list": LARGE, "text": "ä" * 60_000, "sealed": sealed, "small": [1], "none": None}
    moved = await values.moved("run/step/1", given, 10**6)
    assert {name for name, one in moved.items() if is_blob(one)} == {"list", "text", "sealed"}
    assert blob_of(moved["list"]).content_type == VALUE_TYPE
    assert blob_of(moved["sealed"]).content_type == SEALED_TYPE
    assert await values.loaded({"deep": [moved]}) == {"deep": [given]}


async def test_a_value_that_holds_files_says_so_by_its_reference() -> None:
    """Workflow code reads no store, and gives hours to what sends a file."""
    values = BlobValues(memory_store())
    file = (await values.store.put("file", b"a", "text/csv")).as_json()
    given = {"files": [file] * 900, "texts": LARGE}
    moved = await values.moved("run/step/1", given, 10**6)
    assert all(map(is_blob, moved.values()))
    assert {name: holds_file(one) for name, one in moved.items()} == {"files": True, "texts": False}
    nested = await values.put("run/step/2", {"more": [moved["files"]]})
    assert holds_file([nested])
    assert await values.loaded(moved) == given


async def test_the_largest_outputs_move_first_until_the_rest_fits() -> None:
    """Of many that are small each, only as many as must."""
    given = {f"o{at}": "x" * (at * 1000) for at in range(40)}
    moved = await BlobValues(memory_store()).moved("run/step/1", given, 500_000)
    names = [name for name, one in moved.items() if is_blob(one)]
    assert names == [f"o{at}" for at in range(40 - len(names), 40)]
    assert 0 < len(names) < 20


async def test_an_attempt_that_comes_late_breaks_no_newer_value() -> None:
    """It was taken for lost while it wrote, and another took its place."""
    values = BlobValues(memory_store())
    newer = await values.put("run/step/1/rows", ["newer"])
    late = await values.put("run/step/1/rows", ["late"])
    assert [await values.loaded(one) for one in (newer, late)] == [["newer"], ["late"]]


async def test_of_joined_pages_the_last_two_stay() -> None:
    """And a join that comes late, when its pages are gone, breaks none that came after it."""
    values = RunValues(memory_store())
    before: dict[str, Any] = {"rows": ["row " * 20_000]}
    asked_for = []
    for page in range(2, 9):
        request = JoinPagesRequest(
            before=before, outputs={"rows": [page]}, names=["rows"], blobs=f"run/list/p{page % 2}"
        )
        before = await values.joined(request)
        asked_for.append(request)
    assert len(obstore.list(values.store.store).collect()) == 2
    with pytest.raises(StepFailed, match="is not in the store"):
        await values.joined(asked_for[1])
    await values.joined(asked_for[0])
    await values.joined(asked_for[-1])
    rows = (await values.blobs.loaded(before))["rows"]
    assert rows[1:] == list(range(2, 9))


async def test_no_row_is_read_of_what_is_not_the_file_of_the_reference() -> None:
    """Whoever knows a name must know the length as well; all of it wants the digest too."""
    values = BlobValues(memory_store())
    file = await values.store.put("other/run/body", CSV, "text/csv")
    for forged, expression in (
        (replace(file, size=1), "$inputs.file#/0/name"),
        (replace(file, sha256="0" * 64), "$inputs.file#/length"),
    ):
        given = {"file": forged.as_json()}
        reads = reaching_in(expression, Context(inputs=given))
        with pytest.raises(StepFailed, match="no longer the one"):
            await values.with_content(given, reads)


CSV = b'\xef\xbb\xbfname,note\r\nAda,"first, and\r\nonly"\r\nZo\xc3\xab,\r\n'
LINES = b'{"name": "Ada"}\n\n{"name": "Zo\xc3\xab"}\n'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (CSV, "text/csv"),
        (gzip.compress(CSV), "text/csv"),
        (gzip.compress(CSV[:20]) + gzip.compress(CSV[20:]), "text/csv; charset=utf-8"),
        (LINES, "application/x-ndjson"),
        (gzip.compress(LINES), "application/jsonl"),
        (b'[{"name": "Ada"}, {"name": "Zo\xc3\xab"}]', "application/json"),
    ],
)
async def test_rows_of_files_are_read_by_pointer(content: bytes, kind: str) -> None:
    """CSV by the names of its first line, NDJSON and JSON as they are; gzip is opened."""
    values = BlobValues(memory_store())
    file = await values.store.put("file", content, kind)
    written = {
        "second": "$inputs.file#/1/name",
        "count": "$inputs.file#/length",
        "none": "$inputs.file#/7/name",
        "whole": "$inputs.file",
    }
    context = Context(inputs={"file": file.as_json()})
    reads = reaching_in(written, context)
    filled = await values.with_content({"file": file.as_json()}, reads)
    found: Any = evaluate_value(compile_value(written), Context(inputs=filled))
    assert (found["second"], found["count"]) == ("Zoë", 2)
    assert "none" not in found
    assert is_blob(found["whole"])


@pytest.mark.parametrize(
    ("content", "kind", "expression", "said"),
    [
        (CSV, "text/csv", "$inputs.file#/name", "read one row"),
        (CSV, "text/csv", "all of {$inputs.file}", "read one row"),
        (b"\0\1", "application/zip", "$inputs.file#/0", "a part of the file"),
        (b"no json", "application/x-ndjson", "$inputs.file#/0", "is not what its type"),
        (gzip.compress(CSV)[:-9], "text/csv", "$inputs.file#/length", "is not what its type"),
        (b"\x1f\x8bnothing", "text/csv", "$inputs.file#/0", "is not what its type"),
        (b'a\n"b\n', "text/csv", "$inputs.file#/length", "is not what its type"),
    ],
)
async def test_a_part_that_can_not_be_read_is_told(
    content: bytes, kind: str, expression: str, said: str
) -> None:
    """It is an error that names the file, and never a null."""
    values = BlobValues(memory_store())
    file = (await values.store.put("file", content, kind)).as_json()
    reads = reaching_in(expression, Context(inputs={"file": file}))
    with pytest.raises(StepFailed, match=said):
        await values.with_content({"file": file}, reads)


# -- in an attempt --------------------------------------------------------------------------------


def query(value: str) -> ParameterPlan:
    """Return a query parameter."""
    return ParameterPlan(name="q", location="query", value=value, style="form", explode=True)


async def test_an_attempt_reads_a_moved_value_and_moves_its_own() -> None:
    """What a step hands on is small in the history, and whole in the next request."""
    answer, seen = answering(httpx.Response(200, json={"rows": LARGE, "first": "row"}))
    side = operations(answer)
    outputs = {"rows": "$response.body#/rows", "first": "$response.body#/first"}
    maker = attempt(call(largest_response=10**6), outputs=outputs)
    first = await side.perform(asked(maker, blobs="run/only/1"), 1)
    assert first.outputs["first"] == "row"
    assert is_blob(first.outputs["rows"])
    assert first.output_bytes < 1000
    plan = attempt(
        call(parameters=[query("$steps.only.outputs.rows#/2999")], largest_response=10**6),
        success_criteria=(CriterionPlan(condition="$steps.only.outputs.rows.length == 3000"),),
    )
    passed = await side.perform(asked(plan, values={"steps": {"only": first.outputs}}), 1)
    assert passed.passed, passed.why
    assert seen[-1].url.params["q"] == LARGE[0]


async def test_an_answer_can_not_name_a_blob() -> None:
    """A service that answers with a reference would have another run's content sent to it."""
    forged = Blob("memory:///other-run/secret", 1, "0" * 64, "text/plain").as_json()
    answer, _ = answering(httpx.Response(200, json={"it": [forged]}))
    plan = attempt(call(), outputs={"it": "$response.body#/it"})
    with pytest.raises(StepFailed, match="looks like a blob reference"):
        await operations(answer).perform(asked(plan), 1)

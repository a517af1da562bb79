"""What became of a write of unknown fate: found and adopted, not there, or still unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fault_documents import run, write_documents
from fault_server import Reply, answer, cut_off, fault_server

from arazzo.scope import Defaults

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = Defaults(
    connect_timeout=2.0, total_timeout=10.0, transient_attempts=3, transient_first=1.0,
    transport_attempts=2, transport_first=3.0,
)  # fmt: skip
BY_NAME = "$[?@.name == '{$request.body#/name}']"
OTHERS = [{"name": "other", "id": 1}]
MADE = [*OTHERS, {"name": "n1", "id": 7}]
LOST = Reply()


def finding(**fields: Any) -> dict[str, Any]:
    """Return settings by which a lost POST is found; 4 s are left to the service."""
    find = {
        "operation": "listThings", "parameters": {"name": "$inputs.name"},
        "criterion": BY_NAME, "type": "jsonpath", "settle": 4, **fields,
    }  # fmt: skip
    return {"operations": {"sendThing": {"find_by": find}}}


@pytest.mark.parametrize("lost", [LOST, cut_off({"id": 7})], ids=["no answer", "201 cut off"])
async def test_what_exists_is_adopted(lost: Reply, tmp_path: Path) -> None:
    """The thing found is the answer: outputs come from it, and nothing is sent again."""
    write_documents(tmp_path, "post", finding())
    async with fault_server(thing=[lost], things=[answer(200, MADE)]) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, ended.outputs, ended.waits) == ("completed", {"id": 7}, [4])
    assert [one.path for one in server.requests] == ["/thing", "/things?name=n1"]


async def test_the_status_adopted_is_the_one_that_the_description_documents(
    tmp_path: Path,
) -> None:
    """A criterion may ask for 201, though the look-up answered 200."""
    write_documents(
        tmp_path, "post", finding(), successCriteria=[{"condition": "$statusCode == 201"}]
    )
    async with fault_server(thing=[LOST], things=[answer(200, MADE)]) as server:
        assert (await run(tmp_path, server.url, DEFAULTS)).ending == "completed"


async def test_a_plain_criterion_with_a_result(tmp_path: Path) -> None:
    """Where the thing stands at a fixed place of the answer."""
    settings = finding(
        type="simple", criterion="$response.body#/total > 0", result="$response.body#/items/0"
    )
    write_documents(tmp_path, "post", settings)
    things = answer(200, {"total": 1, "items": [{"id": 9}]})
    async with fault_server(thing=[LOST], things=[things]) as server:
        assert (await run(tmp_path, server.url, DEFAULTS)).outputs == {"id": 9}


@pytest.mark.parametrize("nothing", [answer(200, OTHERS), answer(404, {})], ids=["list", "404"])
async def test_what_is_not_there_is_sent_again(nothing: Reply, tmp_path: Path) -> None:
    """Only after an answer that says so."""
    write_documents(tmp_path, "post", finding())
    sent = answer(201, {"id": 8})
    async with fault_server(thing=[LOST, sent], things=[nothing]) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, ended.outputs, ended.waits) == ("completed", {"id": 8}, [4, 1])
    assert [one.method for one in server.requests] == ["POST", "GET", "POST"]


async def test_sending_again_has_an_end(tmp_path: Path) -> None:
    """As often as a transient answer is tried; then the step failed, surely without effect."""
    write_documents(tmp_path, "post", finding())
    async with fault_server(thing=[LOST], things=[answer(200, [])]) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, server.whole("POST")) == ("StepFailed", 3)


@pytest.mark.parametrize(
    ("things", "said", "looks"),
    [
        (LOST, "without an answer", 2),
        (answer(503, {}), "it answered 503", 2),
        (answer(403, {}), "it answered 403", 1),
        (answer(200, b"<html>"), "not the JSON", 1),
    ],
    ids=["no answer", "503", "403", "no JSON"],
)
async def test_a_look_up_that_does_not_tell_leaves_the_fate_unknown(
    things: Reply, said: str, looks: int, tmp_path: Path
) -> None:
    """Both reasons are told, and the write is not sent again."""
    write_documents(tmp_path, "post", finding())
    async with fault_server(thing=[LOST], things=[things]) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert ended.ending == "OutcomeUnknown"
    assert "the connection ended without an answer" in ended.message
    assert f"GET /things does not tell: {said}" in ended.message or said in ended.message
    assert (server.whole("POST"), server.whole("GET")) == (1, looks)


async def test_a_result_that_leads_nowhere_tells_nothing(tmp_path: Path) -> None:
    """The criterion says that it is there, so it must not be sent again."""
    settings = finding(
        type="simple", criterion="$statusCode == 200", result="$response.body#/items/0"
    )
    write_documents(tmp_path, "post", settings)
    async with fault_server(thing=[LOST], things=[answer(200, {})]) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, server.whole("POST")) == ("OutcomeUnknown", 1)
    assert "leads to nothing" in ended.message


async def test_tries_of_a_lost_request_end_in_time(tmp_path: Path) -> None:
    """9 tries are allowed, but after 10 s no other one begins: 1 + 2 + 4 s, and not 8 more."""
    write_documents(
        tmp_path, "get", {"transport": {"attempts": 9, "first": 1, "longest": 60, "within": 10}}
    )
    async with fault_server(LOST) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, ended.waits, server.whole()) == ("StepFailed", [1, 2, 4], 4)


async def test_tries_of_a_transient_answer_end_in_time(tmp_path: Path) -> None:
    """The same bound, by the clock of the run; a wait that is asked for counts, too."""
    write_documents(tmp_path, "get", {"transient": {"attempts": 9, "within": 10}})
    refused = answer(503, {}, {"Retry-After": "4"})
    async with fault_server(refused) as server:
        ended = await run(tmp_path, server.url, DEFAULTS)
    assert (ended.ending, ended.waits, server.whole()) == ("StepFailed", [4, 4], 3)

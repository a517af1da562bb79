"""Typed inputs: what `--input`, `--inputs` and `--secret` become, by the workflow's schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from arazzo.blobs import VALUE_TYPE, Blob
from arazzo.errors import InputInvalid
from arazzo.inputs import InputsSchema
from commands.run_inputs import collect_inputs
from commands.run_options import collect_options

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = InputsSchema(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "maybe": {"type": ["string", "null"]},
            "count": {"type": "integer"},
            "size": {"type": "number"},
            "flag": {"type": "boolean"},
            "names": {"type": "array", "items": {"type": "string"}},
            "numbers": {"type": "array", "items": {"type": "integer"}},
            "things": {"type": "array"},
            "object": {"type": "object"},
            "any": {},
            "referred": {"$ref": "#/components/inputs/number"},
        },
    },
    {"number": {"type": "number"}},
)


@pytest.mark.parametrize(
    ("given", "inputs"),
    [
        (["text=7"], {"text": "7"}),
        (["text="], {"text": ""}),
        (["text=a=b"], {"text": "a=b"}),
        (["text=true"], {"text": "true"}),
        (["maybe=null"], {"maybe": "null"}),
        (["count=7"], {"count": 7}),
        (["count=-7"], {"count": -7}),
        (["size=1.5"], {"size": 1.5}),
        (["flag=true"], {"flag": True}),
        (["names=a"], {"names": ["a"]}),
        (["names=a", "names=b"], {"names": ["a", "b"]}),
        (["names=7"], {"names": ["7"]}),
        (['names=["a", "b"]'], {"names": ["a", "b"]}),
        (["names=[]"], {"names": []}),
        (["numbers=1", "numbers=2"], {"numbers": [1, 2]}),
        (["things=1", "things=a"], {"things": [1, "a"]}),
        (['object={"a": [1]}'], {"object": {"a": [1]}}),
        (["any=7"], {"any": 7}),
        (["any=seven"], {"any": "seven"}),
        (["any=null"], {"any": None}),
        (["referred=2.5"], {"referred": 2.5}),
        (["text=a", "count=1"], {"text": "a", "count": 1}),
    ],
)
def test_an_input_is_typed_by_its_schema(given: list[str], inputs: dict[str, Any]) -> None:
    """Text stays text where the schema takes text; arrays by repeating, or as JSON."""
    assert collect_inputs(SCHEMA, given, None, []) == inputs


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["count=seven"], "`count` must be of type integer"),
        (["flag=True"], "`flag` must be of type boolean"),
        (["size="], "`size` must be of type number"),
        (["object=a"], "`object` must be of type object"),
        (["numbers=1", "numbers=b"], "`numbers` must be of type integer"),
        (["text=a", "text=b"], "`text` is given 2 times"),
        (["txet=a"], "did you mean `text`?"),
        (["text"], "NAME=VALUE"),
        (["=a"], "there is no input ``"),
        (["size=NaN"], "JSON does not have"),
        (["size=-Infinity"], "JSON does not have"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(given: list[str], said: str) -> None:
    """By the name of the input, with what is wanted."""
    with pytest.raises(InputInvalid) as caught:
        collect_inputs(SCHEMA, given, None, [])
    assert said in caught.value.message


FILE = Blob("file:///blobs/put/a", 5, "0" * 64, "text/csv").as_json()
VALUE = Blob("file:///blobs/put/b", 5, "0" * 64, VALUE_TYPE).as_json()


@pytest.mark.parametrize(
    ("name", "references", "value"),
    [
        ("text", [FILE], FILE),
        ("object", [VALUE], VALUE),
        ("things", [FILE], FILE),
        ("things", [VALUE], VALUE),
        ("names", [VALUE], VALUE),
        ("names", [FILE], [FILE]),
        ("names", [FILE, FILE], [FILE, FILE]),
    ],
)
def test_a_reference_stands_for_an_input(name: str, references: list[Any], value: Any) -> None:
    """Of an array that takes texts a file is an element; else it is the array itself."""
    given = [f"{name}={json.dumps(one)}" for one in references]
    assert collect_inputs(SCHEMA, given, None, []) == {name: value}


def test_inputs_over_the_limit_are_refused_with_the_way_out() -> None:
    """Which of them are large, and how the blob store takes them."""
    given = ["text=" + "x" * 900_000, "names=" + "y" * 200_000, "count=1"]
    with pytest.raises(InputInvalid) as caught:
        collect_inputs(SCHEMA, given, None, [])
    message = caught.value.message
    assert "bytes; 1000000 are allowed (`text` 900002, `names` 200004, `count` 1)" in message
    assert '`--input text="$(durazzo put --value FILE)"`' in message
    assert len(message) < 500


def test_later_ways_win_over_earlier_ones(tmp_path: Path) -> None:
    """The file first, then --input, then --secret."""
    file = tmp_path / "inputs.yaml"
    file.write_text("text: of the file\ncount: 1\nflag: true\n")
    assert collect_inputs(SCHEMA, ["count=2", "text=given"], str(file), ["text=name_1"]) == {
        "text": {"$secret": "name_1"},
        "count": 2,
        "flag": True,
    }


def test_without_a_schema_every_name_is_allowed() -> None:
    """Values are JSON where they can be, else text."""
    found = collect_inputs(InputsSchema(None), ["a=1", "b=two"], None, [])
    assert found == {"a": 1, "b": "two"}


SERVERS = {"one": {"us": "https://us", "eu": "https://eu"}, "two": {"us": "https://us"}}


@pytest.mark.parametrize(
    ("server", "poll_interval", "deadline", "options"),
    [
        (None, None, None, {}),
        ("us", None, None, {"server": "us"}),
        ("one=eu", None, None, {"server": {"one": "eu"}}),
        (None, 2.0, None, {"polling": {"first": 2.0, "factor": 1.0, "longest": 2.0}}),
        (None, None, 9.0, {"polling": {"deadline": 9.0}}),
    ],
)
def test_options_of_a_run(
    server: str | None, poll_interval: float | None, deadline: float | None, options: Any
) -> None:
    """What was not given is left to the settings."""
    assert collect_options(SERVERS, server, poll_interval, deadline) == options


def test_a_server_for_all_sources_must_be_known_to_all() -> None:
    """Otherwise half of the run would go elsewhere."""
    with pytest.raises(InputInvalid, match="`two` has no server `eu`"):
        collect_options(SERVERS, "eu", None, None)

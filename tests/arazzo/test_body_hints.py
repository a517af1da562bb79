"""What a document and its description say of a body: its media type, its parts, its XML."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from written import ARAZZO, HERE, OPENAPI, Written, changed, pointed

if TYPE_CHECKING:
    from arazzo.plan import Call

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
PAYLOAD: Final = "payload: {name: $inputs.name}"
CONTENT: Final = "content: {application/json: {schema: {type: object}}}"
PET: Final = """\
components:
  schemas:
    Base: {properties: {id: {type: integer, xml: {attribute: true}}}}
    Pet:
      allOf: [{$ref: '#/components/schemas/Base'}]
      properties:
        parent: {$ref: '#/components/schemas/Pet'}
        tags: {type: array, xml: {wrapped: true, name: labels}, items: {xml: {name: label}}}
        photo: {type: string, format: binary}
        photos: {type: array, items: {type: string, format: binary}}
        key: {type: string, contentEncoding: base64}
        icon: {type: string, contentMediaType: image/png}
        note: {type: string}
        file: {}
        files: {type: array, items: {}}
"""


def planned(
    content_type: str,
    media: str = "{schema: {$ref: '#/components/schemas/Pet'}}",
    payload: str = "$inputs.name",
) -> Call:
    """Return the call of a step that sends a pet."""
    openapi = changed(OPENAPI, CONTENT, f"content: {{{content_type}: {media}}}") + PET
    text = changed(ARAZZO, PAYLOAD, f"payload: {payload}")
    return Written(text, openapi).step().attempt.operation


def test_hints_of_parts() -> None:
    """Formats and content encodings of the schema, through `allOf` and lists."""
    parts = planned(MULTIPART).as_json()["parts"]
    file = {"is_file": True}
    assert parts == {
        "photo": file,
        "photos": file,
        "file": file,
        "files": file,
        "key": {"is_file": True, "transfer_encoding": "base64"},
        "icon": {"is_file": True, "content_type": "image/png"},
    }


def test_headers_of_parts() -> None:
    """Those with one possible value; what other fields write is not theirs (4.8.15.1)."""
    headers = (
        "{X-A: {schema: {const: a}}, X-B: {schema: {default: 2}}, X-C: {schema: {enum: [c]}}, "
        "X-D: {schema: {type: string}}, Content-Type: {schema: {const: text/html}}, "
        'X-E: {schema: {const: "a\\r\\nb"}}}'
    )
    schema = "schema: {$ref: '#/components/schemas/Pet'}"
    media = f"{{{schema}, encoding: {{note: {{headers: {headers}}}}}}}"
    found = planned("multipart/mixed", media, "{note: $inputs.name}").parts
    assert found["note"].headers == {"X-A": "a", "X-B": "2", "X-C": "c"}


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ("{photo: a, note: b, zz: c}", {"photo"}),
        ("{$inputs.name: a}", {"photo", "photos", "key", "icon", "file", "files"}),
    ],
)
def test_hints_of_what_the_payload_names(payload: str, named: set[str]) -> None:
    """A plan holds no hints that can't be wanted; the name of a property may be an expression."""
    assert set(planned(MULTIPART, payload=payload).parts) == named


ENCODINGS = [
    (MULTIPART, "{contentType: 'image/png, image/*'}",
     {"is_file": True, "content_type": "image/png"}),
    (MULTIPART, "{contentType: 'image/*'}", None),
    (MULTIPART, "{contentType: 'text/csv'}", {"content_type": "text/csv"}),
    (MULTIPART, '{contentType: "text/csv\\r\\nX-Evil: 1"}', None),
    (MULTIPART, "{contentType: application/json}", {"content_type": "application/json"}),
    (FORM, "{contentType: application/json}", {"content_type": "application/json"}),
    (FORM, "{contentType: text/plain}", None),
    (FORM, "{style: deepObject, explode: true}", {"style": "deepObject", "explode": True}),
    (FORM, "{explode: false}", {"style": "form"}),
    (FORM, "{style: form}", {"style": "form", "explode": True}),
    (FORM, "{allowReserved: true}", {"style": "form", "explode": True, "allow_reserved": True}),
    (FORM, "{style: matrix}", None),
]  # fmt: skip


@pytest.mark.parametrize(("content_type", "encoding", "plan"), ENCODINGS)
def test_encodings(content_type: str, encoding: str, plan: dict[str, Any] | None) -> None:
    """Encoding Object, 4.8.15: one type of those it names; ranges and nonsense say nothing."""
    media = f"{{schema: {{type: object}}, encoding: {{note: {encoding}}}}}"
    assert planned(content_type, media).as_json().get("parts") == (plan and {"note": plan})


def test_hints_of_xml() -> None:
    """From the schema and what it is composed of; one that refers to itself ends."""
    found = planned("application/xml").as_json()["xml"]
    assert found == {
        "name": "Pet",
        "properties": {
            "id": {"attribute": True},
            "tags": {"wrapped": True, "name": "labels", "items": {"name": "label"}},
        },
    }


def test_a_plan_without_hints_is_as_it_was() -> None:
    """Nothing is added to a plan whose body is JSON."""
    call = planned("application/json").as_json()
    assert {"parts", "xml"}.isdisjoint(call)


CHOSEN = [
    ("text/csv: {}, application/json: {}", "", "application/json"),
    (f"{MULTIPART}: {{}}, {FORM}: {{}}", "", MULTIPART),
    ("'*/*': {}", "", "application/json"),
    ("text/csv: {}", "contentType: application/*+json", "application/json"),
    ("application/json: {}", "contentType: Application/JSON; v=1", "Application/JSON; v=1"),
]


@pytest.mark.parametrize(("declared", "written", "chosen"), CHOSEN)
def test_the_media_type_that_is_chosen(declared: str, written: str, chosen: str) -> None:
    """As the document has it; else the operation's JSON, else its first, else JSON."""
    openapi = changed(OPENAPI, CONTENT, f"content: {{{declared}}}")
    text = changed(ARAZZO, PAYLOAD, f"{PAYLOAD}\n      {written}") if written else ARAZZO
    assert Written(text, openapi).step().attempt.operation.content_type == chosen


def test_a_content_type_header_names_the_media_type() -> None:
    """A document that writes it as a parameter is obeyed where its body says nothing."""
    text = changed(
        ARAZZO, "    requestBody:",
        "    parameters: [{name: content-type, in: header, value: application/vnd.a+json}]\n"
        "    requestBody:",
    )  # fmt: skip
    assert Written(text).step().attempt.operation.content_type == "application/vnd.a+json"


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [
        ("application/json", {"a": 1}),
        (FORM, {"a": 1}),
        ("text/plain", '{"a": 1}'),
        ("application/x-ndjson", '{"a": 1}'),
    ],
)
def test_a_payload_that_is_json_text(content_type: str, payload: Any) -> None:
    """It stands for its value where no text could be meant, and is a text elsewhere."""
    text = changed(
        ARAZZO, PAYLOAD, f"contentType: {content_type}\n      payload: '{json.dumps({'a': 1})}'"
    )
    assert Written(text).step().attempt.operation.payload == payload


@pytest.mark.parametrize(
    "written", ["$inputs.name", "json", "multipart/byteranges", "a/b; charset=no"]
)
def test_what_no_body_can_be_written_as_is_refused(written: str) -> None:
    """By its name, at the content type, before any request."""
    text = changed(ARAZZO, PAYLOAD, f"payload: text\n      contentType: {HERE}{written}")
    text, place = pointed(text)
    (found,) = Written(text).findings()
    assert found.code == "unsupported"
    assert (written if ";" not in written else "the charset `no`") in found.message
    assert str(found.place) == f"jobs.arazzo.yaml:{place}"

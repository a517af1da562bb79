"""Request bodies by media type: JSON, forms, multipart, XML, text and bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import call

from arazzo.bodies import encode
from arazzo.context import Context
from arazzo.errors import StepFailed
from arazzo.plan import ParameterPlan, PartPlan
from arazzo.request import Request, build

if TYPE_CHECKING:
    from email.message import Message

    from arazzo.plan import Call

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
RELATED: Final = "multipart/related"


def sent(content_type: str, payload: Any, **fields: Any) -> tuple[str, bytes]:
    """Return the content type and the bytes of a body whose value is the payload."""
    return encode(call("POST", content_type=content_type, **fields), payload)


@dataclass(frozen=True)
class Case:
    """One row: a media type, a value, and the text of its body."""

    id: str
    content_type: str
    value: Any
    text: str
    parts: dict[str, Any] = field(default_factory=dict)
    sent_as: str = ""


DEEP: Final = {"style": "deepObject", "explode": True}
CASES = [
    Case("json", "application/json", {"a": [1, None]}, '{"a": [1, null]}'),
    Case("json text", "application/json", "a", '"a"'),
    Case("+json", "application/vnd.api+json; v=1", {"é": 1}, '{"\\u00e9": 1}'),
    Case("json lines", "application/x-ndjson", [{"a": 1}, 2], '{"a": 1}\n2\n'),
    Case("json lines, text", "application/x-ndjson", '{"a":1}\n', '{"a":1}\n'),
    Case("json lines, one", "application/jsonl", {"a": 1}, '{"a": 1}'),
    # forms
    Case("form", FORM, {"name": "pete", "status": "pending"}, "name=pete&status=pending"),
    Case("form text", FORM, "a=1&b=%20", "a=1&b=%20"),
    Case("form scalars", FORM, {"a": True, "b": 0, "c": "", "d": 1.5}, "a=true&b=0&c=&d=1.5"),
    Case("form, undefined", FORM, {"a": None, "b": [], "c": {}, "d": [None]}, ""),
    Case("form, encoded", FORM, {"a b": "c&d=e+é~*"}, "a+b=c%26d%3De%2B%C3%A9~%2A"),
    Case("form list", FORM, {"a": [1, None, "b"]}, "a=1&a=b"),
    Case("form object", FORM, {"a": {"b": {"c": 1}, "d": [2, 3]}},
         "a%5Bb%5D%5Bc%5D=1&a%5Bd%5D=2&a%5Bd%5D=3"),
    Case("form list of objects", FORM, {"items": [{"price": "p", "n": 1}, {"price": "q"}]},
         "items%5B0%5D%5Bprice%5D=p&items%5B0%5D%5Bn%5D=1&items%5B1%5D%5Bprice%5D=q"),
    Case("form, deepObject", FORM, {"a": ["x", "y"], "m": {"k": 1}},
         "a%5B0%5D=x&a%5B1%5D=y&m%5Bk%5D=1", {"a": DEEP, "m": DEEP}),
    Case("form, style form", FORM, {"a": {"R": 1, "G": 2}, "b": ["x", "y z"]},
         "R=1&G=2&b=x,y+z", {"a": {"style": "form", "explode": True}, "b": {"style": "form"}}),
    Case("form, pipes", FORM, {"a": ["x", "y"]}, "a=x%7Cy", {"a": {"style": "pipeDelimited"}}),
    Case("form, reserved", FORM, {"a": "b/c?d&"}, "a=b/c?d%26",
         {"a": {"style": "form", "explode": True, "allow_reserved": True}}),
    Case("form, json", FORM, {"a": {"b": 1}}, "a=%7B%22b%22%3A1%7D",
         {"a": {"content_type": "application/json"}}),
    Case("form, json text", FORM, {"a": '{"b":1}'}, "a=%7B%22b%22%3A1%7D",
         {"a": {"content_type": "application/json"}}),
    # text and what is nothing else
    Case("text", "text/plain", "Hello World!", "Hello World!"),
    Case("text of a number", "text/plain", 1.5, "1.5"),
    Case("text of an object", "text/plain", {"a": 1}, '{"a":1}'),
    Case("text that is not ASCII", "text/csv", "é", "é", sent_as="text/csv; charset=utf-8"),
    Case("html", "text/html", "<p>é</p>", "<p>é</p>", sent_as="text/html; charset=utf-8"),
    Case("bytes", "application/octet-stream", "é", "é"),
    Case("an image", "image/svg", "<svg/>", "<svg/>"),
    Case("yaml", "application/yaml", "a: 1", "a: 1"),
    Case("xml text", "text/xml", "<a/>", "<a/>"),
    Case("+xml text", "application/soap+xml", "<a/>", "<a/>"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=attrgetter("id"))
def test_bodies(case: Case) -> None:
    """Objects by the rules of their media type; a text is the body already, except in JSON."""
    content_type, body = sent(case.content_type, case.value, parts=case.parts)
    assert (content_type, body.decode()) == (case.sent_as or case.content_type, case.text)


CHARSETS = [
    ("text/plain; charset=iso-8859-1", "é", b"\xe9"),
    ('text/plain;CHARSET="UTF-16BE"', "é", b"\0\xe9"),
    (f"{FORM}; charset=latin-1", {"a": "é"}, b"a=%E9"),
    ("application/xml; charset=latin-1", {"a": "é"}, None),
    ("application/json; charset=utf-8", {"a": "é"}, b'{"a": "\\u00e9"}'),
]


@pytest.mark.parametrize(("content_type", "value", "body"), CHARSETS)
def test_charsets(content_type: str, value: Any, body: bytes | None) -> None:
    """The charset of the content type is that of the bytes."""
    made = sent(content_type, value)
    assert made[0] == content_type
    if body is not None:
        assert made[1] == body
    else:
        assert ET.fromstring(made[1].decode("latin-1").split("?>")[1]).findtext("a") == "é"  # noqa: S314


REFUSED = [
    ("application/octet-stream", {"a": 1}, "is an object or a list, which `application/octet-str"),
    ("text/csv", [1], "is an object or a list, which `text/csv` can't hold"),
    (FORM, [1], f"is no object, which `{FORM}` needs"),
    (MULTIPART, "text", f"is no object, which `{MULTIPART}` needs"),
    ("text/plain; charset=ascii", "é", "holds a character that `ascii` does not have"),
    (f"{FORM}; charset=ascii", {"a": "é"}, "holds a character that its charset does not have"),
    (MULTIPART, {"a": "\ud800"}, "holds a character that `utf-8` does not have"),
    ("application/json", [float("nan")], "holds a number that JSON has no text for"),
    ("application/xml", {"a b": 1}, "XML has no element or attribute `a b`"),
    ("application/xml", {"a": "\0"}, "holds a character that XML does not have"),
]


@pytest.mark.parametrize(("content_type", "value", "said"), REFUSED)
def test_what_cannot_be_written_is_not_sent(content_type: str, value: Any, said: str) -> None:
    """The step fails with the reason, before anything goes out."""
    with pytest.raises(StepFailed) as caught:
        sent(content_type, value)
    assert said in caught.value.message
    assert caught.value.reason.startswith("body-not-")


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_a_form_is_read_back(value: dict[str, str]) -> None:
    """By the standard library's reader of forms."""
    body = sent(FORM, value)[1].decode()
    assert dict(parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body))) == value


# -- multipart ----------------------------------------------------------------------------------


def parts(value: dict[str, Any], **hints: Any) -> list[Message]:
    """Return the parts of a multipart body as the standard library's reader of MIME sees them."""
    content_type, body = sent(MULTIPART, value, parts=hints)
    message = message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP
    )
    assert message.is_multipart()
    assert not message.defects
    return [one for one in message.walk() if not one.is_multipart()]


def content(part: Message) -> str:
    """Return the text of a part."""
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return raw.decode()


def shown(part: Message) -> tuple[str, str | None, str | None, str]:
    """Return name, file name, content type as written, and content of a part."""
    name = str(part.get_param("name", header="content-disposition"))
    return name, part.get_filename(), part["content-type"], content(part)


PARTS = [
    ({"a": "x", "n": 1, "b": True}, {},
     [("a", None, None, "x"), ("n", None, None, "1"), ("b", None, None, "true")]),
    ({"a": None, "b": [], "c": "é"}, {}, [("c", None, None, "é")]),
    ({"a": ["x", None, 2]}, {}, [("a", None, None, "x"), ("a", None, None, "2")]),
    ({"o": {"k": [1]}}, {}, [("o", None, "application/json", '{"k":[1]}')]),
    ({"o": [{"k": 1}, "t"]}, {},
     [("o", None, "application/json", '{"k":1}'), ("o", None, None, "t")]),
    ({"file": "line\r\n--x\r\n"}, {"file": {"is_file": True}},
     [("file", "file", "application/octet-stream", "line\r\n--x\r\n")]),
    ({"file": ["a", "b"]}, {"file": {"is_file": True, "content_type": "image/png"}},
     [("file", "file", "image/png", "a"), ("file", "file", "image/png", "b")]),
    ({"meta": "x"}, {"meta": {"content_type": "application/json"}},
     [("meta", None, "application/json", '"x"')]),
    ({"meta": '{"a":1}'}, {"meta": {"content_type": "application/json"}},
     [("meta", None, "application/json", '{"a":1}')]),
    ({"ids": [1, 2]}, {"ids": {"content_type": "application/json"}},
     [("ids", None, "application/json", "[1,2]")]),
    ({"ids": [1, 2]}, {"ids": {"style": "form"}}, [("ids", None, None, "1,2")]),
    ({"ids": [1, 2]}, {"ids": {"style": "form", "explode": True}},
     [("ids", None, None, "1"), ("ids", None, None, "2")]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "hints", "expected"), PARTS)
def test_parts(value: dict[str, Any], hints: dict[str, Any], expected: list[Any]) -> None:
    """A part for each property, one for each element of a list, objects as JSON (4.8.15)."""
    assert [shown(part) for part in parts(value, **hints)] == expected


def test_a_content_encoding_is_told() -> None:
    """`contentEncoding` is a Content-Transfer-Encoding: the text is base64 already (4.8.15.4)."""
    (part,) = parts({"f": "SGk="}, f={"is_file": True, "transfer_encoding": "base64"})
    assert part["content-transfer-encoding"] == "base64"
    assert (part.get_payload(), content(part)) == ("SGk=", "Hi")


def test_a_name_cannot_break_out_of_its_header() -> None:
    """Quotes and line breaks are escaped, as browsers do it."""
    body = sent(MULTIPART, {'a"\r\nX-Evil: 1': "x"})[1]
    assert b'name="a%22%0D%0AX-Evil: 1"\r\n' in body


def test_the_boundary_is_made_from_the_content() -> None:
    """The same value gives the same bytes, so that an attempt can be made again."""
    first, again = sent(MULTIPART, {"a": "x"}), sent(MULTIPART, {"a": "x"})
    assert first == again
    assert first[0] != sent(MULTIPART, {"a": "y"})[0]
    named = sent(f"{MULTIPART}; boundary=mine", {"a": "x"})
    assert named == first


def test_a_part_cannot_hold_the_boundary() -> None:
    """The boundary depends on all parts; one that would stand in them is not used."""
    inside = "x"
    for _ in range(3):
        inside = sent(MULTIPART, {"a": inside})[1].decode()
    ((name, _, _, text),) = [shown(part) for part in parts({"a": inside})]
    assert (name, text) == ("a", inside)


def test_an_object_is_no_image() -> None:
    """A part whose media type takes no object is refused, not sent as something else."""
    with pytest.raises(StepFailed, match="where a part of `image/png` is wanted"):
        sent(MULTIPART, {"a": {"b": 1}}, parts={"a": {"content_type": "image/png"}})


# -- XML ----------------------------------------------------------------------------------------

ANIMALS: Final = ["x", "y"]
XML = [
    # XML Object, 4.8.26: the examples of the standard
    ("no hints", {"animals": "x"}, {}, "<animals>x</animals>"),
    ("name", {"animals": "x"}, {"animals": {"name": "animal"}}, "<animal>x</animal>"),
    ("attribute", {"id": 1, "name": "n"}, {"id": {"attribute": True}}, None),
    (
        "prefix and namespace", {"name": "n"},
        {"name": {"namespace": "http://e.test/s", "prefix": "s"}},
        '<s:name xmlns:s="http://e.test/s">n</s:name>',
    ),
    ("list", {"animals": ANIMALS}, {}, "<animals>x</animals><animals>y</animals>"),
    (
        "name of the list has no effect", {"animals": ANIMALS},
        {"animals": {"name": "aliens", "items": {"name": "animal"}}},
        "<animal>x</animal><animal>y</animal>",
    ),
    (
        "wrapped", {"animals": ANIMALS}, {"animals": {"wrapped": True}},
        "<animals><animals>x</animals><animals>y</animals></animals>",
    ),
    (
        "wrapped, both named", {"animals": ANIMALS},
        {"animals": {"wrapped": True, "name": "aliens", "items": {"name": "animal"}}},
        "<aliens><animal>x</animal><animal>y</animal></aliens>",
    ),
    (
        "wrapped, items named", {"animals": ANIMALS},
        {"animals": {"wrapped": True, "items": {"name": "animal"}}},
        "<animals><animal>x</animal><animal>y</animal></animals>",
    ),
    (
        "wrapped, list named", {"animals": ANIMALS},
        {"animals": {"wrapped": True, "name": "aliens"}},
        "<aliens><aliens>x</aliens><aliens>y</aliens></aliens>",
    ),
    ("null and empty", {"a": None, "b": "", "c": {}, "d": []}, {}, "<b/><c/>"),
    ("nested", {"a": {"b": [1, {"c": True}]}}, {}, "<a><b>1</b><b><c>true</c></b></a>"),
    ("escaped", {"a": "<b>&]]>\r"}, {}, "<a>&lt;b&gt;&amp;]]&gt;&#13;</a>"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "hints", "inner"), [one[1:] for one in XML], ids=[one[0] for one in XML]
)
def test_xml(value: Any, hints: dict[str, Any], inner: str | None) -> None:
    """An object by the hints of its schema; the root has its name."""
    body = sent("application/xml", value, xml={"name": "root", "properties": hints})[1].decode()
    root = f"<root>{inner}</root>" if inner else '<root id="1"><name>n</name></root>'
    assert body == f'<?xml version="1.0" encoding="UTF-8"?>{root}'
    ET.fromstring(body)  # noqa: S314 - our own text


def test_xml_of_an_attribute_in_a_namespace() -> None:
    """A namespace is declared once on an element, or the text were no XML."""
    of_s = {"namespace": "http://e.test/s", "prefix": "s"}
    hints = {**of_s, "properties": {"id": {**of_s, "attribute": True}}}
    body = sent("text/xml", {"id": 'a"<\n'}, xml=hints)[1].decode()
    assert body.endswith('<s:root s:id="a&quot;&lt;&#10;" xmlns:s="http://e.test/s"/>'.replace(
        's:id="a&quot;&lt;&#10;" xmlns:s="http://e.test/s"',
        'xmlns:s="http://e.test/s" s:id="a&quot;&lt;&#10;"',
    ))  # fmt: skip
    assert ET.fromstring(body).attrib == {"{http://e.test/s}id": 'a"<\n'}  # noqa: S314


@pytest.mark.parametrize(
    ("value", "body"),
    [([1, 2], "<root><root>1</root><root>2</root></root>"), (5, "<root>5</root>")],
)
def test_xml_of_other_roots(value: Any, body: str) -> None:
    """A document has one root; without any name it is `root`."""
    assert sent("application/xml", value)[1].decode().endswith(f"?>{body}")


# -- in a request --------------------------------------------------------------------------------


def built(made: Call) -> Request:
    """Build a request without inputs."""
    return build(made, "https://a.test", Context())


def test_the_media_type_of_the_body_is_sent() -> None:
    """One Content-Type: that in which the body is written, whatever a parameter says."""
    parameters = (ParameterPlan(name="content-type", location="header", value="text/csv"),)
    request = built(call("POST", content_type=MULTIPART, payload={"a": 1}, parameters=parameters))
    assert list(request.headers) == ["Content-Type"]
    assert request.headers["Content-Type"].startswith(f"{MULTIPART}; boundary=durazzo-")
    assert request.view.body == {"a": 1}
    alone = built(call(parameters=parameters))
    assert alone.headers == {"content-type": "text/csv"}


def unnamed(media_type: str, value: Any, **hints: Any) -> tuple[str, list[tuple[str, str]]]:
    """Return the content type of a body of parts without names, and the type and text of each."""
    plans = {name: PartPlan.model_validate(one) for name, one in hints.items()}
    content_type, body = sent(media_type, value, parts=plans)
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    found = [one for one in message.walk() if not one.is_multipart()]
    assert not any("Content-Disposition" in one for one in found)
    return content_type, [(str(one["Content-Type"]), content(one)) for one in found]


def test_parts_without_names() -> None:
    """Parts of mixed and related bodies stand in their order, each with its media type."""
    value = {"meta": {"title": "é"}, "file": "a,b"}
    _, found = unnamed("multipart/mixed", value, file={"content_type": "text/csv"})
    assert found[0][0] == "application/json"
    assert json.loads(found[0][1]) == {"title": "é"}
    assert found[1] == ("text/csv", "a,b")
    _, found = unnamed("multipart/mixed", [{"a": 1}, "é", None])
    assert found == [("application/json", '{"a":1}'), ("text/plain; charset=utf-8", "é")]


def test_related_parts_name_the_type_of_their_root() -> None:
    """«The Type parameter must be specified» (RFC 2387, 3.1); one that is written stays."""
    made, _ = unnamed(RELATED, {"a": {"b": 1}, "c": "d"})
    assert made.startswith(f'{RELATED}; type="application/json"; boundary=')
    given, _ = unnamed(f"{RELATED}; type=text/xml", {"b": "c"})
    assert given.startswith(f"{RELATED}; type=text/xml; boundary=")


def test_headers_of_a_part() -> None:
    """Those that the description gives a value are written."""
    (part,) = parts({"a": "b"}, a={"headers": {"X-Kind": "note"}})
    assert part["X-Kind"] == "note"


@pytest.mark.parametrize("value", ["text", 7])
def test_parts_are_made_of_objects_or_lists(value: Any) -> None:
    """Of nothing else, and a list has no names for form data."""
    with pytest.raises(StepFailed, match="is neither object nor list"):
        sent("multipart/mixed", value)
    with pytest.raises(StepFailed, match="is no object"):
        sent(MULTIPART, [value])

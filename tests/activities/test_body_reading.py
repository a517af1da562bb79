"""Reading bodies: charsets, what each media type gives, and what is not what it says."""

from __future__ import annotations

import codecs
from typing import Any

import pytest

from activities.body_reading import read_body
from arazzo.bodies import FORM
from arazzo.context import ABSENT

NAME = "Zoë"
JSON_TEXT = '{"a": "Zoë"}'
XML = "application/xml"
DECLARED = '<?xml version="1.0" encoding="iso-8859-1"?><a>Zoë</a>'

CHARSETS = [
    (JSON_TEXT.encode(), "application/json", None, {"a": NAME}),
    (JSON_TEXT.encode("utf-16-le"), "application/json", None, {"a": NAME}),
    (JSON_TEXT.encode("utf-16-be"), "application/hal+json", None, {"a": NAME}),
    (JSON_TEXT.encode("utf-32-be"), "application/json", None, {"a": NAME}),
    (JSON_TEXT.encode("utf-16"), "application/json", "utf-8", {"a": NAME}),
    (codecs.BOM_UTF8 + NAME.encode(), "text/plain", "iso-8859-1", NAME),
    (NAME.encode("utf-16"), "text/plain", None, NAME),
    (NAME.encode("utf-32"), "text/plain", None, NAME),
    (NAME.encode("iso-8859-1"), "text/plain; charset=iso-8859-1", "iso-8859-1", NAME),
    (DECLARED.encode("iso-8859-1"), XML, None, DECLARED),
    (DECLARED.encode(), XML, "utf-8", DECLARED),
    (b"<a>Zo\xc3\xab</a>", "application/atom+xml", None, "<a>Zoë</a>"),
]


@pytest.mark.parametrize(("body", "content_type", "charset", "value"), CHARSETS)
def test_charsets(body: bytes, content_type: str, charset: str | None, value: Any) -> None:
    """A byte order mark tells before the content type, which tells before the text itself."""
    assert read_body(body, content_type, charset)[:2] == (value, "")


VALUES = [
    ('{"a": 1}\n\n{"a": 2}\r\n', "application/x-ndjson", [{"a": 1}, {"a": 2}]),
    ('{"a":\n1}', "application/json", {"a": 1}),
    ("1\n2", "application/jsonl", [1, 2]),
    ('\x1e{"a":\n1}\n\x1e2\n', "application/json-seq", [{"a": 1}, 2]),
    ("a=1&b=x+y%26&a=2&c=", FORM, {"a": ["1", "2"], "b": "x y&", "c": ""}),
    ("--x\r\n\r\na\r\n--x--", "multipart/mixed; boundary=x", "--x\r\n\r\na\r\n--x--"),
    ('{"a": 1}', "", {"a": 1}),
    (" [1]", "", [1]),
    ("{not json", "", "{not json"),
    ("7", "", "7"),
    ("a,b", "text/csv", "a,b"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "content_type", "value"), VALUES)
def test_values(text: str, content_type: str, value: Any) -> None:
    """Lines of JSON are a list, a form is an object; without a type it is JSON if it can be."""
    assert read_body(text.encode(), content_type, None) == (value, "", text)


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        (b'{"a": 1}\n{', "application/x-ndjson", "is not the JSON"),
        (b"\x1e{", "application/json-seq", "is not the JSON"),
        (b"service is down", XML, "is not the XML"),
        (b"\x89PNG\xff", "text/plain", "is no text"),
        (b"\x89PNG\xff", "", "is no text"),
        (b"\xff\xfe{", "application/json", "is no text"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", XML, "is no text"),
    ],
)
def test_what_is_not_as_it_says(body: bytes, content_type: str, said: str) -> None:
    """A flaw in words and no guess; what can be shown of it is handed on as text."""
    _, flaw, text = read_body(body, content_type, None)
    assert said in flaw
    assert text


def test_no_body_is_absent() -> None:
    """Which is not null, whatever its type says."""
    assert read_body(b"", "application/x-ndjson", "utf-8") == (ABSENT, "", "")

"""Values as the text of a parameter: every style of OpenAPI 3.1.1, 4.8.12 «Style Values».

The styles `simple`, `label`, `matrix` and `form` are those of RFC 6570. What is undefined (null,
and lists and objects without a defined member: 2.3 there) leaves its parameter out, and is skipped
inside a list or an object. `ssv`, `tsv` and `pipes` are collection formats of Swagger 2.0.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from arazzo.context import ABSENT
from arazzo.errors import StepFailed
from arazzo.navigation import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from arazzo.context import Absent, Json
    from arazzo.plan import ParameterPlan

    Spell = Callable[[Any], str]

DEFAULT_STYLES: Final = {
    "path": "simple",
    "query": "form",
    "header": "simple",
    "cookie": "form",
    "querystring": "form",
}
"""The places of parameters, and the style that each has where none is declared."""

COLLECTIONS: Final = ("ssv", "tsv", "pipes")
STYLES: Final = {
    "path": ("simple", "label", "matrix", *COLLECTIONS),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject", *COLLECTIONS),
    "header": ("simple", *COLLECTIONS),
    "cookie": ("form", "cookie"),
    "querystring": ("form",),
}
"""Which style may stand where."""

DELIMITERS: Final = {
    "spaceDelimited": " ", "pipeDelimited": "|", "ssv": " ", "tsv": "\t", "pipes": "|"
}  # fmt: skip
_RESERVED: Final = ":/?@!$'()*,;="
"""What `allowReserved` lets through: reserved characters, but those that a query can't hold
(`#`, `[`, `]`) or that would end its pair (`&`, and `+` which stands for a space)."""
_TRIPLE: Final = re.compile("(%[0-9A-Fa-f]{2})")

HEADER_UNSAFE: Final = re.compile(r"[\r\n\0]|[^\0-\xff]")
_COOKIE_OCTETS: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
"""RFC 6265, 4.1.1: no control character, space, quote, comma, semicolon or backslash."""


def applicable(location: str) -> list[str]:
    """Return the styles of OpenAPI that may stand in a place."""
    return [style for style in STYLES[location] if style not in COLLECTIONS]


def is_undefined(value: Json | Absent) -> bool:
    """Null, and lists and objects without defined members, are undefined (RFC 6570, 2.3)."""
    if isinstance(value, list):
        return all(part is None for part in value)
    if isinstance(value, dict):
        return all(part is None for part in value.values())
    return value is ABSENT or value is None


def path_text(one: ParameterPlan, value: Json | Absent) -> str:
    """Return what takes the place of the variable in a path; empty for what is undefined."""
    if is_undefined(value):
        return ""
    if one.content_type:
        return encoded(_content(one, value))
    if one.style == "label":
        return "." + ("." if one.explode else ",").join(_members(value, encoded, one.explode))
    if one.style == "matrix":
        return "".join(f";{pair}" for pair in _matrix(one, value))
    joint = encoded(DELIMITERS.get(one.style, ",")) if one.style in DELIMITERS else ","
    return joint.join(_members(value, encoded, one.explode))


def _matrix(one: ParameterPlan, value: Json) -> Iterator[str]:
    """Yield `name=value`, or the name alone for the empty text (RFC 6570, 3.2.7, appendix A)."""
    name = encoded(one.name)
    if one.explode and isinstance(value, dict):
        yield from (pair.removesuffix("=") for pair in _members(value, encoded, True))
    elif one.explode or not isinstance(value, (list, dict)):
        members = _members(value, encoded, False)
        yield from (f"{name}={text}" if text else name for text in members)
    else:
        yield f"{name}={','.join(_members(value, encoded, False))}"


def header_text(one: ParameterPlan, value: Json) -> str:
    """Return the value of a header: style `simple`, not percent-encoded.

    Raises StepFailed for a character that would break out of the header.
    """
    joint = DELIMITERS.get(one.style, ",")
    content = bool(one.content_type)
    text = _content(one, value) if content else joint.join(_members(value, text_of, one.explode))
    if HEADER_UNSAFE.search(text):
        raise StepFailed(
            f"the value of the header `{one.name}` holds a character that no header may hold",
            reason="header-value-unsafe",
        )
    return text


def query_pairs(one: ParameterPlan, value: Json | Absent) -> list[str]:
    """Return the encoded `name=value` pairs of a query parameter."""
    if is_undefined(value):
        return []
    if one.content_type:
        return [f"{encoded(one.name)}={encoded(_content(one, value))}"]
    spell = allowing_reserved if one.allow_reserved else encoded
    return list(pairs(one, value, lambda part: spell(text_of(part))))


def pairs(one: ParameterPlan, value: Json, spell: Spell) -> Iterator[str]:
    """Yield the pairs of a value in a style of queries and forms; names are always encoded."""
    name = encoded(one.name)
    if one.style == "deepObject":
        for path, part in deep(value):
            yield f"{encoded(one.name + path)}={spell(part)}"
    elif one.explode and isinstance(value, list):
        yield from (f"{name}={spell(part)}" for part in value if part is not None)
    elif one.explode and isinstance(value, dict):
        yield from _members(value, spell, True)
    else:
        joint = encoded(DELIMITERS[one.style]) if one.style in DELIMITERS else ","
        yield f"{name}={joint.join(_members(value, spell, False))}"


def deep(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each scalar with the brackets that lead to it, as in `a[b][0]`.

    OpenAPI leaves what is nested undefined; names and indices are what most services read.
    """
    children: Iterator[tuple[Any, Json]]
    if isinstance(value, dict):
        children = iter(value.items())
    elif isinstance(value, list):
        children = iter(enumerate(value))
    else:
        yield path, value
        return
    for key, child in children:
        if not is_undefined(child):
            yield from deep(child, f"{path}[{key}]")


def cookie_pairs(one: ParameterPlan, value: Json | Absent) -> list[str]:
    """Return the `name=value` pairs of a cookie parameter.

    Style `form` is percent-encoded, `cookie` (OpenAPI 3.2) is not. Pairs of a cookie are parted
    by `; `, also where style `form` would have `&`, which no service could take apart.
    """
    if is_undefined(value):
        return []
    if one.content_type:
        return [f"{encoded(one.name)}={encoded(_content(one, value))}"]
    if one.style != "cookie":
        return list(pairs(one, value, lambda part: encoded(text_of(part))))
    return list(pairs(one, value, lambda part: _cookie_octets(one, text_of(part))))


def _cookie_octets(one: ParameterPlan, text: str) -> str:
    if _COOKIE_OCTETS.fullmatch(text):
        return text
    raise StepFailed(
        f"the value of the cookie `{one.name}` holds a character that no cookie may hold",
        reason="header-value-unsafe",
    )


def querystring(one: ParameterPlan, value: Json | Absent) -> list[str]:
    """Return the parts of the whole query that one value gives (OpenAPI 3.2, `in: querystring`).

    A text is a query already; an object becomes pairs, or JSON where its content is declared so.
    """
    if is_undefined(value) or value == "":
        return []
    if isinstance(value, str):
        return [allowing_reserved(value.removeprefix("?"), "&+")]
    if is_json(one.content_type):
        return [encoded(_content(one, value))]
    if isinstance(value, dict):
        return [f"{encoded(path)}={encoded(text_of(part))}" for path, part in _named(value)]
    return [encoded(text_of(value))]


def _named(value: dict[str, Json]) -> Iterator[tuple[str, Json]]:
    """Yield the pairs of an object: lists of scalars repeat their name, the rest has brackets."""
    for key, child in value.items():
        for path, part in spread(child):
            yield key + path, part


def spread(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield scalars as `deep` does, but a list of scalars repeats the name of the list."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from spread(child, f"{path}[{key}]")
    elif isinstance(value, list):
        plain = not any(isinstance(part, (dict, list)) for part in value)
        for index, part in enumerate(value):
            yield from spread(part, path if plain else f"{path}[{index}]")
    elif value is not None:
        yield path, value


def _members(value: Json, spell: Spell, explode: bool) -> list[str]:
    """Return the texts that a style joins; an object gives names and values, or pairs."""
    if isinstance(value, list):
        return [spell(_text(part)) for part in value if part is not None]
    if not isinstance(value, dict):
        return [spell(_text(value))]
    known = [(spell(key), spell(_text(part))) for key, part in value.items() if part is not None]
    if explode:
        return [f"{key}={part}" for key, part in known]
    return [text for pair in known for text in pair]


def _text(value: Json) -> Any:
    return value if isinstance(value, str) else text_of(value)


def is_json(content_type: str) -> bool:
    """Return whether a media type is JSON or is encoded as JSON (`+json`, AWS, JSON Patch)."""
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    return "json" in media_type.partition("/")[2]


def _content(one: ParameterPlan, value: Json) -> str:
    """Return a value serialised by its media type; a text that is JSON already stays as it is."""
    if is_json(one.content_type):
        return str(value) if is_json_text(value) else _dumped(one, value)
    if isinstance(value, (dict, list)):
        raise StepFailed(
            f"the parameter `{one.name}` can't hold an object or a list as `{one.content_type}`",
            reason="parameter-not-serialisable",
        )
    return text_of(value)


def _dumped(one: ParameterPlan, value: Json) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise StepFailed(
            f"the parameter `{one.name}` holds a number that JSON has no text for",
            reason="parameter-not-serialisable",
        ) from error


def is_json_text(value: Json) -> bool:
    """Return whether a value is the JSON text of an object or a list, so needs no other."""
    text = value if isinstance(value, str) else ""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def allowing_reserved(text: str, more: str = "") -> str:
    """Reserved expansion (RFC 6570, 3.2.3): reserved characters and triples pass unchanged."""
    parts = _TRIPLE.split(text)
    return "".join(
        part if index % 2 else encoded(part, _RESERVED + more) for index, part in enumerate(parts)
    )


def encoded(text: str, safe: str = "") -> str:
    """Percent-encoding of UTF-8, which has no halves of surrogate pairs; JSON texts may hold them.

    RFC 3986, 2.1 and 2.3.
    """
    try:
        return quote(text, safe=safe)
    except UnicodeEncodeError as error:
        raise StepFailed(
            "a value holds half of a character, which no URL can hold", reason="url-value-unsafe"
        ) from error

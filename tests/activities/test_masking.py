"""No spelling of a secret passes the mask: not in a text, nor an excerpt, nor a value."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

from hypothesis import assume, given
from hypothesis import strategies as st

from activities.masking import MASK, Masking

if TYPE_CHECKING:
    from collections.abc import Callable

SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "percent": lambda it: quote(it, safe=""),
    "percent, small": lambda it: quote(it, safe="").lower() if it.islower() else quote(it),
    "percent, twice": lambda it: quote(quote(it, safe=""), safe=""),
    "form": quote_plus,
    "json": lambda it: json.dumps(it)[1:-1],
    "json, unicode": lambda it: json.dumps(it, ensure_ascii=False)[1:-1],
    "json in json": lambda it: json.dumps(it)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "html, named": lambda it: html.escape(it).replace("&#x27;", "&apos;"),
    "html, decimal": lambda it: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in it),
    "bytes": lambda it: repr(it.encode())[2:-1],
    "base64": lambda it: base64.b64encode(it.encode()).decode(),
    "base64, bare": lambda it: base64.b64encode(it.encode()).decode().rstrip("="),
    "base64, of URLs": lambda it: base64.urlsafe_b64encode(it.encode()).decode(),
    "base64, percent": lambda it: quote(base64.b64encode(it.encode()).decode(), safe=""),
}
SECRETS: Final = st.text(
    st.characters(exclude_characters="*", exclude_categories=("Cs",)), min_size=8, max_size=40
)
AROUND: Final = st.text("abc 012:;\"'=", max_size=30)


@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), AROUND, AROUND)
def test_no_spelling_passes(secret: str, spelling: str, before: str, after: str) -> None:
    """In texts, keys and values, wherever it stands."""
    masking, spelled = Masking([secret]), SPELLINGS[spelling](secret)
    assume(spelled not in before + MASK + after)
    text = before + spelled + after
    assert spelled not in masking.text(text)
    assert spelled not in str(masking.value({text: [text]}))
    assert MASK in masking.text(text)


@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), st.integers(0, 120), st.integers(1, 4))
def test_no_part_passes_where_an_excerpt_is_cut(
    secret: str, spelling: str, length: int, times: int
) -> None:
    """The excerpt is what the whole masked text begins with, so that no secret is cut."""
    masking, spelled = Masking([secret]), SPELLINGS[spelling](secret)
    text = "the body: " + spelled * times + " end"
    assert masking.excerpt(text, length) == masking.text(text)[:length]


@given(SECRETS, st.text("abcxyz019:", max_size=9), st.text("abcxyz019:", max_size=9))
def test_a_secret_inside_a_longer_base64_text_is_masked(
    secret: str, before: str, after: str
) -> None:
    """Such as the password within HTTP Basic: what is left says no whole character of it."""
    encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    inner = encoded[-(-len(before) * 4 // 3) + 1 : (len(before) + len(secret.encode())) * 4 // 3]
    masked = Masking([secret]).text(encoded)
    assert MASK in masked
    assert inner not in masked


def test_a_number_that_is_the_secret_is_masked() -> None:
    """A service may give back a numeric key as a number."""
    assert Masking(["4711081547"]).value([4711081547, 4711]) == [MASK, 4711]


def test_the_parts_of_a_pair_are_masked() -> None:
    """Of `user:password` a service may repeat either; short words stay as they are."""
    masking = Masking(["me:the-password"])
    assert masking.text("no the-password of me") == f"no {MASK} of me"


def test_what_one_attempt_learns_all_learn() -> None:
    """A try masks the URLs of all requests with what any of them used."""
    learned = Masking()
    Masking(["first-one"], learned).learn(["second-one"])
    assert learned.text("first-one second-one") == f"{MASK} {MASK}"

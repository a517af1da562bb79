"""Secrets by name: where they are found, who may use them, and that no text shows one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest

from activities.credentials import SecretStore, reveal
from activities.masking import MASK, Masking
from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    from pathlib import Path

KEY = b"the worker's key"
VALUE = "of-the-variable"
VARIABLES = {"DURAZZO_SECRET_TOKEN": VALUE, "DURAZZO_SECRET_EMPTY": "", "HOME": "/h"}


def store(folder: Path | None = None) -> SecretStore:
    """Return a store over these variables and a folder."""
    return SecretStore(folder, VARIABLES)


def test_a_secret_is_found_in_its_variable(tmp_path: Path) -> None:
    """The variable wins over the file of the same name."""
    (tmp_path / "token").write_text("of-the-file")
    assert store(tmp_path).get("token") == VALUE


@pytest.mark.parametrize(
    ("text", "value"),
    [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" s3 ", " s3 ")],
)
def test_a_secret_is_found_in_its_file(tmp_path: Path, text: str, value: str) -> None:
    """Only the line's end is cut, which every editor adds."""
    (tmp_path / "other_1").write_bytes(text.encode())
    assert store(tmp_path).get("other_1") == value


def test_a_secret_may_change_while_the_worker_runs(tmp_path: Path) -> None:
    """It is read anew each time, so a rotated one needs no restart."""
    for value in ("first", "second"):
        (tmp_path / "rotated").write_text(value)
        assert store(tmp_path).get("rotated") == value


@pytest.mark.parametrize(
    "name", ["", "Token", "../token", "a-b", "a.b", "a b", "token\n", "ünï", "home/x"]
)
def test_no_other_name_reaches_anything(tmp_path: Path, name: str) -> None:
    """Names hold a-z, 0-9 and _: neither other variables nor other files can be read."""
    (tmp_path.parent / "token").write_text("outside")
    with pytest.raises(SecretMissing, match="is no name of a secret"):
        store(tmp_path).get(name)


def test_other_variables_are_not_secrets() -> None:
    """The prefix is always put before the name."""
    with pytest.raises(SecretMissing):
        store().get("home")


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_a_missing_secret_says_where_to_put_it(tmp_path: Path, name: str) -> None:
    """An empty one is missing, too; the message names the variable and the file."""
    with pytest.raises(SecretMissing) as caught:
        store(tmp_path).get(name)
    assert f"DURAZZO_SECRET_{name.upper()}" in caught.value.message
    assert str(tmp_path / name) in caught.value.message
    assert caught.value.facts == {"secret": name}


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A folder in its place, or bytes that are no text, are the worker's mistake to mend."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("folder", "binary"):
        with pytest.raises(SecretMissing, match="can't be read") as caught:
            store(tmp_path).get(name)
        assert caught.value.reason == "secret-unreadable"


SECRET = {"$secret": "token"}


@pytest.mark.parametrize(
    ("value", "revealed", "count"),
    [
        (SECRET, VALUE, 1),
        ({"a": [SECRET, 1], "b": SECRET}, {"a": [VALUE, 1], "b": VALUE}, 2),
        ({"$secret": "token", "more": 1}, {"$secret": "token", "more": 1}, 0),
        ({"$secret": 7}, {"$secret": 7}, 0),
        ("$secret", "$secret", 0),
        (None, None, 0),
    ],
)
def test_secrets_are_revealed_where_they_stand(value: Any, revealed: Any, count: int) -> None:
    """Only an object with just this key is a secret; all else is left as it is."""
    found, secrets = reveal(value, None, store(), KEY)
    assert found == revealed
    assert len(secrets) == count


@pytest.mark.parametrize(("allowed", "known"), [(("other",), "`other`"), ((), "none")])
def test_a_document_may_use_only_the_secrets_of_its_settings(
    allowed: tuple[str, ...], known: str
) -> None:
    """Otherwise one folder's documents could send another provider's secret to their server."""
    with pytest.raises(SecretMissing) as caught:
        reveal({"a": SECRET}, allowed, store(), KEY)
    assert caught.value.reason == "secret-not-allowed"
    assert f"allow {known}" in caught.value.message


def test_allowed_secrets_are_revealed() -> None:
    """Both by name and where no settings limit them."""
    assert reveal(SECRET, ("token",), store(), KEY)[0] == VALUE


PLAIN = "p@ss w/ö+rd="
PAIR = base64.b64encode(b"an-api-key:a secret/key").decode()


@pytest.mark.parametrize(
    "spelling",
    [
        PLAIN,
        quote(PLAIN, safe=""),
        quote_plus(PLAIN),
        base64.b64encode(PLAIN.encode()).decode(),
        base64.b64encode(PLAIN.encode()).decode().rstrip("="),
        quote(base64.b64encode(PLAIN.encode()).decode(), safe=""),
        PAIR,
        quote(PAIR, safe=""),
        "an-api-key:a secret/key",
        "a secret/key",
        quote("a secret/key", safe=""),
        "an-api-key",
    ],
)
def test_every_spelling_of_a_secret_is_masked(spelling: str) -> None:
    """Plain, base64, URL-encoded; and what a base64 pair for HTTP Basic says, with its parts."""
    masking = Masking([PLAIN, PAIR])
    assert masking.text(f"before {spelling} after") == f"before {MASK} after"


def test_the_longest_spelling_is_masked_first() -> None:
    """A secret that begins with another one leaves no rest of itself."""
    assert Masking(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_a_masking_learns_more_secrets() -> None:
    """Such as a token that was fetched in the middle of an attempt."""
    masking = Masking(["first-one"])
    masking.learn(["second-one"])
    assert masking.text("first-one second-one") == f"{MASK} {MASK}"


def test_values_are_masked_in_keys_and_texts() -> None:
    """Numbers, booleans and null are no texts, and shapes stay as they are."""
    value = {"is s3cr3t": ["s3cr3t!", 1, None, True, {"a": "s3cr3t"}]}
    assert Masking(["s3cr3t"]).value(value) == {
        f"is {MASK}": [f"{MASK}!", 1, None, True, {"a": MASK}]
    }


def test_a_very_short_secret_is_not_masked() -> None:
    """It would be found everywhere, and could not be kept by anybody."""
    assert Masking(["ab"]).text("a cab") == "a cab"


def test_without_secrets_nothing_changes() -> None:
    """Not even the object is made anew."""
    value = {"a": ["text"]}
    assert Masking([]).value(value) is value


@pytest.mark.parametrize("secret", ['quo"ted-secret', "back\\slash-secret", "zoë-secret-ü"])
def test_a_secret_inside_json_text_is_masked(secret: str) -> None:
    """A body that repeats it in JSON spells it with escapes; an excerpt is that text."""
    text = json.dumps({"got": secret})
    assert MASK in Masking([secret]).text(text)
    assert json.dumps(secret)[1:-1] not in Masking([secret]).text(text)

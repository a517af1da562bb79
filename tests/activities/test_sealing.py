"""Sealed outputs: what goes into a history can be opened with the worker's key only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from activities.credentials import SecretStore, reveal
from activities.sealing import open_sealed, opened, seal
from arazzo.errors import SecretMissing
from arazzo.inputs import is_sealed

KEY = b"the worker's key"


@pytest.mark.parametrize("value", ["token", "", 7, {"a": ["token", None]}, "zoë ✓"])
def test_a_sealed_value_is_opened_with_the_same_key(value: Any) -> None:
    """Any JSON value comes back as it was, and its seal shows nothing of it."""
    sealed = seal(KEY, value)
    assert is_sealed(sealed)
    assert open_sealed(KEY, sealed) == value
    assert "token" not in json.dumps(sealed)


def test_a_seal_is_another_one_each_time() -> None:
    """Equal secrets can't be recognised by their seals."""
    assert seal(KEY, "token") != seal(KEY, "token")


@pytest.mark.parametrize(
    "sealed",
    [seal(b"another key", "token"), {"$sealed": "bm90IHNlYWxlZCBhdCBhbGw="}, {"$sealed": "?"}],
    ids=["another-key", "no-seal", "no-base64"],
)
def test_what_can_not_be_opened_says_so(sealed: dict[str, str]) -> None:
    """The error names the secret that workers must share."""
    with pytest.raises(SecretMissing, match="durazzo_key"):
        open_sealed(KEY, sealed)


def test_seals_are_opened_wherever_they_stand() -> None:
    """Values of a step are opened as a whole, and other values stay as they are."""
    value = {"a": [seal(KEY, "x"), 1], "b": {"$sealed": 1}}
    assert opened(KEY, value) == {"a": ["x", 1], "b": {"$sealed": 1}}


def test_what_was_sealed_is_masked_like_a_secret() -> None:
    """A text always, the texts of an object when they are long enough to be a secret."""
    value = {"text": seal(KEY, "short"), "object": seal(KEY, {"state": "on", "token": "t" * 20})}
    found, secrets = reveal(value, None, SecretStore(environment={}), KEY)
    assert found["text"] == "short"
    assert secrets == ["short", "t" * 20]

"""The worker's key: made once, readable by its owner only, and what it signs can't be forged."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from activities.credentials import SecretStore
from activities.signing import KEY_BYTES, KEY_FILE, load_key, sign, verify
from arazzo.errors import InputInvalid, SecretMissing

if TYPE_CHECKING:
    from pathlib import Path

NO_SECRETS = SecretStore(environment={})
KEY = b"k" * 32


def test_a_key_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    """In a folder that is made, too; the second worker of the machine finds the same."""
    folder = tmp_path / "state" / "deep"
    first = load_key(NO_SECRETS, folder)
    assert len(first) == 2 * KEY_BYTES
    assert load_key(NO_SECRETS, folder) == first
    assert load_key(NO_SECRETS, tmp_path / "another") != first


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    """Mode 0600, and no draft of it is left behind."""
    load_key(NO_SECRETS, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_workers_that_start_at_once_agree_on_a_key(tmp_path: Path) -> None:
    """Whoever comes first wins; nobody signs with a key that another one replaces."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(NO_SECRETS, tmp_path), range(32)))
    assert len(keys) == 1


def test_the_secret_durazzo_key_is_shared_by_several_machines(tmp_path: Path) -> None:
    """Where it is given, no file is made."""
    store = SecretStore(environment={"DURAZZO_SECRET_DURAZZO_KEY": "s" * 32})
    assert load_key(store, tmp_path) == b"s" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """With the variable that names another."""
    (tmp_path / "state").write_text("no folder")
    with pytest.raises(SecretMissing, match="DURAZZO_STATE_FOLDER"):
        load_key(NO_SECRETS, tmp_path / "state")


@pytest.mark.parametrize("key", ["", "hunter2", "s" * 31])
def test_a_key_that_could_be_guessed_is_refused(tmp_path: Path, key: str) -> None:
    """Neither as a secret nor as a file that was cut off; and no other one is made for it."""
    (tmp_path / KEY_FILE).write_text(key)
    with pytest.raises(SecretMissing, match="32 are the least"):
        load_key(NO_SECRETS, tmp_path)
    if key:
        with pytest.raises(SecretMissing, match="32 are the least"):
            load_key(SecretStore(environment={"DURAZZO_SECRET_DURAZZO_KEY": key}), tmp_path)


def test_a_shared_key_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    """A made-up key would refuse every run that the others began."""
    (tmp_path / "durazzo_key").mkdir()
    with pytest.raises(SecretMissing, match="can't be read"):
        load_key(SecretStore(tmp_path, {}), tmp_path)


VALUE = {"plan": {"steps": [1, "zwei", None]}, "state": {"cursor": "a"}}


def test_a_signature_holds_for_its_value_in_any_order_of_keys() -> None:
    """JSON objects have no order: Temporal or a caller may hand them on in another one."""
    verify(KEY, dict(reversed(VALUE.items())), sign(KEY, VALUE), "this")


@pytest.mark.parametrize(
    ("key", "value", "signature"),
    [
        (KEY, {**VALUE, "more": 1}, sign(KEY, VALUE)),
        (KEY, {**VALUE, "state": {"cursor": "b"}}, sign(KEY, VALUE)),
        (KEY, {**VALUE, "plan": {"steps": [True, "zwei", None]}}, sign(KEY, VALUE)),
        (b"another", VALUE, sign(KEY, VALUE)),
        (KEY, VALUE, sign(KEY, VALUE)[:-1]),
        (KEY, VALUE, ""),
        (KEY, VALUE, "ünicode"),
        (KEY, VALUE, "\ud800"),
    ],
    ids=["added", "changed", "other type", "other key", "cut", "none", "no ASCII", "no text"],
)
def test_what_was_tampered_with_is_refused(key: bytes, value: Any, signature: str) -> None:
    """One InputInvalid that names the shared key, whatever the forger tried."""
    with pytest.raises(InputInvalid, match="durazzo_key") as caught:
        verify(key, value, signature, "the state carried by this run")
    assert caught.value.reason == "signature"

"""The payload codec: what goes to Temporal shows nothing, and is read with the right key only."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload

from activities.credentials import SecretStore
from activities.encryption import ENCODING, KEY_ID, Encryption, KeyRing
from activities.signing import KEY_FILE
from arazzo.errors import SecretMissing

NOWHERE = Path("/nowhere")
PLAIN = Payload(metadata={"encoding": b"json/plain", "x": b"y"}, data=b'"what nobody may read"')


def long(text: str) -> str:
    """Return keys that are long enough, one a line."""
    return "\n".join(one.ljust(32, "-") for one in text.splitlines())


def codec(*, encrypts: bool = True, folder: Path = NOWHERE, **secrets: str) -> Encryption:
    """Return a codec of a process with these secrets."""
    variables = {f"DURAZZO_SECRET_{name.upper()}": long(text) for name, text in secrets.items()}
    return Encryption(KeyRing(SecretStore(environment=variables), folder), encrypts=encrypts)


async def test_a_payload_comes_back_as_it_was_and_shows_nothing_on_the_way() -> None:
    """Also its metadata; what is left is the encoding and the id of the key."""
    (sent,) = await codec(durazzo_key="one").encode([PLAIN])
    assert set(sent.metadata) == {"encoding", KEY_ID}
    assert sent.metadata["encoding"] == ENCODING
    assert b"nobody" not in sent.SerializeToString()
    assert await codec(durazzo_key="one").decode([sent]) == [PLAIN]


async def test_equal_payloads_look_different() -> None:
    """Nobody sees that two runs got the same input."""
    one, other = await codec(durazzo_key="one").encode([PLAIN, PLAIN])
    assert one.data != other.data


async def test_without_the_setting_payloads_stay_plain() -> None:
    """No key is needed, and none is made."""
    assert await codec(encrypts=False).encode([PLAIN]) == [PLAIN]


@pytest.mark.parametrize("encrypts", [True, False])
async def test_plain_and_encrypted_payloads_are_read_side_by_side(encrypts: bool) -> None:
    """A history goes on when the setting changes in its midst, in both directions."""
    (sent,) = await codec(durazzo_key="one").encode([PLAIN])
    reader = codec(encrypts=encrypts, durazzo_key="one")
    assert await reader.decode([PLAIN, sent, PLAIN]) == [PLAIN, PLAIN, PLAIN]


async def test_another_key_says_which_one_is_wanted() -> None:
    """Both ids are named, and where the right key belongs; no key is."""
    (sent,) = await codec(durazzo_key="the-key").encode([PLAIN])
    with pytest.raises(SecretMissing, match="durazzo_former_keys") as caught:
        await codec(durazzo_key="another").decode([sent])
    assert sent.metadata[KEY_ID].decode() in caught.value.message
    assert caught.value.reason == "encrypted-with-another-key"
    assert "the-key" not in str(caught.value)


async def test_an_id_that_is_none_is_not_repeated() -> None:
    """Whoever can write a payload could write into a terminal."""
    forged = Payload(metadata={"encoding": ENCODING, KEY_ID: b"\x1b[2Jforged"}, data=b"?" * 40)
    with pytest.raises(SecretMissing, match="the key of an unknown id") as caught:
        await codec(durazzo_key="one").decode([forged])
    assert "forged" not in caught.value.message


async def test_a_key_may_hold_spaces() -> None:
    """Also as a former one: each is a line."""
    (old,) = await codec(durazzo_key="correct horse battery").encode([PLAIN])
    changed = codec(durazzo_key="new", durazzo_former_keys="older one\ncorrect horse battery")
    assert await changed.decode([old]) == [PLAIN]


async def test_plain_values_into_encrypted_runs_are_warned_of() -> None:
    """Once, when a process that has read encrypted ones writes plain ones."""
    (sent,) = await codec(durazzo_key="one").encode([PLAIN])
    told: list[str] = []
    reader = replace(codec(encrypts=False, durazzo_key="one"), warn=told.append)
    await reader.encode([PLAIN])
    assert not told
    await reader.decode([sent])
    for _ in range(2):
        await reader.encode([PLAIN])
    (said,) = told
    assert "DURAZZO_ENCRYPT=1" in said


async def test_the_format_is_what_the_documentation_says() -> None:
    """HMAC-SHA-256 for key and id, a nonce of 12 bytes, AES-256-GCM without further data."""
    key = b"k" * 32
    digest = hmac.new(key, b"durazzo payload key id 1", hashlib.sha256).hexdigest()
    secret = hmac.new(key, b"durazzo payload 1", hashlib.sha256).digest()
    data = AESGCM(secret).encrypt(b"n" * 12, PLAIN.SerializeToString(), None)
    made = Payload(
        metadata={"encoding": b"binary/encrypted", "encryption-key-id": digest[:16].encode()},
        data=b"n" * 12 + data,
    )
    assert await codec(durazzo_key="k" * 32).decode([made]) == [PLAIN]


async def test_a_former_key_decrypts_and_never_encrypts() -> None:
    """So a key can be changed, and what was written under it can be read."""
    (old,) = await codec(durazzo_key="old").encode([PLAIN])
    changed = codec(durazzo_key="new", durazzo_former_keys="older\nold")
    assert await changed.decode([old]) == [PLAIN]
    (new,) = await changed.encode([PLAIN])
    assert new.metadata[KEY_ID] != old.metadata[KEY_ID]


async def test_the_generated_key_of_a_machine_serves_until_there_is_a_shared_one(
    tmp_path: Path,
) -> None:
    """It is made when something is encrypted, also after a first look, and decrypts later on."""
    alone = codec(folder=tmp_path)
    (foreign,) = await codec(durazzo_key="foreign").encode([PLAIN])
    with pytest.raises(SecretMissing, match="here is none"):
        await alone.decode([foreign])
    assert not (tmp_path / KEY_FILE).exists()
    (sent,) = await alone.encode([PLAIN])
    assert await alone.decode([sent]) == [PLAIN]
    assert await codec(folder=tmp_path, durazzo_key="shared").decode([sent]) == [PLAIN]


async def test_a_damaged_payload_is_no_value() -> None:
    """Whoever changes a byte in the database can't change an input."""
    (sent,) = await codec(durazzo_key="one").encode([PLAIN])
    sent.data = sent.data[:-1] + bytes([sent.data[-1] ^ 1])
    with pytest.raises(SecretMissing, match="damaged"):
        await codec(durazzo_key="one").decode([sent])
    sent.data = b"short"
    with pytest.raises(SecretMissing, match="damaged"):
        await codec(durazzo_key="one").decode([sent])

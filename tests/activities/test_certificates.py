"""Mutual TLS and HTTP Digest, against real servers on the loopback."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
from attempts import asked, attempt, call, operations
from issued_certificates import Identity, issued, pem

from activities.client import make_client
from activities.credentials import SecretStore
from activities.operation import Operations
from arazzo.errors import SecretMissing
from arazzo.plan import CredentialPlan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MUTUAL = CredentialPlan(scheme="mutual", kind="mutualTLS", certificate="cert", private_key="key")
DIGEST = CredentialPlan(scheme="digest", kind="digest", secret="pair")  # noqa: S106 - a name
KEY = b"a key of this test"


@dataclass(frozen=True)
class Place:
    """A server that asks for a client certificate, and the certificate that it takes."""

    url: str
    client: Identity


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    authority = issued("an authority")
    (tmp_path / "ca.pem").write_text(pem(*authority).certificate)
    server = pem(*issued("127.0.0.1", authority))
    (tmp_path / "server.pem").write_text(server.certificate + server.key)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(tmp_path / "server.pem")
    listening = await asyncio.start_server(_answer, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield Place(f"https://127.0.0.1:{port}", pem(*issued("a client", authority)))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    shown = writer.get_extra_info("peercert")["subject"][0][0][1]
    await reader.readuntil(b"\r\n\r\n")
    body = f'{{"shown": "{shown}"}}'.encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\nconnection: close\r\n\r\n" + body)
    await writer.drain()
    writer.close()


async def test_the_client_certificate_is_shown(place: Place) -> None:
    """From secrets that hold PEM; connections are closed with the activities."""
    secrets = {"cert": place.client.certificate, "key": place.client.key}
    async with make_client() as client:
        ours = Operations(client, KEY, _store(secrets))
        called = call(server=place.url, credentials=((MUTUAL,),), total_timeout=10.0)
        plan = attempt(called, outputs={"shown": "$response.body#/shown"})
        for _ in range(2):
            assert (await ours.perform(asked(plan), 1)).outputs == {"shown": "a client"}
        await ours.close()


@pytest.mark.parametrize("text", ["no PEM at all", ""], ids=["no-pem", "no-key"])
async def test_a_certificate_that_can_not_be_used_is_named(text: str) -> None:
    """The error names the scheme, and nothing of what the secret holds."""
    certificate = pem(*issued("a client")).certificate
    secrets = {"cert": text or certificate, "key": text or certificate}
    async with make_client() as client:
        ours = Operations(client, KEY, _store(secrets))
        with pytest.raises(SecretMissing, match="`mutual` are no client certificate") as caught:
            await ours.perform(asked(attempt(call(credentials=((MUTUAL,),)))), 1)
    assert "PEM at all" not in caught.value.message


def _store(secrets: dict[str, str]) -> SecretStore:
    return SecretStore(
        environment={f"DURAZZO_SECRET_{name.upper()}": it for name, it in secrets.items()}
    )


CHALLENGE = 'Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _protected(sent: httpx.Request) -> httpx.Response:
    """Answer as RFC 7616, 3.4 says for the user `ada` with the password `pass:word`."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', sent.headers.get("authorization", "")))
    person, request = _digest("ada:r:pass:word"), _digest(f"{sent.method}:{sent.url.path}")
    parts = [person, "n1", given.get("nc", ""), given.get("cnonce", ""), "auth", request]
    if given.get("response") == _digest(":".join(parts)):
        return httpx.Response(200, json={"count": given["nc"]})
    return httpx.Response(401, headers={"WWW-Authenticate": CHALLENGE})


async def test_a_digest_answers_its_challenge() -> None:
    """One challenge serves the next requests, too, with a count of its own for each."""
    seen: list[int] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        made = _protected(sent)
        seen.append(made.status_code)
        return made

    ours = operations(answer, {"pair": "ada:pass:word"})
    plan = attempt(call(credentials=((DIGEST,),)), outputs={"count": "$response.body#/count"})
    counts = [(await ours.perform(asked(plan), 1)).outputs["count"] for _ in range(2)]
    assert counts == ["00000001", "00000002"]
    assert seen == [401, 200, 200]


@pytest.mark.parametrize("challenge", ["Basic realm=r", "Digest broken", CHALLENGE])
async def test_a_refused_digest_ends_the_step(challenge: str) -> None:
    """A wrong password, or a challenge that nobody can answer: asked once more at the most."""
    seen: list[httpx.Request] = []

    def answer(sent: httpx.Request) -> httpx.Response:
        seen.append(sent)
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})

    ours = operations(answer, {"pair": "ada:wrong"})
    outcome = await ours.perform(asked(attempt(call(credentials=((DIGEST,),)))), 1)
    assert (outcome.status, outcome.passed) == (401, False)
    assert len(seen) == (2 if challenge == CHALLENGE else 1)

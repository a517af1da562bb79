"""The codec server: the Web UI and `temporal` show what is encrypted, and no other page may ask."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from conftest import CREDENTIAL, open_house, own_catalogue
from encrypted import encrypting
from end_to_end.processes import free_port
from temporalio.client import Client
from terminal import Terminal, expect_clear

from activities.credentials import SecretStore
from activities.encryption import Encryption, KeyRing, log_warning
from activities.signing import load_key
from commands.codec_application import LARGEST_BODY, codec_application
from commands.temporal_binary import find_binary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settings import Settings

UI = "http://127.0.0.1:8233"
NOWHERE = Path("/nowhere")
PLAIN = {
    "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
    "data": base64.b64encode(b'"what nobody may read"').decode(),
}


@asynccontextmanager
async def asking(key: str = "one") -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of a codec server with this key."""
    store = SecretStore(environment={"DURAZZO_SECRET_DURAZZO_KEY": key * 32})
    application = codec_application(
        Encryption(KeyRing(store, NOWHERE), encrypts=True, warn=log_warning), [UI]
    )
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://codec") as client:
        yield client


async def sealed(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the payload as the server encrypts it."""
    answer = await client.post("/encode", json={"payloads": [PLAIN]})
    (found,) = answer.json()["payloads"]
    return dict(found)


async def test_what_is_encoded_is_decoded() -> None:
    """The order stays, and what is plain passes."""
    async with asking() as client:
        other = await sealed(client)
        assert other["data"] != PLAIN["data"]
        answer = await client.post("/decode", json={"payloads": [other, PLAIN]})
    assert answer.json() == {"payloads": [PLAIN, PLAIN]}


async def test_what_has_another_key_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """The rest of a history can be read; the server's log names the key."""
    async with asking("foreign") as client:
        foreign = await sealed(client)
    async with asking() as client:
        answer = await client.post("/decode", json={"payloads": [foreign, PLAIN]})
    assert answer.json() == {"payloads": [foreign, PLAIN]}
    assert "is encrypted with the key" in caplog.text


async def test_only_the_web_ui_may_ask() -> None:
    """A browser asks first (CORS), and a page of elsewhere gets no answer at all."""
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-namespace",
    }
    async with asking() as client:
        may = await client.options("/decode", headers={"origin": UI, **asked})
        assert may.status_code == 200
        assert may.headers["access-control-allow-origin"] == UI
        answer = await client.post("/decode", json={"payloads": []}, headers={"origin": UI})
        assert answer.headers["access-control-allow-origin"] == UI
        for origin in ("https://evil.example.com", "null"):
            refused = await client.options("/decode", headers={"origin": origin, **asked})
            assert "access-control-allow-origin" not in refused.headers
            answer = await client.post("/decode", json={"payloads": []}, headers={"origin": origin})
            assert answer.status_code == 403
            assert "--origin" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no JSON", 400),
        (b"\xff\xfe", 400),
        (b'{"payloads": 1}', 400),
        (b'{"payloads": [{"data": 7}]}', 400),
        (b"[]", 400),
        (b"[" * 200_000, 400),
        (b"x" * (LARGEST_BODY + 1), 413),
    ],
    ids=["no JSON", "no text", "no list", "no base64", "no object", "too deep", "too large"],
)
async def test_a_body_that_is_none(body: bytes, status: int) -> None:
    """One line that says what is expected, and never a traceback."""
    async with asking() as client:
        answer = await client.post("/decode", content=body)
    assert answer.status_code == status
    assert answer.json()["message"]


async def test_nothing_is_nothing() -> None:
    """An empty list, which the Web UI sends too."""
    async with asking() as client:
        assert (await client.post("/decode", json={})).json() == {}
        assert (await client.get("/decode")).status_code == 405


@asynccontextmanager
async def codec_server(terminal: Terminal, *options: str) -> AsyncIterator[str]:
    """Give the URL of a codec server that runs as a process of its own; it must end well."""
    port = free_port()
    process = await terminal.start("codec", "--port", str(port), *options)
    assert process.stderr is not None
    try:
        told = (await asyncio.wait_for(process.stderr.readuntil(b"Ctrl-C stops it."), 30)).decode()
        assert UI in told
        await _until_listening(port)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_listening(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    pytest.fail("it does not listen")


async def test_the_temporal_cli_reads_an_encrypted_run_by_it(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """With the endpoint the inputs are there, without it only what has no secret in it."""
    address = client.service_client.config.target_host
    async with open_house(encrypting(client, settings), own_catalogue(settings), settings) as house:
        secret = {"$secret": "amplitude_basic_auth"}
        inputs = {"name": "the-canary", "ids": ["u1"], "basicAuth": secret}
        handle = await house.start("upload-and-verify-cohort", inputs)
        await handle.result()
    assert b"the-canary" not in await shown(address, handle.id)
    async with codec_server(Terminal(tmp_path, address)) as url:
        found = await shown(address, handle.id, "--codec-endpoint", url)
    assert b"the-canary" in found
    assert CREDENTIAL.encode() not in found
    assert load_key(SecretStore(), settings.state_folder) not in found


async def shown(address: str, workflow_id: str, *options: str) -> bytes:
    """Return a run as the Temporal CLI shows it, payloads as text."""
    process = await asyncio.create_subprocess_exec(
        *(str(find_binary()), "workflow", "show", "--workflow-id", workflow_id),
        *("--address", address, "--output", "json", *options),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    texts = [base64.b64decode(one) for one in _data(json.loads(out))]
    return out + b"".join(texts)


def _data(value: Any) -> list[str]:
    """Return all that stands under `data`."""
    if isinstance(value, list):
        return [one for child in value for one in _data(child)]
    if not isinstance(value, dict):
        return []
    own = [value["data"]] if isinstance(value.get("data"), str) else []
    return own + [one for child in value.values() for one in _data(child)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--origin", "temporal.example.com"), "--origin temporal.example.com"),
        (("--origin", "https://temporal.example.com/path"), "scheme, host and port"),
        (("--origin", "https://user@temporal.example.com"), "scheme, host and port"),
        (("--host", "no.such.host.invalid"), "can't be listened on"),
        (("--host", "192.0.2.1"), "can't be listened on"),
    ],
)
async def test_a_mistake_of_the_command_is_told(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """One message and exit code 2, before anything is said to listen."""
    done = await Terminal(tmp_path).durazzo("codec", "--port", str(free_port()), *arguments)
    expect_clear(done, 2, said)
    assert "Ctrl-C" not in done.err


async def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """And how to take another."""
    terminal = Terminal(tmp_path)
    async with codec_server(terminal) as url:
        done = await terminal.durazzo("codec", "--port", url.rpartition(":")[2])
    expect_clear(done, 2, "is taken", "--port")


async def test_a_default_port_is_left_out_as_browsers_do(tmp_path: Path) -> None:
    """So `--origin` with it matches what they send."""
    given = "https://temporal.example.com:443"
    async with (
        codec_server(Terminal(tmp_path), "--origin", given) as url,
        httpx.AsyncClient() as client,
    ):
        origin = {"origin": "https://temporal.example.com"}
        answer = await client.post(f"{url}/decode", json={"payloads": []}, headers=origin)
    assert answer.status_code == 200

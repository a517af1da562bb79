"""A public name can't lead into a private network, also when it changes its mind."""

from __future__ import annotations

import httpcore
import httpx
import pytest
from attempts import call, request

from activities.client import make_client, send
from activities.faults import TransportFailed
from activities.network import (
    GuardedBackend,
    PrivateAddressRefused,
    is_local_name,
    private_addresses,
)


class Connecting(httpcore.AsyncNetworkBackend):
    """A network in which only some addresses take a connection."""

    def __init__(self, *taken: str) -> None:
        self.taken = taken
        self.asked: list[str] = []

    async def connect_tcp(self, host: str, *_args: object) -> httpcore.AsyncNetworkStream:
        """Connect, or refuse."""
        self.asked.append(host)
        if host not in self.taken:
            raise httpcore.ConnectError(host)
        return httpcore.AsyncMockStream([])

    async def sleep(self, seconds: float) -> None:
        """Nobody waits here."""


def guarded(network: Connecting, *addresses: str) -> GuardedBackend:
    """Return the backend over a network in which every name has those addresses."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return GuardedBackend(network, resolve)


async def test_the_address_that_was_looked_at_is_connected_to() -> None:
    """The name is resolved once: the network never sees it, so it can't resolve otherwise."""
    network = Connecting("8.8.8.8")
    with private_addresses(allowed=False):
        await guarded(network, "1.1.1.1", "8.8.8.8").connect_tcp("api.example.com", 443)
    assert network.asked == ["1.1.1.1", "8.8.8.8"]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fe80::1%eth0"]
)
async def test_a_public_name_with_a_private_address_is_refused(address: str) -> None:
    """Also when only one of its addresses is private; nothing is connected to."""
    network = Connecting(address, "8.8.8.8")
    with private_addresses(allowed=False), pytest.raises(PrivateAddressRefused, match="--server"):
        await guarded(network, "8.8.8.8", address).connect_tcp("api.example.com", 443)
    assert network.asked == []


async def test_a_name_that_somebody_has_configured_may_be_private() -> None:
    """Then the network resolves it itself."""
    network = Connecting("intranet.example.com")
    with private_addresses(allowed=True):
        await guarded(network, "10.0.0.7").connect_tcp("intranet.example.com", 443)
    assert network.asked == ["intranet.example.com"]


async def test_a_name_without_an_address_is_no_connection() -> None:
    """As for any other host that is not there."""
    with private_addresses(allowed=False), pytest.raises(httpcore.ConnectError):
        await guarded(Connecting()).connect_tcp("nowhere.example.com", 443)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST.", True), ("db.internal", True), ("printer.local", True),
        ("127.0.0.1", True), ("10.1.2.3", True), ("::1", True), ("[::1]", True),
        ("8.8.8.8", False), ("api.example.com", False), ("local.example.com", False),
    ],
)  # fmt: skip
def test_a_host_that_says_by_itself_that_it_is_private(host: str, *, local: bool) -> None:
    """Who writes `localhost` means it."""
    assert is_local_name(host) is local


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:70000/",
        f"http://{'a' * 64}.example.com/",
        "http://a..example.com/",
        "http://[::/",
        "http:///nothing",
    ],
)
@pytest.mark.parametrize("own_server", [True, False])
async def test_a_host_or_port_that_cannot_be_is_surely_not_sent(
    url: str, *, own_server: bool
) -> None:
    """Over the real network code: what escapes httpx's own errors has its meaning, too."""
    async with make_client() as client:
        with pytest.raises(TransportFailed) as caught:
            await send(client, request(url, "POST"), call(own_server=own_server))
    assert caught.value.fault.sent == "no"


async def test_the_worker_s_client_is_guarded() -> None:
    """The guard stands in the pool of the real client, whatever httpx makes of its parts."""
    async with make_client() as client:
        own = client._transport
        assert isinstance(own, httpx.AsyncHTTPTransport)
        assert isinstance(own._pool._network_backend, GuardedBackend)

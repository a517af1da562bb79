"""Which addresses a request may go to: a public name can't lead into a private network.

The address that was looked at is the one that is connected to, so that a name which resolves
otherwise a moment later (DNS rebinding) gains nothing. A proxy of the worker's environment may have
any address, since its operator named it; it resolves names itself, so its own rules hold for where
it connects to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    Resolve = Callable[[str, int], Awaitable[list[str]]]

_MAY_BE_PRIVATE: Final[ContextVar[bool]] = ContextVar("may_be_private", default=True)


class PrivateAddressRefused(Exception):
    """A public name has a private address; nothing was sent."""


async def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system knows them. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_private_address(address: str) -> bool:
    """Return whether an address is of this machine or of a private network."""
    return not ipaddress.ip_address(address.partition("%")[0]).is_global


@lru_cache(maxsize=1000)
def is_local_name(host: str) -> bool:
    """Return whether a host says by itself that it is private: its name, or a literal address."""
    name = host.strip("[]").rstrip(".").lower()
    if not name or name == "localhost" or name.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        return is_private_address(name)
    except ValueError:
        return False


async def is_private(host: str | None) -> bool:
    """Return whether a host is private: by name, or once resolved."""
    name = (host or "").rstrip(".")
    if is_local_name(name):
        return True
    try:
        return any(is_private_address(one) for one in await resolved(name, 0))
    except (OSError, UnicodeError):
        return False  # then it can't be reached either


@contextmanager
def private_addresses(*, allowed: bool) -> Iterator[None]:
    """Say for the requests within whether a name may have a private address."""
    token = _MAY_BE_PRIVATE.set(allowed)
    try:
        yield
    finally:
        _MAY_BE_PRIVATE.reset(token)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only to addresses that a name may have."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend, resolve: Resolve = resolved) -> None:
        """Connect by `inner`, to what `resolve` finds."""
        self._inner = inner
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that takes the connection."""
        addresses = [host] if _MAY_BE_PRIVATE.get() else await self._public(host, port, timeout)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def _public(self, host: str, port: int, seconds: float | None) -> list[str]:
        try:
            async with asyncio.timeout(seconds):
                found = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no address of {host} in time") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        if not found:
            raise httpcore.ConnectError(f"{host} has no address")
        private = [one for one in found if is_private_address(one)]
        if private:
            raise PrivateAddressRefused(
                f"{host} has the private address {private[0]}. If that is meant, name the server "
                "in settings.yaml or start the worker with --server"
            )
        return found

    async def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does between its own attempts."""
        await self._inner.sleep(seconds)

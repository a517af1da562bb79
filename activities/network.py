"""Which hosts are of this machine or of a private network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket


async def is_private(host: str | None) -> bool:
    """Return whether a host is of this machine or a private network: by name, or once resolved."""
    name = (host or "").rstrip(".")
    if not name or name == "localhost" or name.endswith((".localhost", ".internal", ".local")):
        return True
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False  # then it can't be reached either
    return any(not ipaddress.ip_address(address[0]).is_global for *_, address in found)

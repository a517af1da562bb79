"""What each failure of the transport means: whether the request reached the other side.

One table over httpx's errors and over those that escape it; a test proves it complete. `no` means
surely not sent, `maybe` that it was sent, wholly or in part, and nobody can tell what came of it,
`yes` that an answer came.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import httpx

from activities.network import PrivateAddressRefused
from arazzo.errors import OtherPartyError

if TYPE_CHECKING:
    from arazzo.context import ResponseView
    from arazzo.outcome import Sent


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of failure: what it means, and whether another try may end otherwise."""

    sent: Sent
    try_again: bool
    said: str


FAULTS: Final[dict[type[Exception], Fault]] = {
    httpx.ConnectTimeout: Fault("no", True, "no connection in time"),
    httpx.ConnectError: Fault("no", True, "no connection"),
    httpx.PoolTimeout: Fault("no", True, "no free connection in time"),
    httpx.ProxyError: Fault("no", True, "the proxy refused"),
    httpx.UnsupportedProtocol: Fault("no", False, "the URL is neither http nor https"),
    httpx.LocalProtocolError: Fault("no", False, "the request breaks the rules of HTTP"),
    httpx.InvalidURL: Fault("no", False, "the URL is not valid"),
    httpx.ReadTimeout: Fault("maybe", True, "no answer in time"),
    httpx.WriteTimeout: Fault("maybe", True, "the request could not be sent in time"),
    httpx.ReadError: Fault("maybe", True, "the connection broke before the answer"),
    httpx.WriteError: Fault("maybe", True, "the connection broke while sending"),
    httpx.CloseError: Fault("maybe", True, "the connection broke while closing"),
    httpx.RemoteProtocolError: Fault("maybe", True, "the connection ended without an answer"),
    httpx.DecodingError: Fault("yes", True, "the answer can't be unpacked"),
    httpx.TooManyRedirects: Fault("yes", False, "too many redirects"),
    TimeoutError: Fault("maybe", True, "no complete answer in time"),
    ssl.SSLError: Fault("maybe", True, "the other side broke off TLS"),
    OSError: Fault("maybe", True, "the connection broke"),
    UnicodeError: Fault("no", False, "the host's name is not valid"),
    PrivateAddressRefused: Fault("no", False, "a public name leads into a private network"),
}
"""What each means before an answer has begun; once its status is there, see `Unreadable`."""

CAUGHT: Final = (
    httpx.TransportError, httpx.DecodingError, httpx.InvalidURL,
    OSError, UnicodeError, PrivateAddressRefused,
)  # fmt: skip
"""What ends a request by a fault; TimeoutError and SSLError are OSErrors."""


class TransportFailed(OtherPartyError):
    """No answer came; `fault` says what that means."""

    def __init__(self, fault: Fault, text: str) -> None:
        """Keep the fault beside the text."""
        super().__init__(f"{fault.said}: {text}" if text else fault.said, reason="transport")
        self.fault = fault


class Unreadable(TransportFailed):
    """An answer of success came, and its body broke; `response` is what there is of it.

    The request arrived, so a write took effect; what it made stood in the part that is missing.
    """

    def __init__(self, response: ResponseView, error: Exception) -> None:
        """Take whether another try may end otherwise from the error that broke the body."""
        fault = replace(fault_of(error), sent="yes")
        super().__init__(fault, str(error))
        self.message = f"the answer {response.status} can't be read: {str(error) or fault.said}"
        self.response = response


def fault_of(error: Exception) -> Fault:
    """Return the meaning of a failure, by the nearest class of the table."""
    for cls in type(error).__mro__:
        if cls in FAULTS:
            return FAULTS[cls]
    raise error

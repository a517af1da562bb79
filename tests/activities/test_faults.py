"""The table of transport failures: complete over httpx, and right about «never twice»."""

from __future__ import annotations

import ssl

import httpx
import pytest

from activities.faults import CAUGHT, FAULTS, fault_of
from activities.network import PrivateAddressRefused


def subclasses(cls: type[Exception]) -> set[type[Exception]]:
    """Return all classes below a class."""
    below = set(cls.__subclasses__())
    return below.union(*(subclasses(one) for one in below))


def leaves() -> list[type[Exception]]:
    """Return what httpx can raise while a request is sent, the most special classes only."""
    raised = subclasses(httpx.RequestError) | {httpx.InvalidURL}
    return sorted((one for one in raised if not one.__subclasses__()), key=lambda one: one.__name__)


@pytest.mark.parametrize("cls", leaves(), ids=lambda cls: cls.__name__)
def test_every_failure_of_httpx_has_a_meaning(cls: type[Exception]) -> None:
    """A new version of httpx that brings a new class fails here, not in a run."""
    assert cls in FAULTS


def test_the_table_holds_nothing_that_cannot_happen() -> None:
    """Besides httpx's classes: our own time limit and refusal, and what escapes httpx."""
    escaping = {ssl.SSLError, OSError, UnicodeError}
    assert set(FAULTS) == {*leaves(), TimeoutError, PrivateAddressRefused, *escaping}


def test_all_of_the_table_is_caught() -> None:
    """What has a meaning must not pass by as an error of the engine."""
    assert all(issubclass(cls, CAUGHT) for cls in FAULTS if cls is not httpx.TooManyRedirects)


@pytest.mark.parametrize(
    ("cls", "sent"),
    [
        (httpx.ConnectError, "no"),
        (httpx.ConnectTimeout, "no"),
        (httpx.PoolTimeout, "no"),
        (httpx.UnsupportedProtocol, "no"),
        (httpx.InvalidURL, "no"),
        (httpx.ReadTimeout, "maybe"),
        (httpx.WriteTimeout, "maybe"),
        (httpx.ReadError, "maybe"),
        (httpx.WriteError, "maybe"),
        (httpx.RemoteProtocolError, "maybe"),
        (TimeoutError, "maybe"),
        (httpx.DecodingError, "yes"),
        (ssl.SSLError, "maybe"),
        (OSError, "maybe"),
        (UnicodeError, "no"),
        (PrivateAddressRefused, "no"),
    ],
)
def test_only_what_was_surely_not_sent_counts_as_not_sent(cls: type[Exception], sent: str) -> None:
    """As soon as one byte may have left, a write's fate is unknown."""
    assert FAULTS[cls].sent == sent


def test_a_class_below_takes_its_nearest_meaning() -> None:
    """A library that refines a class changes nothing."""

    class Refined(httpx.ConnectError):
        pass

    assert fault_of(Refined("")) is FAULTS[httpx.ConnectError]


def test_an_error_that_is_no_fault_is_raised() -> None:
    """A bug of ours is never taken for trouble on the way."""
    with pytest.raises(KeyError):
        fault_of(KeyError("bug"))

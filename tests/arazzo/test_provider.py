"""The settings of a folder: the pace of polls, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from arazzo.provider import DAY, Polling, PollingOverride, ProviderPolling, ProviderSettings


def test_waits_grow_to_the_longest() -> None:
    """From 2 s by 1.5 to 5 minutes; the number of a poll can be large."""
    waits = [Polling().wait(number) for number in (1, 2, 3, 10, 100, 10**9)]
    assert waits == [2.0, 3.0, 4.5, pytest.approx(76.88671875), 300.0, 300.0]
    assert Polling().deadline == 7 * DAY


@pytest.mark.parametrize(
    ("polling", "waits"),
    [
        (Polling(first=0), [0, 0, 0]),
        (Polling(first=5, factor=1), [5, 5, 5]),
        (Polling(first=9, longest=4), [4, 4, 4]),
    ],
    ids=["at once", "steady", "longest before first"],
)
def test_edges_of_the_pace(polling: Polling, waits: list[float]) -> None:
    """No growth is a pace too, and the longest wait bounds the first."""
    assert [polling.wait(number) for number in (1, 2, 100)] == waits


def test_an_override_names_its_parts() -> None:
    """What it does not name is taken from the wider scope; zero is a value."""
    pace = Polling().overridden_by(PollingOverride(first=0, deadline=9))
    assert (pace.first, pace.factor, pace.longest, pace.deadline) == (0, 1.5, 300, 9)
    assert Polling().overridden_by(None) == Polling()


def test_provider_then_workflow_then_step() -> None:
    """Unknown names fall back to the wider scope."""
    pace = ProviderPolling.model_validate(
        {"first": 1, "workflows": {"w": {"first": 2, "steps": {"s": {"first": 3}}}}}
    )
    assert [pace.of(w, s).first for w, s in (("x", "s"), ("w", "x"), ("w", "s"))] == [1, 2, 3]


REFUSED: list[dict[str, Any]] = [
    {"unknown": 1},
    {"polling": {"frist": 1}},
    {"polling": {"first": -1}},
    {"polling": {"first": 401 * DAY}},
    {"polling": {"factor": 0.5}},
    {"transient": {"attempts": 0}},
    {"timeouts": {"total": 0}},
    {"secrets": ["Upper"]},
    {"secrets": ["a/b"]},
    {"credentials": {"a": {}}},
    {"credentials": {"a": {"secret": "../x"}}},
    {"credentials": {"a": {"client_credentials": {"client_id": "a"}}}},
    {
        "credentials": {
            "a": {"secret": "b", "client_credentials": {"client_id": "a", "client_secret": "b"}}
        }
    },
]


@pytest.mark.parametrize("given", REFUSED, ids=str)
def test_refusals(given: dict[str, Any]) -> None:
    """A misspelt key must not be taken for one that is not there."""
    with pytest.raises(ValidationError):
        ProviderSettings.model_validate(given)


def test_nothing_is_needed() -> None:
    """A folder of documents runs without settings."""
    settings = ProviderSettings()
    assert settings.secrets is None
    assert settings.idempotency_key.header == "Idempotency-Key"

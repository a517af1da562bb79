"""How long an answer asks to wait, in every way that services say it."""

from __future__ import annotations

from typing import Any

import pytest
from attempts import call

from activities.retry_after import asked_wait

NOW = 1_800_000_000.0


def asked(status: int, headers: dict[str, str], body: Any = None, **fields: Any) -> float | None:
    """Return the wait of an answer, by a ceiling of 60 s."""
    return asked_wait(status, headers, body, call(**fields), NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"ratelimit-reset": "12"}, 12),
        ({"ratelimit": "limit=10, remaining=0, reset=9"}, 9),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"burst";r=0;t=3, "daily";r=9;t=30'}, 3),
        ({"x-ratelimit-reset-after": "1.25"}, 1.25),
        ({"x-ratelimit-reset": "20"}, 20),
        ({"x-ratelimit-reset": str(NOW + 25)}, 25),
        ({"x-ratelimit-reset": str(int(NOW * 1000) + 15_000)}, 15),
        ({"x-rate-limit-reset": str(int(NOW) + 5)}, 5),
        ({"x-ratelimit-reset": str(int(NOW) - 5)}, 0),
        ({"x-ratelimit-reset": str(int(NOW) + 86_400)}, 60),
        ({"retry-after": "2", "ratelimit-reset": "12"}, 2),
        ({"retry-after": "soon", "ratelimit-reset": "12"}, 12),
        ({"ratelimit-reset": "soon"}, None),
        ({"ratelimit": "limit=10"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_headers_of_a_refusal(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    """`Retry-After` first; a reset in seconds, or as a moment; never above the ceiling."""
    assert asked(status, headers) == seconds


@pytest.mark.parametrize("status", [200, 202, 500])
def test_the_reset_of_a_limit_is_no_wish_on_other_answers(status: int) -> None:
    """There it only informs; `Retry-After` means a wait everywhere."""
    assert asked(status, {"ratelimit-reset": "12", "x-ratelimit-reset": "12"}) is None
    assert asked(status, {"retry-after": "12"}) == 12


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {"wait": 1500}}, 1.5),
        ({"error": {"wait": "1500"}}, 1.5),
        ({"error": {"wait": 1e9}}, 60),
        ({"error": {"wait": -1}}, 0),
        ({"error": {"wait": True}}, None),
        ({"error": {"wait": "soon"}}, None),
        ({"error": {}}, None),
        ("no JSON", None),
    ],
)
def test_the_wait_that_stands_in_a_body(body: Any, seconds: float | None) -> None:
    """By the settings' pointer and unit; a header counts more, and a success asks for nothing."""
    named = {"retry_after_body": "/error/wait", "retry_after_unit": 0.001}
    assert asked(400, {}, body, **named) == seconds
    assert asked(400, {"retry-after": "3"}, body, **named) == 3
    assert asked(200, {}, body, **named) is None

"""What a client may ask the Amperity stand-in: the body of a run, and the filters of a list."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mocks.calls import Call, Refusal, read_object, read_text

CONFIG_ID = re.compile(r"(cg|og|cc)-[A-Za-z0-9-]+")
TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|\+00:00)?)?)?)?"
)
RUN_MODES = ("full", "refresh", "source")
RANGE_FIELDS = ("range_from", "range_to")
RUN_FIELDS = ("config_id", *RANGE_FIELDS, "run_mode")
TIME_FILTERS = ("created_from", "created_to", "ended_from", "ended_to")
LIST_PARAMETERS = (*TIME_FILTERS, "state", "type", "limit", "next_token", "with_total")
DEFAULT_LIMIT = 100
MOST_LIMIT = 1000
FILES_PREFIX = "cg-file"
UNKNOWN_PREFIXES = ("cg-unknown", "og-unknown", "cc-unknown")


@dataclass(frozen=True)
class Listing:
    """What a list is asked for: filters, and the piece of it."""

    times: Mapping[str, float]
    state: str | None
    type: str | None
    limit: int
    offset: int
    with_total: bool


def read_config_id(call: Call) -> str:
    """The configuration that a run is asked for, when the body as a whole is sound.

    Any well-formed id is known but those that begin with cg-unknown, og-unknown or cc-unknown;
    those that begin with cg-file pull files, so that they need range_from.
    """
    body = read_object(call)
    unknown = sorted(set(body) - set(RUN_FIELDS))
    if unknown:
        raise Refusal(400, f"unknown field {', '.join(unknown)}")
    config_id = read_text(body, "config_id")
    if not CONFIG_ID.fullmatch(config_id):
        raise Refusal(400, "config_id must begin with cg-, og- or cc-")
    _require_fitting(config_id, body)
    if config_id.startswith(UNKNOWN_PREFIXES):
        raise Refusal(404, f"there is no configuration {config_id}")
    return config_id


def _require_fitting(config_id: str, body: Mapping[str, Any]) -> None:
    extra = [name for name in RUN_FIELDS[1:] if name in body]
    if extra and not config_id.startswith("cg-"):
        raise Refusal(400, f"{', '.join(extra)} is for courier groups only")
    times = {name: read_time(body[name], name) for name in RANGE_FIELDS if name in body}
    if "range_to" in times and "range_from" not in times:
        raise Refusal(400, "range_to needs range_from")
    if "range_to" in times and times["range_to"] <= times["range_from"]:
        raise Refusal(400, "range_to must be later than range_from")
    if config_id.startswith(FILES_PREFIX) and "range_from" not in times:
        raise Refusal(400, "range_from is required, since the courier group pulls files")
    if "run_mode" in body and body["run_mode"] not in RUN_MODES:
        raise Refusal(400, f"run_mode must be one of {', '.join(RUN_MODES)}")


def read_time(value: object, name: str) -> float:
    """A time in UTC or the begin of a year, month or day, as seconds since the epoch."""
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise Refusal(400, f"{name} must be a time of ISO 8601 in UTC")
    year, month, day, hour, minute, second, fraction = found.groups()
    try:
        moment = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
            int(second or 0), int((fraction or "0").ljust(6, "0")[:6]), tzinfo=UTC,
        )  # fmt: skip
    except ValueError as error:
        raise Refusal(400, f"{name} is no time: {error}") from error
    return moment.timestamp()


def read_listing(call: Call) -> Listing:
    """What a list is asked for; unknown parameters and values are refused."""
    unknown = sorted(set(call.query) - {*LIST_PARAMETERS, "api_version"})
    if unknown:
        raise Refusal(400, f"unknown parameter {', '.join(unknown)}")
    query = {name: str(value) for name, value in call.query.items()}
    with_total = query.get("with_total", "false")
    if with_total not in ("true", "false"):
        raise Refusal(400, "with_total must be true or false")
    return Listing(
        times={name: read_time(query[name], name) for name in TIME_FILTERS if name in query},
        state=query.get("state"),
        type=query.get("type"),
        limit=_read_limit(query),
        offset=_read_token(query["next_token"]) if "next_token" in query else 0,
        with_total=with_total == "true",
    )


def create_token(offset: int) -> str:
    """The token of the piece of a list that begins at an offset."""
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode("ascii")


def _read_limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    limit = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    if not 1 <= limit <= MOST_LIMIT:
        raise Refusal(400, f"limit must be an integer from 1 to {MOST_LIMIT}")
    return limit


def _read_token(token: str) -> int:
    try:
        name, _, offset = base64.urlsafe_b64decode(token).decode("ascii").partition(":")
        if name == "offset" and offset.isdigit():
            return int(offset)
    except ValueError:
        pass
    raise Refusal(400, "next_token is none that was given out")

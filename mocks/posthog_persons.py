"""The persons of the PostHog stand-in's project, and how its answers show them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

SEEDED_PERSONS = 1500
MOST_DISTINCT_IDS = 10
FIRST_CREATED = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
PLANS = ("free", "free", "team", "paid")
COUNTRIES = ("DE", "FR", "IT", "AL", "US")


@dataclass(frozen=True)
class Person:
    """One person; `uuid` is what the cohort calls take, `distinct_ids` are not."""

    number: int
    uuid: str
    distinct_ids: tuple[str, ...]
    properties: dict[str, Any]
    created: float

    @property
    def name(self) -> str:
        """What the person is called by: the e-mail address."""
        return str(self.properties.get("email", self.distinct_ids[0]))

    def describe(self, *, with_last_seen: bool) -> dict[str, Any]:
        """The person as the pages of a cohort show it; `last_seen_at` came in 2026."""
        described = {
            "id": self.uuid,
            "uuid": self.uuid,
            "type": "person",
            "name": self.name,
            "distinct_ids": list(self.distinct_ids[:MOST_DISTINCT_IDS]),
            "properties": self.properties,
            "created_at": show_time(self.created),
            "is_identified": True,
            "matched_recordings": [],
            "value_at_data_point": None,
        }
        return described | ({"last_seen_at": show_time(self.created)} if with_last_seen else {})


def show_time(seconds: float) -> str:
    """A time as PostHog writes it, to the microsecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def person_uuid(number: int) -> str:
    """The UUID of a seeded person."""
    return str(uuid5(NAMESPACE_URL, f"https://posthog.example/persons/{number}"))


@cache
def seeded_persons() -> Mapping[str, Person]:
    """The persons of the project by UUID, numbered from 0; nobody changes them."""
    return {person_uuid(number): _seeded_person(number) for number in range(SEEDED_PERSONS)}


def _seeded_person(number: int) -> Person:
    email = f"person-{number}@example.com"
    properties = {
        "email": email,
        "plan": PLANS[number % len(PLANS)],
        "country": COUNTRIES[number % len(COUNTRIES)],
        "visits": number % 100,
    }
    created = FIRST_CREATED + number * 3600
    return Person(number, person_uuid(number), (f"user-{number}", email), properties, created)


def read_uuid(value: str) -> str | None:
    """A UUID in its usual spelling; None when it is none."""
    try:
        return str(UUID(value))
    except ValueError:
        return None


def write_csv(persons: Sequence[Person]) -> str:
    """Persons as a CSV file: one column for each property and each distinct id."""
    names = sorted({name for person in persons for name in person.properties})
    most = max((len(person.distinct_ids) for person in persons), default=0)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        ["id", "email", "name", "created_at"]
        + [f"properties.{name}" for name in names]
        + [f"distinct_ids.{index}" for index in range(most)]
    )
    for person in persons:
        ids = [*person.distinct_ids, *[""] * (most - len(person.distinct_ids))]
        writer.writerow(
            [person.uuid, person.properties.get("email", ""), person.name]
            + [show_time(person.created)]
            + [person.properties.get(name, "") for name in names]
            + ids
        )
    return text.getvalue()

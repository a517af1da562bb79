"""The project of the PostHog stand-in: its cohorts, and the operations on them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mocks.calls import Answer, Call
from mocks.faults import Faults
from mocks.jobs import Job, Pace
from mocks.posthog_access import EmptyRefusal, Problem, not_found
from mocks.posthog_activity import ActivityLog, describe_change
from mocks.posthog_cohorts import CALCULATION_STATES, CREATOR, Cohort, seeded_cohorts
from mocks.posthog_csv import read_rows
from mocks.posthog_filters import cohorts_in, kind_of, leaves, match, match_query, require_filters
from mocks.posthog_persons import Person, seeded_persons, write_csv
from mocks.posthog_requests import (
    PAGE_SIZE,
    link,
    read_added_ids,
    read_body,
    read_cohort,
    read_number,
    read_removed_id,
    read_static_ids,
    relative_link,
    require_consistent,
)

MOST_CSV_ROWS = 300_000
SECOND_YEAR = 2026
CREATE, UPDATE = "cohorts_create", "cohorts_partial_update"
LIST, PERSONS = "cohorts_list", "cohorts_persons_retrieve"
DUPLICATE = "cohorts_duplicate_as_static_cohort_retrieve"
FIELDS = ("name", "description", "groups", "deleted", "filters", "query", "is_static")


class Project:
    """One project: persons, cohorts, and what happened to them."""

    def __init__(self, year: int, pace: Pace, faults: Faults, clock: Callable[[], float]) -> None:
        self._year = year
        self._pace = pace
        self._faults = faults
        self._clock = clock
        self._persons = seeded_persons()
        self.reset()

    def reset(self) -> None:
        """Back to the seeded cohorts."""
        self._cohorts: dict[int, Cohort] = {}
        self._cohorts = seeded_cohorts(self._clock(), self._clock, self._members_of_filters)
        self._log = ActivityLog(self._clock)
        for cohort in self._cohorts.values():
            self._log.note("created", cohort.id, cohort.name)

    def list_cohorts(self, call: Call) -> Any:
        """The cohorts that are not deleted, newest first."""
        for cohort in self._cohorts.values():
            cohort.settle()
        found = [one for one in reversed(self._cohorts.values()) if _is_listed(one, call)]
        limit, offset = _limit_and_offset(call)
        is_basic = call.query.get("basic") == "true" and self._year >= SECOND_YEAR
        hidden = ("filters", "query", "groups") if is_basic else ()
        page = found[offset : offset + limit]
        results = [one.describe(self._year) | self._describe_match(one, call) for one in page]
        return {
            "count": len(found),
            "next": self._next(call, LIST, is_more=offset + limit < len(found)),
            "previous": _previous(call),
            "results": [
                {name: value for name, value in one.items() if name not in hidden}
                for one in results
            ],
        }

    def create(self, call: Call) -> Any:
        """Add a cohort: a static one with its persons at once, all else is calculated."""
        body = read_body(call)
        given, ids = read_cohort(body, self._year), read_static_ids(body)
        cohort = Cohort(id=max(self._cohorts) + 1, created=self._clock())
        self._apply(cohort, given)
        self._cohorts[cohort.id] = cohort
        self._log.note("created", cohort.id, cohort.name)
        if cohort.is_static:
            self._fill_static(cohort, ids, body.get("csv"))
        else:
            self._calculate(cohort, CREATE, lambda: self._members_of_filters(cohort.filters))
        return Answer(cohort.describe(self._year), 201)

    def retrieve(self, call: Call) -> Any:
        """One cohort, a deleted one too; the call is a poll that moves its calculation on."""
        cohort = self._cohort(call)
        cohort.poll()
        return cohort.describe(self._year)

    def update(self, call: Call) -> Any:
        """Change a cohort; all but a deletion or restoration calculates a dynamic one anew."""
        cohort = self._cohort(call)
        cohort.settle()
        body = read_body(call)
        given = read_cohort(body, self._year)
        before = {name: getattr(cohort, name) for name in FIELDS}
        self._require_deletable(cohort, given)
        self._require_changeable(cohort, given)
        self._apply(cohort, given)
        changes = [
            describe_change(name, old, getattr(cohort, name))
            for name, old in before.items()
            if old != getattr(cohort, name)
        ]
        deletion = cohort.deleted != before["deleted"]
        activity = ("restored", "deleted")[cohort.deleted] if deletion else "updated"
        if changes:
            self._log.note(activity, cohort.id, cohort.name, changes)
        if cohort.is_static and isinstance(body.get("csv"), bytes):
            self._add_rows(cohort, UPDATE, body["csv"])
        if not cohort.is_static and not deletion:
            self._calculate(cohort, UPDATE, lambda: self._members_of_filters(cohort.filters))
        return cohort.describe(self._year)

    def destroy(self, _call: Call) -> Any:
        """Cohorts cannot be deleted for good."""
        raise EmptyRefusal(405)

    def show_activity(self, call: Call) -> Any:
        """What happened to one cohort."""
        cohort_id = _cohort_id(call)
        if cohort_id not in self._cohorts:
            raise EmptyRefusal(404)
        return self._log.page(call, cohort_id)

    def show_all_activity(self, call: Call) -> Any:
        """What happened to all cohorts."""
        return self._log.page(call)

    def add_persons(self, call: Call) -> Any:
        """Add persons to a static cohort; unknown ones are dropped if any is known."""
        cohort = self._cohort(call)
        if not cohort.is_static:
            raise Problem(400, "Can only add users to static cohorts")
        known = [one for one in read_added_ids(read_body(call)) if one in self._persons]
        if not known:
            raise Problem(400, "No valid users to add to cohort")
        cohort.set_members([*cohort.members, *known], self._clock())
        self._log.note("persons_added_manually", cohort.id, cohort.name)
        return {"success": True}

    def remove_person(self, call: Call) -> Any:
        """Remove one person from a static cohort."""
        cohort = self._cohort(call)
        if not cohort.is_static:
            raise Problem(400, "Can only remove users from static cohorts")
        person_id = read_removed_id(read_body(call))
        if person_id not in self._persons:
            raise Problem(404, "Person with this UUID does not exist in the cohort's team")
        if person_id not in cohort.members and self._year < SECOND_YEAR:
            raise Problem(404, "Person is not part of the cohort")
        members = [one for one in cohort.members if one != person_id]
        cohort.set_members(members, self._clock())
        self._log.note("person_removed_manually", cohort.id, cohort.name)
        return {"success": True}

    def show_history(self, call: Call) -> Any:
        """The calculations of a cohort, newest first; the call is a poll as that of a cohort."""
        cohort = self._cohort(call)
        cohort.poll()
        limit, offset = _limit_and_offset(call)
        found = cohort.calculations[::-1]
        results = [one.describe(self._year) for one in found[offset : offset + limit]]
        is_more = offset + limit < len(found)
        return {
            "results": results,
            "count": len(found),
            "next": relative_link(limit=limit, offset=offset + limit) if is_more else None,
            "previous": relative_link(limit=limit, offset=max(0, offset - limit))
            if offset
            else None,
        }

    def duplicate(self, call: Call) -> Any:
        """Make a static copy, filled in the background; the call is gone in 2026."""
        if self._year >= SECOND_YEAR:
            raise Problem(404, "Endpoint not found.")
        source = self._cohort(call)
        if source.is_static:
            detail = "Cohort is already a static cohort. Cannot duplicate again"
            raise Problem(400, detail)
        copy = Cohort(id=max(self._cohorts) + 1, created=self._clock(), is_static=True)
        copy.name, copy.cohort_type = f"{source.name} (static copy)", "static"
        self._cohorts[copy.id] = copy
        self._log.note("created", copy.id, copy.name)
        self._calculate(copy, DUPLICATE, lambda: source.members)
        return copy.describe(self._year)

    def show_persons(self, call: Call) -> Any:
        """One page of the persons of a cohort, or all of them as a CSV file."""
        cohort = self._cohort(call)
        cohort.settle()
        persons = [self._persons[uuid] for uuid in cohort.members]
        persons = [person for person in persons if _is_asked_for(person, call)]
        if call.query.get("format") == "csv":
            return Answer(write_csv(persons[:MOST_CSV_ROWS]), media_type="text/csv")
        limit, offset = _limit_and_offset(call)
        page = persons[offset : offset + limit]
        new = self._year >= SECOND_YEAR
        return {
            "results": [person.describe(with_last_seen=new) for person in page],
            "next": self._next(call, PERSONS, is_more=len(page) == limit),
            "previous": _previous(call),
        }

    def _cohort(self, call: Call) -> Cohort:
        cohort = self._cohorts.get(_cohort_id(call))
        if cohort is None:
            raise not_found()
        return cohort

    def _next(self, call: Call, operation_id: str, *, is_more: bool) -> str | None:
        limit, offset = _limit_and_offset(call)
        if self._faults.strike_page(operation_id):
            return link(call, limit=limit, offset=offset)
        return link(call, limit=limit, offset=offset + limit) if is_more else None

    def _describe_match(self, cohort: Cohort, call: Call) -> dict[str, Any]:
        if "search" not in call.query or self._year < SECOND_YEAR:
            return {}
        is_exact = str(call.query["search"]).lower() == (cohort.name or "").lower()
        return {"search_match_type": "exact" if is_exact else "similar"}

    def _apply(self, cohort: Cohort, given: Mapping[str, Any]) -> None:
        fields = {name: getattr(cohort, name) for name in (*FIELDS, "cohort_type")}
        fields.update(given)
        if fields["filters"] is None and fields["groups"] and not fields["is_static"]:
            fields["filters"] = _filters_of_groups(fields["groups"])
            require_filters(fields["filters"], self._year)
        require_consistent(fields)
        self._require_sound_references(cohort, fields["filters"])
        if not fields["cohort_type"]:
            fields["cohort_type"] = kind_of(fields["filters"], is_static=fields["is_static"])
        for name, value in fields.items():
            setattr(cohort, name, value)

    def _require_sound_references(self, cohort: Cohort, filters: Any) -> None:
        pending, seen = sorted(cohorts_in(filters)), set[int]()
        while pending:
            cohort_id = pending.pop()
            if cohort_id == cohort.id:
                raise Problem(400, "Cohorts cannot reference other cohorts in a loop.")
            if cohort_id not in self._cohorts:
                raise Problem(400, "Invalid Cohort ID in filter", attr="filters")
            if cohort_id not in seen:
                seen.add(cohort_id)
                pending += cohorts_in(self._cohorts[cohort_id].filters)
        is_behavioral = any(leaf["type"] == "behavioral" for leaf in leaves(filters))
        if cohort.flags and is_behavioral:
            detail = "Behavioral filters cannot be added to cohorts used in feature flags."
            raise Problem(400, detail, code="behavioral_cohort_found", attr="filters")

    def _require_deletable(self, cohort: Cohort, given: Mapping[str, Any]) -> None:
        if not given.get("deleted") or cohort.deleted:
            return
        if cohort.flags:
            detail = f"This cohort is used in active feature flags: {', '.join(cohort.flags)}"
            raise Problem(400, detail, attr="deleted")
        users = [
            other.name
            for other in self._cohorts.values()
            if not other.deleted and cohort.id in cohorts_in(other.filters)
        ]
        if users and self._year >= SECOND_YEAR:
            detail = f"This cohort is used in cohorts: {', '.join(map(str, users))}"
            raise Problem(400, detail, attr="deleted")

    def _require_changeable(self, cohort: Cohort, given: Mapping[str, Any]) -> None:
        criteria = [
            name
            for name in ("filters", "query")
            if given.get(name) not in (None, getattr(cohort, name))
        ]
        if criteria and cohort.is_static and self._year >= SECOND_YEAR:
            raise Problem(400, "Cannot change the criteria of a static cohort.", attr=criteria[0])

    def _fill_static(self, cohort: Cohort, ids: Sequence[str] | None, file: object) -> None:
        query, filters = cohort.query, cohort.filters
        if ids is not None:
            cohort.set_members([one for one in ids if one in self._persons], self._clock())
        if isinstance(file, bytes):
            # The cohort stays when the file is refused, as in the service.
            self._add_rows(cohort, CREATE, file)
        elif ids is not None:
            return
        elif query is not None:
            self._calculate(cohort, CREATE, lambda: self._members_of_query(query))
        elif filters is not None and self._year >= SECOND_YEAR:
            self._calculate(cohort, CREATE, lambda: self._members_of_filters(filters))
        else:
            cohort.count = 0

    def _add_rows(self, cohort: Cohort, operation_id: str, file: bytes) -> None:
        rows = read_rows(file)
        self._calculate(
            cohort, operation_id, lambda: [*cohort.members, *rows.pick(self._persons.values())]
        )

    def _calculate(
        self, cohort: Cohort, operation_id: str, members: Callable[[], Sequence[str]]
    ) -> None:
        fault = self._faults.strike_job(operation_id)
        cohort.start(
            members, Job(str(cohort.id), CALCULATION_STATES, self._pace, self._clock, fault)
        )

    def _members_of_filters(self, filters: Mapping[str, Any] | None) -> list[str]:
        resolve = self._resolver(filters)
        return [one.uuid for one in self._persons.values() if match(filters, one, resolve)]

    def _members_of_query(self, query: Mapping[str, Any]) -> list[str]:
        resolve = self._resolver(query)
        return [one.uuid for one in self._persons.values() if match_query(query, one, resolve)]

    def _resolver(self, criteria: object) -> Callable[[int], frozenset[str]]:
        members = {
            cohort_id: frozenset(self._cohorts[cohort_id].members)
            for cohort_id in cohorts_in(criteria)
            if cohort_id in self._cohorts
        }
        return lambda cohort_id: members.get(cohort_id, frozenset())


def _cohort_id(call: Call) -> int:
    text = call.path_parameters["id"]
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise not_found()
    return int(text)


def _limit_and_offset(call: Call) -> tuple[int, int]:
    return read_number(call, "limit", PAGE_SIZE), read_number(call, "offset", 0, lowest=0)


def _previous(call: Call) -> str | None:
    limit, offset = _limit_and_offset(call)
    return link(call, limit=limit, offset=max(0, offset - limit)) if offset else None


def _is_listed(cohort: Cohort, call: Call) -> bool:
    query = call.query
    wanted = {"static": True, "dynamic": False}.get(str(query.get("type")))
    behaves = cohort.cohort_type in ("behavioral", "analytical")
    return not (
        cohort.deleted
        or (wanted is not None and cohort.is_static != wanted)
        or str(query.get("search", "")).lower() not in (cohort.name or "").lower()
        or str(query.get("created_by_id", CREATOR["id"])) != str(CREATOR["id"])
        or (query.get("hide_behavioral_cohorts") == "true" and behaves)
    )


def _is_asked_for(person: Person, call: Call) -> bool:
    search = str(call.query.get("search", "")).lower()
    texts = [person.name, *person.distinct_ids]
    if not any(search in text.lower() for text in texts):
        return False
    if "properties" not in call.query:
        return True
    try:
        values = json.loads(str(call.query["properties"]))
    except (ValueError, RecursionError) as error:
        raise Problem(400, "Properties are unparsable!", attr="properties") from error
    filters = {"properties": {"type": "AND", "values": values}}
    require_filters(filters, SECOND_YEAR)
    return match(filters, person, lambda _: frozenset())


def _filters_of_groups(groups: Any) -> dict[str, Any]:
    values = [
        {"type": "AND", "values": group.get("properties") or []}
        for group in (groups if isinstance(groups, list) else [])
        if isinstance(group, dict)
    ]
    return {"properties": {"type": "OR", "values": values}}

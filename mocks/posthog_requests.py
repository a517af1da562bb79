"""What a client may send to the PostHog stand-in: the bodies of its calls, and its pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from mocks.calls import Call
from mocks.posthog_access import Problem
from mocks.posthog_csv import read_form
from mocks.posthog_filters import kind_of, require_filters
from mocks.posthog_persons import read_uuid

MOST_NAME = 400
MOST_DESCRIPTION = 1000
MOST_PERSONS = 1000
PAGE_SIZE = 100
COHORT_TYPES = ("static", "person_property", "behavioral", "analytical")
QUERY_KINDS = ("ActorsQuery", "HogQLQuery")
OBJECT_FIELDS = ("filters", "query")


def read_body(call: Call) -> dict[str, Any]:
    """The JSON object in the body, or the fields of its form."""
    content_type = call.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        return read_form(content_type, call.content)
    if media_type != "application/json":
        raise Problem(415, f'Unsupported media type "{media_type}" in request.')
    try:
        body = json.loads(call.content or b"{}")
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"JSON parse error - {error}", code="parse_error") from error
    if not isinstance(body, dict):
        kind = type(body).__name__
        raise Problem(400, f"Invalid data. Expected a dictionary, but got {kind}.")
    return body


def read_cohort(body: Mapping[str, Any], year: int) -> dict[str, Any]:
    """The fields of a cohort that a body sets, checked; what is unknown is left out."""
    _require_text(body, "name", MOST_NAME)
    _require_text(body, "description", MOST_DESCRIPTION)
    for name in ("deleted", "is_static"):
        if name in body and not isinstance(body[name], bool):
            raise Problem(400, "Must be a valid boolean.", attr=name)
    require_filters(body.get("filters"), year)
    _require_query(body.get("query"))
    _require_type(body.get("cohort_type"), year)
    names = ("name", "description", "deleted", "is_static", "filters", "query", "cohort_type")
    return {name: body[name] for name in (*names, "groups") if name in body}


def _require_text(body: Mapping[str, Any], name: str, most: int) -> None:
    value = body.get(name)
    if value is None and (name == "name" or name not in body):
        return
    if not isinstance(value, str):
        detail = "This field may not be null." if value is None else "Not a valid string."
        raise Problem(400, detail, code="null" if value is None else None, attr=name)
    if len(value) > most:
        detail = f"Ensure this field has no more than {most} characters."
        raise Problem(400, detail, code="max_length", attr=name)


def _require_query(query: object) -> None:
    if query is None:
        return
    if not isinstance(query, dict) or query.get("kind") not in QUERY_KINDS:
        raise Problem(400, f"The query must be one of {', '.join(QUERY_KINDS)}.", attr="query")


def _require_type(cohort_type: object, year: int) -> None:
    known = (*COHORT_TYPES, "realtime") if year >= 2026 else COHORT_TYPES  # noqa: PLR2004 - it came then
    if cohort_type not in (None, "", *known):
        detail = f'"{cohort_type}" is not a valid choice.'
        raise Problem(400, detail, code="invalid_choice", attr="cohort_type")


def require_consistent(fields: Mapping[str, Any]) -> None:
    """Refuse with a 400 what cannot be in one cohort."""
    is_static, query = fields["is_static"], fields["query"]
    if query is not None and not is_static:
        detail = "Cannot create a dynamic cohort with a query. Set is_static to true."
        raise Problem(400, detail, attr="query")
    if query is not None and fields["filters"] is not None:
        raise Problem(400, "Cannot set both query and filters at the same time.", attr="query")
    kind = kind_of(fields["filters"], is_static=is_static)
    given = fields["cohort_type"]
    if given and given not in ("realtime", kind):
        detail = f"Cohort type '{given}' does not match the filters, which are '{kind}'."
        raise Problem(400, detail, attr="cohort_type")


def read_static_ids(body: Mapping[str, Any]) -> list[str] | None:
    """The persons that a new static cohort is to have, if the body names any."""
    ids = body.get("_create_static_person_ids")
    if ids is None:
        return None
    if not isinstance(ids, list):
        detail = f'Expected a list of items but got type "{type(ids).__name__}".'
        raise Problem(400, detail, code="not_a_list", attr="_create_static_person_ids")
    return _uuids(ids)


def read_added_ids(body: Mapping[str, Any]) -> list[str]:
    """The persons to add to a static cohort: 1 to 1,000."""
    ids = body.get("person_ids")
    if not isinstance(ids, list):
        raise Problem(400, "person_ids must be a list", attr="person_ids")
    if not ids:
        raise Problem(400, "person_ids cannot be empty", attr="person_ids")
    if len(ids) > MOST_PERSONS:
        raise Problem(400, f"List size exceeds limit of {MOST_PERSONS}", attr="person_ids")
    return _uuids(ids)


def read_removed_id(body: Mapping[str, Any]) -> str:
    """The one person to remove from a static cohort."""
    person_id = body.get("person_id")
    if not person_id:
        raise Problem(400, "person_id is required", attr="person_id")
    if not isinstance(person_id, str):
        raise Problem(400, "person_id must be a string", attr="person_id")
    uuid = read_uuid(person_id)
    if uuid is None:
        raise Problem(400, "person_id must be a valid UUID", attr="person_id")
    return uuid


def _uuids(ids: Sequence[Any]) -> list[str]:
    """Those of the ids that are UUIDs, each once."""
    found = (read_uuid(one) for one in ids if isinstance(one, str))
    return list(dict.fromkeys(one for one in found if one is not None))


def read_number(call: Call, name: str, default: int, lowest: int = 1) -> int:
    """A number of the query; what is none counts as not given, as in the service."""
    text = str(call.query.get(name, ""))
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else default
    return number if number >= lowest else default


def link(call: Call, **numbers: int) -> str:
    """An absolute link to the same list, with these numbers in its query."""
    return f"{call.address()}?{_query(call, numbers)}"


def relative_link(**numbers: int) -> str:
    """A link that has a query only."""
    return f"?{urlencode(numbers)}"


def _query(call: Call, numbers: Mapping[str, int]) -> str:
    return urlencode({**call.query, **numbers}, doseq=True)

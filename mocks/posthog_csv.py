"""CSV files that fill static cohorts of the PostHog stand-in, and the forms that carry them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from mocks.posthog_access import Problem
from mocks.posthog_persons import Person, read_uuid

PERSON_HEADERS = ("person_id", "person-id", "Person .id")
EMAIL_HEADERS = ("email", "e-mail")
DISTINCT_HEADERS = ("distinct_id", "distinct-id")
COLUMNS = (("uuid", PERSON_HEADERS), ("distinct_id", DISTINCT_HEADERS), ("email", EMAIL_HEADERS))
BOOLEANS = {"true": True, "false": False}
JSON_FIELDS = ("filters", "query", "groups", "_create_static_person_ids")


@dataclass(frozen=True)
class Rows:
    """What a file says: ids of one kind, uuid, distinct_id or email."""

    kind: str
    ids: frozenset[str]

    def pick(self, persons: Iterable[Person]) -> list[str]:
        """The UUIDs of those persons that the file names; all else vanishes silently."""
        return [person.uuid for person in persons if self._names(person)]

    def _names(self, person: Person) -> bool:
        if self.kind == "uuid":
            return person.uuid in self.ids
        if self.kind == "email":
            return person.properties.get("email") in self.ids
        return not self.ids.isdisjoint(person.distinct_ids)


def read_form(content_type: str, content: bytes) -> dict[str, Any]:
    """The fields of a multipart form; the file part `csv` as bytes."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + content)
    if not form.is_multipart():
        raise Problem(400, "Multipart form parse error - Invalid boundary", code="parse_error")
    fields: dict[str, Any] = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload if name == "csv" else _read_field(name, payload)
    return fields


def _read_field(name: str, payload: bytes) -> Any:
    text = payload.decode("utf-8", errors="replace")
    if name in JSON_FIELDS:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Problem(400, "Value must be valid JSON.", attr=name) from error
    return BOOLEANS.get(text.lower(), text) if name in ("deleted", "is_static") else text


def read_rows(content: bytes) -> Rows:
    """The ids in a CSV file.

    One column needs no header: if its first row is no header of persons or e-mails, it is a
    distinct id as all others. Several columns need one that names ids.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _wrong("The file is not encoded as UTF-8.") from error
    try:
        rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise _wrong(f"The file is no CSV: {error}") from error
    if not rows:
        raise _wrong("CSV file is empty. Please upload a CSV file with at least one row.")
    found = _read_columns(rows) if len(rows[0]) > 1 else _read_column(rows)
    if not found.ids:
        raise _wrong("CSV file contains no valid ids.")
    return found


def _read_column(rows: Sequence[Sequence[str]]) -> Rows:
    header = rows[0][0].strip()
    if header in PERSON_HEADERS:
        return _rows("uuid", rows[1:], 0)
    if header in EMAIL_HEADERS:
        return _rows("email", rows[1:], 0)
    return _rows("distinct_id", rows, 0)


def _read_columns(rows: Sequence[Sequence[str]]) -> Rows:
    header = [cell.strip() for cell in rows[0]]
    for kind, names in COLUMNS:
        column = next((header.index(name) for name in names if name in header), None)
        if column is not None:
            return _rows(kind, rows[1:], column)
    found = ", ".join(header)
    raise _wrong(f"The file has no column of ids, such as person_id or email. It has: {found}")


def _rows(kind: str, rows: Sequence[Sequence[str]], column: int) -> Rows:
    ids = {row[column].strip() for row in rows if len(row) > column}
    if kind == "uuid":
        ids = {uuid for one in ids if (uuid := read_uuid(one)) is not None}
    return Rows(kind, frozenset(ids - {""}))


def _wrong(detail: str) -> Problem:
    return Problem(400, detail, attr="csv")

"""Requests for operations of the public descriptions, judged by an independent validator.

Each of the operations is called by a document with one step; its inputs are made from the schemas
of the description. What the validator, openapi-core, says against a request that we built is
argued in DISAGREEMENTS, or is a bug.
"""

from __future__ import annotations

import json
import random
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs
import pytest
from conftest import shared_folder
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.deserializing.exceptions import DeserializeError
from openapi_core.exceptions import OpenAPIError
from sampling import Sampler
from werkzeug.datastructures import Headers, ImmutableMultiDict

from activities.client import DEFAULT_HEADERS
from arazzo import yaml_text
from arazzo.compilation import Defaults, Sources, compile_document
from arazzo.context import Context
from arazzo.errors import DocumentInvalid
from arazzo.openapi import OpenApiDescription
from arazzo.provider import ProviderSettings
from arazzo.request import Request, build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from arazzo.openapi import DeclaredParameter, Operation

SERVER: Final = "https://api.test"
WANTED: Final = 300
OF_EACH_FILE: Final = 5
LARGEST_FILE_BYTES: Final = 200_000
SEED: Final = 20261128

READERS: Final = {
    **dict.fromkeys(("application/scim+json", "application/merge-patch+json", "*/*"), json.loads),
    **dict.fromkeys(("application/octet-stream", "text/csv"), bytes.decode),
}
"""Media types that the validator does not read by itself."""

_IGNORED: Final = (
    "a header parameter named Content-Type is to be ignored (OpenAPI 3.0.3, 4.7.12.2); the request "
    "has no body, and the validator takes its own default for the missing header"
)
_NESTED: Final = (
    "a form with nested objects: we write names in brackets at every level, as Stripe reads them "
    "(deepObject, which the encoding asks for); the validator reads one level"
)
_FAPI: Final = "spec/OAI+Arazzo-Specification/examples/1.0.0/FAPI-PAR.openapi.yaml"
DISAGREEMENTS: Final[dict[str, str]] = {
    f"{_FAPI} Token": _IGNORED,
    f"{_FAPI} Par": _IGNORED,
    "api-evangelist/stripe/openapi/stripe-products-api-openapi.yml PostProducts": _NESTED,
    "api-evangelist/stripe/openapi/checkout-openapi-original.yml PostCheckoutSessions": _NESTED,
    "jentic/apis/openapi/pressassociation.io/main/2.0/openapi.json listFeatures": "the parameter "
    "is not sent; the validator judges the description's own default, which is no `date`",
}
"""Requests that the validator refuses, by file and operationId, and why we are right."""


@dataclass(frozen=True)
class Drawn:
    """An operation of a description, and the values that it is called with."""

    name: str
    description: OpenApiDescription
    operation: Operation
    parameters: list[dict[str, Any]]
    media_type: str | None
    body: Any


def descriptions(folder: Path) -> Iterator[tuple[str, OpenApiDescription]]:
    """Yield the readable descriptions of OpenAPI 3 in an order that chance has made once."""
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if file.suffix in (".yaml", ".yml", ".json") and file.stat().st_size < LARGEST_FILE_BYTES
    ]
    random.Random(SEED).shuffle(files)
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        if "openapi" not in text[:2000]:
            continue
        try:
            found = OpenApiDescription(yaml_text.read(text, file.name))
        except DocumentInvalid:
            continue
        if found.version.startswith("3."):
            yield str(file.relative_to(folder)), found


def drawn(folder: Path) -> Iterator[Drawn]:
    """Yield operations with values that their own schemas accept."""
    for name, description in descriptions(folder):
        chance = random.Random(f"{SEED} {name}")
        ids = [one for one in description.operation_ids if len(description.find(one)) == 1]
        for operation_id in chance.sample(ids, min(OF_EACH_FILE, len(ids))):
            one = sampled(name, description, description.find(operation_id)[0], chance)
            if one is not None:
                yield one


def sampled(
    name: str, description: OpenApiDescription, operation: Operation, chance: random.Random
) -> Drawn | None:
    """Return the operation with values; None where our sampler can't make one that fits."""
    sampler = Sampler(description.follow, chance)
    parameters = []
    for one in operation.parameters:
        given = parameter(one, sampler, description, chance)
        if given is None:
            return None
        parameters += given
    media_type = next(iter(operation.body_content), None)
    body = None
    if media_type is not None:
        schema = description.follow(operation.body_content[media_type].get("schema"))
        body = sampler.value(schema)
        if not fits(body, schema, description):
            return None
    where = f"{name} {operation.operation_id}"
    return Drawn(where, description, operation, parameters, media_type, body)


def parameter(
    one: DeclaredParameter,
    sampler: Sampler,
    description: OpenApiDescription,
    chance: random.Random,
) -> list[dict[str, Any]] | None:
    """Return a parameter with its value, nothing for one that chance leaves out."""
    if not one.required and chance.random() < 0.4:
        return []
    if one.location == "header" and one.name.lower() in ("accept", "content-type", "authorization"):
        return []
    value = sampler.value(one.schema)
    if one.style == "deepObject" and not is_flat(value):
        return None if one.required else []
    if not fits(value, one.schema, description) or value in ("", [], {}, None):
        return None if one.required else []
    return [{"name": one.name, "in": one.location, "value": value}]


def is_flat(value: Any) -> bool:
    """Return whether a value has a spelling in the style deepObject by the standard's table."""
    members = value.values() if isinstance(value, dict) else [value]
    return isinstance(value, dict) and not any(isinstance(one, (dict, list)) for one in members)


def fits(value: Any, schema: Any, description: OpenApiDescription) -> bool:
    """Return whether a value satisfies its schema, by a validator that is not the judge."""
    root = {**description.root, "$ref": "#/__schema", "__schema": schema}
    try:
        return bool(jsonschema_rs.Draft202012Validator(root).is_valid(value))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        return False


def request_of(one: Drawn) -> Request | None:
    """Return the request that a document with this one call makes; None where files are missing."""
    step: dict[str, Any] = {"stepId": "call", "operationId": one.operation.operation_id}
    step["parameters"] = one.parameters
    if one.media_type is not None:
        step["requestBody"] = {"contentType": one.media_type, "payload": one.body}
    document = {
        "arazzo": "1.0.1",
        "info": {"title": "One call", "version": "1"},
        "sourceDescriptions": [{"name": "api", "url": "api.yaml", "type": "openapi"}],
        "workflows": [{"workflowId": "call", "steps": [step]}],
    }
    source = yaml_text.read(json.dumps(document), "call.arazzo.json")
    sources = Sources(openapi={"api": one.description})
    compiled = compile_document(source, sources, ProviderSettings(), Defaults()).workflows[0]
    if compiled.plan is None:
        found = {finding.code for finding in compiled.findings}
        assert "missing-reference" in found, "\n".join(map(str, compiled.findings))
        return None
    return build(compiled.plan.steps[0].attempt.operation, SERVER, Context())


class Seen:
    """A request as a web framework would show it to the validator."""

    def __init__(self, request: Request) -> None:
        parts = urlsplit(request.url)
        headers = Headers(list(request.headers.items()))
        headers.setdefault("accept", DEFAULT_HEADERS["accept"])
        cookies = (one.split("=", 1) for one in headers.get("cookie", "").split("; ") if one)
        self.host_url = SERVER
        self.path = unquote(parts.path.replace("%2F", "%252F"))  # a slash in a value is no slash
        self.method = request.method.lower()
        self.body = request.body
        self.content_type = headers.get("content-type", "application/json")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True)),
            header=headers,
            cookie=ImmutableMultiDict([(name, unquote(text)) for name, text in cookies]),
        )


@cache
def judge_of(description: OpenApiDescription) -> OpenAPI:
    """Return the validator of a description, with one server and no credentials."""
    root = json.loads(json.dumps(description.root, default=str))
    root["servers"] = [{"url": SERVER}]
    root.pop("security", None)
    for item in root.get("paths", {}).values():
        for node in (item, *(one for one in item.values() if isinstance(one, dict))):
            node.pop("servers", None)
            node.pop("security", None)
    config = Config(spec_validator_cls=None, extra_media_type_deserializers=READERS)
    return OpenAPI.from_dict(root, config=config)


def refusal(one: Drawn) -> str | None:
    """Return what the validator says against our request; nothing when it accepts it.

    None where one of the two can't read the description, in which something is missing.
    """
    request = request_of(one)
    if request is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            judge_of(one.description).validate_request(Seen(request))
    except (KeyError, TypeError, AttributeError):
        return None
    except OpenAPIError as error:
        cause = error.__cause__
        if isinstance(cause, DeserializeError) and "deepObject" in str(cause):
            return None  # it reads no list and nothing nested there: «n/a» in the standard's table
        more = getattr(cause, "schema_errors", None) or cause or ""
        return f"{type(error).__name__}: {error} {str(more)[:300]}"
    return ""


@pytest.fixture(scope="module")
def refused() -> dict[str, str]:
    """Return what the validator refuses, of all that was drawn."""
    said: dict[str, str] = {}
    for one in drawn(shared_folder("corpus")):
        why = refusal(one)
        if why is not None:
            said[one.name] = why
        if len(said) == WANTED:
            break
    assert len(said) == WANTED
    return {name: why for name, why in said.items() if why}


def test_the_requests_satisfy_their_descriptions(refused: dict[str, str]) -> None:
    """All but those that are argued above."""
    more = {name: why for name, why in refused.items() if name not in DISAGREEMENTS}
    assert more == {}, "\n".join(f"{name}\n    {why}" for name, why in more.items())


def test_the_arguments_are_needed(refused: dict[str, str]) -> None:
    """What the validator accepts by now is argued no longer."""
    assert set(DISAGREEMENTS) <= set(refused)

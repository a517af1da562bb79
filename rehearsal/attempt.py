"""Tries a document: runs one of its workflows in this process, against real servers."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, Final, Literal

from activities.client import make_client
from activities.credentials import SecretStore
from activities.files import BlobStore, open_store
from activities.limits import Limits
from activities.load_plan import Plans
from activities.masking import Masking
from activities.names import LoadPlanRequest
from activities.operation import Operations
from arazzo.errors import AuthorError, DocumentInvalid, DurazzoError, InputInvalid
from arazzo.findings import checked_findings, strictly
from arazzo.inputs import SECRET_KEY, is_secret
from arazzo.plan import Plan
from arazzo.state import RunState
from catalogue import Catalogue, load_catalogue, worker_defaults
from rehearsal.effects import Clock, RehearsalEffects
from rehearsal.inbox import given_messages
from settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    import httpx

    from arazzo.compilation import CompiledDocument
    from catalogue import Entry

KEY: Final = secrets.token_bytes(32)
"""Signs and seals what stays within this process."""
NAME_OF_PLAIN: Final = "rehearsal_{}"
"""The name of a secret that was given in plain; the try keeps it in its memory only."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was sent: its method, its URL with secrets masked, and the status."""

    method: str
    url: str
    status: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a try ended. `error` has type, message and details, None without one.

    `warnings` are the findings of the document as text; `requests` are those that were answered.
    """

    status: Literal["completed", "failed"]
    outputs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    requests: tuple[Exchange, ...] = ()


@dataclass
class _Secrets:
    """The environment's secrets, and those that were given in plain for this one try."""

    given: dict[str, str] = field(default_factory=dict)

    def by_name(self, inputs: Mapping[str, Any], secret_inputs: tuple[str, ...]) -> dict[str, Any]:
        """Return the inputs with plain secrets replaced by names; nothing of a try is stored."""
        return {
            name: self._named(value) if name in secret_inputs else value
            for name, value in inputs.items()
        }

    def _named(self, value: Any) -> Any:
        if is_secret(value) or not isinstance(value, str):
            return value
        made = NAME_OF_PLAIN.format(len(self.given))
        self.given[made] = value
        return {SECRET_KEY: made}

    def store(self) -> SecretStore:
        """Return the store of the try."""
        plain = {f"DURAZZO_SECRET_{name.upper()}": value for name, value in self.given.items()}
        environment = {**os.environ, **plain}
        return SecretStore(load_settings().secrets_dir, environment, frozenset(self.given))


def try_document(
    path: Path,
    workflow: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    servers: Mapping[str, str] | None = None,
    *,
    strict: bool = False,
    waits: float = 1.0,
    messages: Sequence[tuple[str, Any]] = (),
) -> Rehearsal:
    """Run a workflow of a document, the only one when none is named, and return how it ended.

    `servers` maps source names to base URLs; `waits` is the part of each wait that is really
    waited, 0 for none; `messages` are those that steps receive, in this order, each as its
    channel and `{"payload": …, "headers": {…}}` or the payload alone. Never raises for what is
    wrong with document, inputs or service.
    """
    try:
        entry = the_entry(path, workflow)
    except DurazzoError as error:
        return Rehearsal("failed", error=error_of(error))
    work = try_entry(
        entry,
        dict(inputs or {}),
        dict(servers or {}),
        strict=strict,
        waits=waits,
        messages=messages,
    )
    return asyncio.run(work)


def the_entry(path: Path, workflow: str | None = None) -> Entry:
    """Return a workflow of a document, the only one when none is named.

    Raises DocumentInvalid when it can't be run, InputInvalid when it is not there.
    """
    catalogue = load_catalogue([path], worker_defaults(load_settings()))
    if catalogue.broken and not catalogue.entries:
        raise catalogue.broken[0].error
    types = catalogue.workflow_types
    if not types:
        raise InputInvalid(f"there is no Arazzo document in {path}", reason="no-document")
    if workflow is None and len(types) > 1:
        raise InputInvalid(
            f"the document has several workflows; name one of {', '.join(types)}",
            reason="several-workflows",
        )
    return catalogue.runnable(workflow or types[0])


async def try_entry(
    entry: Entry,
    inputs: dict[str, Any],
    servers: dict[str, str],
    *,
    strict: bool = False,
    waits: float = 1.0,
    messages: Sequence[tuple[str, Any]] = (),
    seen: Callable[[Exchange], None] | None = None,
) -> Rehearsal:
    """Run a workflow of a catalogue and return how it ended.

    `seen` is told of each request that was answered, as soon as it was.
    """
    findings = [strictly(one) if strict else one for one in checked_findings(entry.document)]
    warnings = tuple(str(one) for one in findings if one.severity == "warning")
    errors = [one for one in findings if one.severity == "error"]
    if strict and errors:
        return Rehearsal("failed", error=error_of(DocumentInvalid(errors)), warnings=warnings)
    plan = entry.compiled.plan
    hidden = _Secrets()
    given = hidden.by_name(inputs, plan.secret_inputs if plan else ())
    sent: list[Exchange] = []
    learned = Masking(hidden.given.values())
    async with _operations(hidden.store(), servers, sent, learned, seen) as operations:
        try:
            inbox = given_messages(plan, messages)
            outputs = await _run(entry, given, operations, Clock(waits), inbox)
        except DurazzoError as error:
            return Rehearsal("failed", None, error_of(error), warnings, _masked(sent, learned))
    return Rehearsal("completed", outputs, None, warnings, _masked(sent, learned))


@lru_cache(maxsize=8)
def _plans(
    document: CompiledDocument, servers: tuple[tuple[str, str], ...], blobs: BlobStore
) -> Plans:
    """The plans of a document are made once, however often it is tried."""
    return Plans(Catalogue([document], []), KEY, dict(servers), blobs)


_store = lru_cache(maxsize=8)(open_store)


async def _run(
    entry: Entry,
    inputs: dict[str, Any],
    operations: Operations,
    clock: Clock,
    inbox: list[tuple[str, dict[str, Any]]],
) -> dict[str, Any]:
    plans = _plans(entry.document, tuple(operations.servers.items()), operations.blobs)
    request = LoadPlanRequest(workflow_type=entry.compiled.workflow_type, inputs=inputs)
    loaded = plans.load(request)
    plan = Plan.model_validate(loaded.plan)
    run = f"try-{secrets.token_hex(8)}"
    effects = RehearsalEffects(plan, operations, plans, clock, run, inbox)
    return await effects.outputs(RunState.model_validate(loaded.state))


@asynccontextmanager
async def _operations(
    store: SecretStore,
    servers: dict[str, str],
    sent: list[Exchange],
    learned: Masking,
    seen: Callable[[Exchange], None] | None,
) -> AsyncIterator[Operations]:
    async def note(response: httpx.Response) -> None:
        request = response.request
        sent.append(Exchange(request.method, str(request.url), response.status_code))
        if seen is not None:
            seen(*_masked(sent[-1:], learned))

    settings = load_settings()
    async with make_client() as client:
        client.event_hooks = {"request": [], "response": [note]}
        blobs = _store(settings.blob_store, settings.state_folder)
        # No slot is held here, so limits are waited for where they are asked, in real time.
        limits = Limits(longest_sleep=inf)
        operations = Operations(client, KEY, store, servers, limits, blobs, learned)
        try:
            yield operations
        finally:
            await operations.close()


def _masked(sent: list[Exchange], masking: Masking) -> tuple[Exchange, ...]:
    return tuple(Exchange(one.method, masking.text(one.url), one.status) for one in sent)


def error_of(error: DurazzoError) -> dict[str, Any]:
    """Return an error as a run of Temporal's would have it: type, message and details."""
    name = type(error).__name__
    if isinstance(error, AuthorError):
        name = DocumentInvalid.__name__
    details = {"reason": error.reason, **error.facts}
    return {"type": name, "message": error.message, "details": details}

"""One attempt of one step: build the request, send it once, judge the answer.

HTTP status is data: every response becomes an outcome. Only a transport failure that may be
tried again raises, and the activity's RetryPolicy does the rest («Never twice», DESIGN.md).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.answers import Answer
from activities.attempt_rules import (
    LARGEST_OUTPUT_BYTES,
    bounded,
    end_of,
    may_attempt_again,
    refuse_large_outputs,
    took_effect,
    unread,
    within_budget,
)
from activities.authorization import Authorizer
from activities.blob_values import BlobValues
from activities.credentials import SecretStore, reveal
from activities.downloads import Download, Progress
from activities.exchange import Exchange
from activities.failures import failure, masked, no_look_up, no_server
from activities.faults import TransportFailed, Unreadable
from activities.files import STORE_FAILED, BlobStore, memory_store
from activities.foreign_values import refuse_foreign, refuse_hidden
from activities.heartbeats import with_heartbeats
from activities.late_requests import sending_until
from activities.limits import Limits
from activities.look_up import asks_again, found_in, looking, unclear
from activities.masking import Masking
from activities.names import TRANSPORT_FAILURE, AttemptRequest, WorkflowStepRequest
from activities.sealing import hidden
from activities.signing import verify
from activities.uploads import with_time_for
from arazzo.blobs import Blob, blobs_in, without_content
from arazzo.context import Context, MessageView, RequestView
from arazzo.errors import (
    DocumentInvalid,
    DurazzoError,
    OtherPartyError,
    StepFailed,
)
from arazzo.outcome import Outcome, judge, judge_workflow
from arazzo.plan import AttemptPlan
from arazzo.request import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


MOST_PLANS: Final = 1000
EXCERPT_CHARACTERS: Final = 300

for library in ("httpx", "httpcore"):
    logging.getLogger(library).setLevel(logging.WARNING)  # they would log URLs and headers


class AttemptAgain(OtherPartyError):
    """No answer came to a request that may be sent again, and attempts are left."""


@dataclass(frozen=True)
class Operations:
    """The activities of all steps. `servers` are the worker's own base URLs by source name.

    `learned`, where there is one, learns every secret that an attempt uses.
    """

    client: httpx.AsyncClient
    key: bytes
    secrets: SecretStore = field(default_factory=SecretStore)
    servers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    blobs: BlobStore = field(default_factory=memory_store)
    learned: Masking | None = None
    _plans: dict[str, tuple[dict[str, Any], AttemptPlan]] = field(default_factory=dict)

    @cached_property
    def authorizer(self) -> Authorizer:
        """Return what puts the credentials of security schemes into requests."""
        return Authorizer(self.client, self.secrets)

    @activity.defn(dynamic=True)
    async def attempt(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """Serve the activity of any operation; its type is the operationId."""
        raw = activity.payload_converter().from_payload(args[0].payload, dict)
        progress = Progress()
        try:
            request = AttemptRequest.model_validate(raw)
            info = activity.info()
            spent = (datetime.now(UTC) - info.scheduled_time).total_seconds()
            asked = within_budget(request, info.attempt, spent)
            work = self.perform(asked, info.attempt, progress)
            with sending_until(end_of(info)):
                outcome = await with_heartbeats(work, progress, harmless=not request.key)
        except AttemptAgain as error:
            raise ApplicationError(error.message, type=TRANSPORT_FAILURE) from None
        except DurazzoError as error:
            raise failure(error) from None
        return outcome.model_dump(mode="json", exclude_defaults=True)

    async def perform(
        self, request: AttemptRequest, number: int, progress: Progress | None = None
    ) -> Outcome:
        """Make the attempt of that number, counted from 1, and judge it.

        Raises AttemptAgain when no answer came and another attempt is allowed and left.
        """
        plan = self._plan(request)
        find = plan.find_by if request.find else None
        plan = looking(plan, find) if find else plan
        stored = BlobValues(self.blobs)
        try:
            loaded = await stored.loaded(request.values)
            values, secrets = reveal(loaded, plan.operation.secrets, self.secrets, self.key)
            context = await stored.context(plan, values)
        except StepFailed as error:
            return _nothing_sent(request, number, error)
        masking = Masking(secrets, self.learned)
        asked = request.model_copy(update={"values": loaded})
        try:
            work = self._looked_up if request.find else self._sent
            send = partial(
                work, plan, context=context, masking=masking, number=number,
                exchange=self._exchange(plan, asked, progress or Progress()),
            )  # fmt: skip
            if plan.operation.limits is None:
                return await send(asked)
            server = self._server(plan)
            done = await self.limits.within(plan.operation, server, asked, secrets, send)
        except DurazzoError as error:
            raise masked(error, masking) from None
        if isinstance(done, Outcome):
            return done
        return done.outcome(judge(plan, context, spent=request.spent))

    def _plan(self, request: AttemptRequest) -> AttemptPlan:
        """Verify and read each plan once: what its signature vouches for is always the same."""
        known = self._plans.get(request.signature)
        if known is not None and known[0] == request.attempt:
            return known[1]
        verify(self.key, request.attempt, request.signature, "this step")
        plan = self._with_own_server(AttemptPlan.model_validate(request.attempt))
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        self._plans[request.signature] = (request.attempt, plan)
        return plan

    def _with_own_server(self, plan: AttemptPlan) -> AttemptPlan:
        """Who starts the worker may name a server of a private network."""
        call = plan.call
        if call is None or call.source not in self.servers:
            return plan
        return plan.model_copy(update={"call": call.model_copy(update={"own_server": True})})

    async def _sent(
        self,
        plan: AttemptPlan,
        asked: AttemptRequest,
        context: Context,
        masking: Masking,
        number: int,
        exchange: Exchange,
    ) -> Outcome:
        call, server = plan.operation, self._server(plan)
        request = build(call, server, context)
        call = bounded(with_time_for(call, request), asked.seconds)
        if call.idempotency_header and asked.key:
            request.headers.setdefault(call.idempotency_header, asked.key)
        sent = MessageView(request.view.headers, request.view.body)
        seen = replace(context, request=request.view, message=sent)
        try:
            answer = await exchange.answer(request, call, server, masking)
        except (TransportFailed, StepFailed) as error:
            if may_attempt_again(plan.operation, error) and number < asked.attempts:
                text = f"{call.method} {_safe_url(request.view)}: {error.message}"
                raise AttemptAgain(text, reason="transport") from error
            if isinstance(error, StepFailed):
                raise
            return _failed(plan, asked, seen, error, masking)
        return await self._judged(plan, asked, seen, answer, masking)

    async def _looked_up(
        self,
        plan: AttemptPlan,
        asked: AttemptRequest,
        context: Context,
        masking: Masking,
        number: int,
        exchange: Exchange,
    ) -> Outcome:
        """Look up what became of the write; `plan` has the look-up as its call."""
        written, find = self._plan(asked), plan.find_by
        if find is None:
            raise DocumentInvalid([no_look_up(plan)])
        server = self._server(plan)
        seen = replace(context, request=build(written.operation, server, context).view)
        request, more = build(plan.operation, server, context), number < asked.attempts
        try:
            answer = await exchange.answer(request, plan.operation, server, masking)
        except TransportFailed as error:
            if error.fault.try_again and more:
                raise AttemptAgain(masking.text(error.message), reason="transport") from error
            return unclear(find, masking.text(error.message))
        if asks_again(answer) and more:
            text = f"{_safe_url(request.view)} answered {answer.response.status}"
            raise AttemptAgain(text, reason="transport")
        found = found_in(find, answer, seen)
        if isinstance(found, Answer):
            return await self._judged(written, asked, seen, found, masking)
        judged = judge(written, replace(seen, response=None), spent=asked.spent)
        return found.model_copy(update={"action": judged.action, "why": masking.text(found.why)})

    async def close(self) -> None:
        """Close the connections that the activities opened beside those of the client."""
        await self.authorizer.close()

    def _exchange(self, plan: AttemptPlan, asked: AttemptRequest, progress: Progress) -> Exchange:
        """What is sealed must be in memory; without a folder there is no place for a file."""
        exchange = Exchange(self.authorizer, self.blobs, progress)
        planned = plan.operation.download
        if planned is None or plan.sealed or not asked.blobs:
            return exchange
        seconds = min(planned.total, asked.seconds or planned.total)
        download = Download(planned, self.blobs, f"{asked.blobs}/body", seconds, progress)
        return replace(exchange, download=download)

    async def _judged(
        self,
        plan: AttemptPlan,
        asked: AttemptRequest,
        seen: Context,
        answer: Answer,
        masking: Masking,
    ) -> Outcome:
        context = replace(seen, response=answer.response)
        outcome = judge(plan, context, spent=asked.spent, flaw=answer.flaw, mask=masking.text)
        try:
            outputs, size = await self._kept(plan, asked, answer, outcome.outputs, masking)
        except DurazzoError as error:
            if not took_effect(plan.operation, answer):
                raise
            return unread(outcome, masking.text(error.message), answer)
        shows = not outcome.passed and not plan.sealed
        return outcome.model_copy(
            update={
                "outputs": outputs,
                "output_bytes": size,
                "retry_after": answer.retry_after,
                "why": masking.text(outcome.why),
                "excerpt": masking.excerpt(answer.text, EXCERPT_CHARACTERS) if shows else "",
            }
        )

    async def _kept(
        self,
        plan: AttemptPlan,
        asked: AttemptRequest,
        answer: Answer,
        outputs: dict[str, Any],
        masking: Masking,
    ) -> tuple[dict[str, Any], int]:
        """Return outputs as a history may hold them, and their size in bytes.

        Raises StepFailed for what looks like ours and came from outside, or when the store fails,
        PayloadTooLarge.
        """
        found = without_content(outputs)
        own = {answer.blob} if answer.blob else set[Blob]()
        refuse_foreign(found, own.union(blobs_in(asked.values)))
        refuse_hidden(found)
        kept = hidden(self.key, plan.sealed, found, masking.value)
        if asked.blobs:
            kept = await BlobValues(self.blobs).moved(asked.blobs, kept, LARGEST_OUTPUT_BYTES)
        return kept, refuse_large_outputs(plan, kept)

    def _server(self, plan: AttemptPlan) -> str:
        server = self.servers.get(plan.operation.source) or plan.operation.server
        if server:
            return server
        raise DocumentInvalid([no_server(plan)])

    @activity.defn(name="judge_lost_attempt")
    async def judge_lost(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Judge an attempt that never came back: its worker died, or it took too long."""
        request = AttemptRequest.model_validate(raw)
        plan = AttemptPlan.model_validate(request.attempt)
        lost = (await self._judged_lost(plan, request)).model_copy(update={"sent": "maybe"})
        return lost.model_dump(mode="json", exclude_defaults=True)

    async def _judged_lost(self, plan: AttemptPlan, request: AttemptRequest) -> Outcome:
        """Judge without an answer; that a write was sent must be told whatever the store says."""
        stored = BlobValues(self.blobs)
        try:
            context = await stored.context(plan, await stored.loaded(request.values))
        except DurazzoError as error:
            if not plan.operation.writes:
                raise failure(error) from None
            return Outcome(why=f"{request.why}; and {error.message}")
        outcome = judge(plan, context, spent=request.spent)
        return outcome.model_copy(update={"why": request.why})

    @activity.defn(name="judge_workflow_step")
    async def judge_workflow_step(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Judge a workflow that a step called and that has ended."""
        try:
            outcome = await self.judged_workflow(WorkflowStepRequest.model_validate(raw))
        except DurazzoError as error:
            raise failure(error) from None
        return outcome.model_dump(mode="json", exclude_defaults=True)

    async def judged_workflow(self, request: WorkflowStepRequest) -> Outcome:
        """Judge a workflow; what its step outputs itself may be large.

        Raises StepFailed or InputInvalid when a value can't be read from the store.
        """
        plan = AttemptPlan.model_validate(request.attempt)
        stored = BlobValues(self.blobs)
        loaded = await stored.loaded({**request.values, "outputs": request.outputs or {}})
        context = await stored.context(plan, loaded)
        outcome = judge_workflow(plan, context, failure=request.why, spent=request.spent)
        own = without_content(outcome.outputs)
        if request.blobs:
            own = await stored.moved(request.blobs, own, LARGEST_OUTPUT_BYTES)
        return outcome.model_copy(update={"error": request.error, "outputs": own})


def _failed(
    plan: AttemptPlan,
    asked: AttemptRequest,
    seen: Context,
    error: TransportFailed,
    masking: Masking,
) -> Outcome:
    """Judge a request without an answer, or with one of which only the status is known."""
    unread = isinstance(error, Unreadable)
    said = error.message
    if isinstance(error, Unreadable):
        seen = replace(seen, response=error.response)
    elif seen.request is not None:
        said = f"{said} ({_safe_url(seen.request)})"
    why = masking.text(said)
    outcome = judge(plan, seen, spent=asked.spent, flaw=why)
    return outcome.model_copy(update={"sent": error.fault.sent, "unread": unread})


def _nothing_sent(request: AttemptRequest, number: int, error: StepFailed) -> Outcome:
    """Return what becomes of an attempt whose values could not be read.

    Raises AttemptAgain while that may pass and attempts are left, the error when it can't.
    """
    if error.reason != STORE_FAILED:
        raise error
    if number < request.attempts:
        raise AttemptAgain(error.message, reason="transport") from error
    return Outcome(sent="no", why=error.message)


def _safe_url(request: RequestView) -> str:
    return request.url.split("?", 1)[0]

"""Hands the compiled plan into a run's history, and vouches for what a run carries on.

These are local activities: one marker in the history, no task of their own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from temporalio import activity

from activities.failures import failure, no_server
from activities.files import BlobStore, memory_store
from activities.names import Carried, LoadedPlan, LoadPlanRequest, RunOptions
from activities.signing import sign, verify
from arazzo.blobs import blobs_in
from arazzo.errors import DocumentInvalid, DurazzoError, InputInvalid, PayloadTooLarge
from arazzo.inputs import InputsSchema, holds_hidden
from arazzo.plan import LARGEST_PLAN_BYTES, PLAN_FORMAT, Plan, SubWorkflow, canonical
from arazzo.provider import PollingOverride
from arazzo.scope import closest
from arazzo.state import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arazzo.blobs import Blob
    from arazzo.compilation import CompiledWorkflow
    from arazzo.plan import StepPlan
    from catalogue import Catalogue

LARGEST_INPUT_BYTES: Final = 1_000_000
MOST_PLANS: Final = 1000
"""Plans by workflow type and options; whoever varies the options makes them anew."""


@dataclass(frozen=True)
class Plans:
    """The plans of a worker. `servers` are the worker's own base URLs by source name."""

    catalogue: Catalogue
    key: bytes
    servers: Mapping[str, str] = field(default_factory=dict)
    blobs: BlobStore = field(default_factory=memory_store)
    _known: dict[tuple[str, bytes], tuple[Plan, dict[str, Any]]] = field(default_factory=dict)

    @activity.defn(name="load_plan")
    async def load_plan(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments of a run and return its plan and its beginning state."""
        try:
            return self.load(LoadPlanRequest.model_validate(raw)).as_json()
        except DurazzoError as error:
            raise failure(error) from None

    @activity.defn(name="seal_run")
    async def seal_run(self, raw: dict[str, Any]) -> str:
        """Return the signature of a plan and state that continue-as-new is to carry."""
        return sign(self.key, raw)

    def load(self, request: LoadPlanRequest) -> LoadedPlan:
        """Return the plan for these arguments.

        Raises InputInvalid, DocumentInvalid or PayloadTooLarge.
        """
        if request.carried is not None:
            return self._carried(request)
        compiled = self._runnable(request.workflow_type)
        if compiled.plan is None:  # runnable has raised; this tells the type checker
            raise DocumentInvalid(compiled.findings)
        options = _options(request.options)
        inputs = compiled.schema.check(request.inputs, compiled.plan.secret_inputs)
        for blob in blobs_in(inputs):
            self._expect_harmless(blob)
        plan, dumped = self._made(compiled, compiled.plan, options)
        return LoadedPlan(plan=dumped, state=_beginning(plan, dumped, inputs).as_json())

    def _runnable(self, workflow_type: str) -> CompiledWorkflow:
        """Raises InputInvalid, which tells of other workers too, or DocumentInvalid."""
        try:
            return self.catalogue.runnable(workflow_type).compiled
        except InputInvalid as error:
            raise InputInvalid(
                f"{error.message}. So it is with the documents of the worker that took the run; "
                "all workers of a task queue must serve the same (`durazzo worker --documents`)",
                reason=error.reason,
                facts=error.facts,
            ) from error

    def _expect_harmless(self, blob: Blob) -> None:
        """A stored value is read as what it was, so it may hold no more than one given inline.

        Raises InputInvalid or StepFailed.
        """
        self.blobs.name_of(blob)
        if blob.is_value and holds_hidden(json.loads(b"".join(self.blobs.chunks(blob)))):
            raise InputInvalid(
                f"the value `{blob.uri}` of an input holds a secret's name or a sealed value; a "
                "secret input is given by name, and no other one holds a secret",
                reason="secret-foreign",
            )

    def _made(
        self, compiled: CompiledWorkflow, plan: Plan, options: RunOptions
    ) -> tuple[Plan, dict[str, Any]]:
        """Return the plan with its choices and signatures, and its JSON; made once for each."""
        key = (compiled.workflow_type, canonical(options.as_json()))
        if key not in self._known:
            if len(self._known) >= MOST_PLANS:
                self._known.clear()
            made = self._signed(_chosen(compiled, plan, options, self.servers))
            self._known[key] = (made, made.as_json())
        return self._known[key]

    def _carried(self, request: LoadPlanRequest) -> LoadedPlan:
        """A run that goes on needs nothing; a child gets its beginning state."""
        found = self._vouched(request.carried)
        if found.state is not None:
            return LoadedPlan()
        plan = Plan.model_validate(found.plan)
        schema = InputsSchema(plan.inputs_schema, plan.component_inputs)
        inputs = schema.check(request.inputs, plan.secret_inputs, handed_on=True)
        begun = _beginning(plan, found.plan, inputs).as_json()
        counters = {"transfers": found.transfers, "visits": found.visits}
        state = RunState.model_validate({**begun, **counters})
        return LoadedPlan(state=state.as_json())

    def _vouched(self, carried: Any) -> Carried:
        try:
            found = Carried.model_validate(carried)
        except ValidationError as error:
            raise InputInvalid(
                "the third argument is the engine's own; leave it out", reason="carried"
            ) from error
        body = {name: value for name, value in carried.items() if name != "signature"}
        verify(self.key, body, found.signature, "the state carried by this run")
        if found.plan.get("plan_format") != PLAN_FORMAT:
            raise InputInvalid(
                f"the run carries a plan of the format {found.plan.get('plan_format')}; this "
                f"worker reads {PLAN_FORMAT}. Run a worker of a newer version",
                reason="plan-format",
            )
        return found

    def _signed(self, plan: Plan) -> Plan:
        """Return the plan with a signature for each of its steps and of its sub-plans."""

        def signed(step: StepPlan) -> StepPlan:
            signature = sign(self.key, step.attempt.as_json())
            return step.model_copy(update={"signature": signature})

        def vouched_for(sub: SubWorkflow) -> SubWorkflow:
            inner = self._signed(sub.plan)
            return SubWorkflow(plan=inner, signature=sign(self.key, {"plan": inner.as_json()}))

        return plan.model_copy(
            update={
                "steps": tuple(signed(step) for step in plan.steps),
                "workflows": {name: vouched_for(sub) for name, sub in plan.workflows.items()},
                "transfers": {
                    name: SubWorkflow(plan=self._signed(sub.plan))
                    for name, sub in plan.transfers.items()
                },
            }
        )


def _beginning(plan: Plan, dumped: dict[str, Any], inputs: dict[str, Any]) -> RunState:
    """Return the state of a run that begins. Raises PayloadTooLarge."""
    plan_bytes, input_bytes = len(canonical(dumped)), _size(inputs)
    if plan_bytes > LARGEST_PLAN_BYTES:
        raise PayloadTooLarge(
            f"the plan of this workflow is {plan_bytes} bytes; {LARGEST_PLAN_BYTES} are allowed. "
            "Split the workflow, or move large literals out of its payloads",
            reason="plan-too-large",
        )
    if input_bytes > LARGEST_INPUT_BYTES:
        raise PayloadTooLarge(
            f"the inputs are {input_bytes} bytes; {LARGEST_INPUT_BYTES} are allowed. `durazzo put "
            "FILE` and `durazzo put --value FILE` keep a large one in the blob store and print the "
            "reference to give in its place",
            reason="inputs-too-large",
        )
    return RunState(
        inputs=inputs, cursor=plan.steps[0].step_id, fixed_bytes=plan_bytes + input_bytes
    )


def _size(inputs: dict[str, Any]) -> int:
    try:
        return len(canonical(inputs))
    except ValueError as error:
        raise InputInvalid(
            "the inputs hold a number that is no JSON (NaN or Infinity)", reason="inputs-invalid"
        ) from error


def _options(raw: Any) -> RunOptions:
    try:
        options = RunOptions.model_validate(raw or {})
        PollingOverride.model_validate(options.polling)
    except ValidationError as error:
        said = "; ".join(
            f"`{'.'.join(str(part) for part in one['loc'])}`: {one['msg']}"
            for one in error.errors(include_url=False)
        )
        raise InputInvalid(f"the run options do not fit: {said}", reason="options") from error
    return options


def _chosen(
    compiled: CompiledWorkflow, plan: Plan, options: RunOptions, overrides: Mapping[str, str]
) -> Plan:
    """Put the chosen servers and the caller's polling pace into the plan."""
    override = PollingOverride.model_validate(options.polling)

    def chosen(step: StepPlan) -> StepPlan:
        polling = step.polling.overridden_by(override)
        call = step.attempt.call
        if call is None:
            return step.model_copy(update={"polling": polling})
        of_source = _server(call.source, compiled.servers.get(call.source, {}), options)
        server = call.server or of_source
        if not server and call.source not in overrides:
            raise DocumentInvalid([no_server(step.attempt)])
        served = call.model_copy(update={"server": server})
        attempt = step.attempt.model_copy(update={"call": served})
        return step.model_copy(update={"attempt": attempt, "polling": polling})

    def all_chosen(plan: Plan) -> Plan:
        def of_each(table: Mapping[str, SubWorkflow]) -> dict[str, SubWorkflow]:
            return {name: SubWorkflow(plan=all_chosen(sub.plan)) for name, sub in table.items()}

        return plan.model_copy(
            update={
                "steps": tuple(chosen(step) for step in plan.steps),
                "workflows": of_each(plan.workflows),
                "transfers": of_each(plan.transfers),
            }
        )

    return all_chosen(plan)


def _server(source: str, choices: Mapping[str, str], options: RunOptions) -> str:
    asked = options.server.get(source) if isinstance(options.server, dict) else options.server
    if asked is None:
        return next(iter(choices.values()), "")
    if asked not in choices:
        raise InputInvalid(
            f"the source `{source}` has no server `{asked}`; {closest(asked, list(choices))}",
            reason="unknown-server",
        )
    return choices[asked]

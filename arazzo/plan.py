"""The compiled plan of one workflow: everything resolved, nothing left to look up.

It is persisted data. `load_plan` writes it into the history of a run, continue-as-new carries it,
and a worker of any later version must read it: a changed meaning needs a new `ENGINE_REV`, a
changed shape a new `PLAN_FORMAT` (DESIGN.md, section 2, «The plan is pinned»).

The reason for the length: all shapes that a plan in a history can have stand on one page.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from arazzo.provider import Polling
from arazzo.reception_plan import ReceptionPlan

PLAN_FORMAT: Final = 1
ENGINE_REV: Final = 3
"""2: a loop whose values come again in a circle is paced like a poll, too."""
LARGEST_PLAN_BYTES: Final = 1024 * 1024


class PlanPart(BaseModel):
    """What all parts of a plan share: frozen, and strict about unknown fields."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    def as_json(self) -> dict[str, Any]:
        """Return the part as JSON without what is at its default.

        So a field that a later version adds changes neither the size nor the signature of the
        plans that were made before it.
        """
        return self.model_dump(mode="json", exclude_defaults=True)


class CriterionPlan(PlanPart):
    """A criterion as written; `type` is simple, regex or jsonpath."""

    condition: str
    type: str = "simple"
    version: str | None = None
    context: str | None = None


class ActionPlan(PlanPart):
    """An action. `target` is a stepId of the same workflow; `retry_after` is in seconds.

    `workflow` is the type of a workflow that a goto transfers to, or that runs before a retry,
    with these `inputs`, whose strings hold expressions; an activity computes those that
    `by_activity` names.
    """

    name: str
    type: Literal["end", "goto", "retry"]
    target: str | None = None
    workflow: str | None = None
    inputs: dict[str, Any] = {}
    by_activity: tuple[str, ...] = ()
    retry_after: float | None = None
    retry_limit: int | None = None
    criteria: tuple[CriterionPlan, ...] = ()


class ParameterPlan(PlanPart):
    """A parameter of a request; strings in `value` may hold expressions.

    `content_type` is that of a parameter with `content`, which has no style.
    """

    name: str
    location: Literal["path", "query", "header", "cookie", "querystring"]
    value: Any
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    content_type: str = ""


class PartPlan(PlanPart):
    """How a property of a form or a multipart body is written, where that is not the usual way.

    `style` is empty unless the description gives a style, which then counts more than a
    `content_type`; `transfer_encoding` is a `contentEncoding` of the schema; `headers` are those
    of a part for which the description has a value.
    """

    style: str = ""
    explode: bool = False
    allow_reserved: bool = False
    content_type: str = ""
    transfer_encoding: str = ""
    is_file: bool = False
    headers: dict[str, str] = {}


class XmlPlan(PlanPart):
    """The XML Object of a schema, and those of its properties and items."""

    name: str = ""
    namespace: str = ""
    prefix: str = ""
    attribute: bool = False
    wrapped: bool = False
    properties: dict[str, XmlPlan] = {}
    items: XmlPlan | None = None


class CredentialPlan(PlanPart):
    """How the credential of one security scheme is made, from secrets by name.

    It goes into `location` (header, query or cookie) under `name`. A token is got from
    `token_url`, absolute or relative to the server of the call, or from what the document at
    `discovery_url` names. mutualTLS takes `certificate` and `private_key` (PEM), all others but
    clientCredentials and password take `secret`.
    """

    scheme: str
    kind: Literal[
        "basic", "bearer", "apiKey", "digest", "clientCredentials", "password", "mutualTLS"
    ]
    location: Literal["header", "query", "cookie"] = "header"
    name: str = "Authorization"
    secret: str = ""
    client_id: str = ""
    client_secret: str = ""
    token_url: str = ""
    scopes: tuple[str, ...] = ()
    send: Literal["body", "basic"] = "body"
    headers: dict[str, str] = {}
    username: str = ""
    password: str = ""
    discovery_url: str = ""
    certificate: str = ""
    private_key: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the names of the secrets that it takes."""
        by_token = (self.username, self.password, self.client_id, self.client_secret)
        return tuple(filter(None, (self.secret, *by_token, self.certificate, self.private_key)))


class ReplacementPlan(PlanPart):
    """A place in a payload and the value to set there; strings in `value` may hold expressions.

    `version` is that of an XPath, as the document writes it.
    """

    target: str
    type: Literal["jsonpointer", "jsonpath", "xpath"] = "jsonpointer"
    version: str | None = None
    value: Any = None


class WindowPlan(PlanPart):
    """A limit of the service, and what one request of the call takes of it.

    At most `amount` requests, or units of cost, in any `per` seconds. What counts together is
    told by `operations` (none: all) and `by`, as in settings.yaml (see LimitSettings).
    """

    counts: Literal["requests", "cost"] = "requests"
    amount: int
    per: float
    takes: int = 1
    operations: tuple[str, ...] = ()
    by: Literal["server", "credential"] = "server"


class LimitsPlan(PlanPart):
    """The limits that a call keeps to; `concurrency` is 0 where any number may be on its way."""

    windows: tuple[WindowPlan, ...] = ()
    concurrency: int = 0


class DownloadPlan(PlanPart):
    """A body that may be received into the blob store, since the step only passes it on.

    `always` is true when the settings want a file whatever its size; `decompress` that it is a
    gzip, and its content is wanted; `content_type`, when not empty, replaces the service's.
    `largest` is in bytes, `total` the seconds that all requests of one attempt may take.
    """

    always: bool = False
    decompress: bool = False
    content_type: str = ""
    largest: int
    total: float


class Call(PlanPart):
    """An operation as one step calls it.

    `server` is the base URL of the operation's own, else of the run's choice, empty when only the
    worker's own settings name one; `secrets` are the secret names that the document may use (None:
    any); `writes` is true when sending twice could do something twice; seconds for the timeouts.
    `credentials` are the alternatives of the security requirements, the first of which that the
    worker has secrets for is sent (an empty one: none at all); `link_parameter` is the parameter
    whose link takes the place of the query. `parts` and `xml` are what the body's schema says of
    how it is written. `own_server` is true for a server that the settings name, which may be of a
    private network; a read, write or pool timeout of 0 is that of the whole request.
    `retry_after_body` is a JSON Pointer to the wait that an error's body asks for,
    `retry_after_unit` the seconds of its unit. `download` is there where the body may go to the
    blob store; `upload` are the seconds that a request may take which carries a file of the blob
    store, 0 where it can carry none; `limits` are asked before anything is sent; `keeps_redirects`
    takes a redirect for the answer.
    """

    operation_id: str
    method: str
    path: str
    source: str
    server: str = ""
    parameters: tuple[ParameterPlan, ...] = ()
    content_type: str | None = None
    payload: Any = None
    parts: dict[str, PartPlan] = {}
    xml: XmlPlan | None = None
    replacements: tuple[ReplacementPlan, ...] = ()
    writes: bool
    idempotency_header: str | None = None
    idempotency: bool = False
    secrets: tuple[str, ...] | None = None
    credentials: tuple[tuple[CredentialPlan, ...], ...] = ()
    link_parameter: str | None = None
    connect_timeout: float
    total_timeout: float
    retry_after_ceiling: float
    largest_response: int
    keeps_redirects: bool = False
    own_server: bool = False
    read_timeout: float = 0.0
    write_timeout: float = 0.0
    pool_timeout: float = 0.0
    retry_after_body: str = ""
    retry_after_unit: float = 1.0
    download: DownloadPlan | None = None
    upload: float = 0.0
    limits: LimitsPlan | None = None


class Invocation(PlanPart):
    """A workflow as one step calls it: its type, and its inputs, whose strings hold expressions.

    `workflow_id` is its id in the document, as expressions say it; `by_activity` as in an action.
    """

    workflow_type: str
    workflow_id: str = ""
    inputs: dict[str, Any] = {}
    by_activity: tuple[str, ...] = ()


class FindPlan(PlanPart):
    """How a run finds out what became of a write whose fate is unknown (see provider.FindBy).

    `settle` is in seconds; `status` is that of the write's documented success.
    """

    call: Call
    criterion: CriterionPlan
    result: str = ""
    settle: float
    status: int = 200


class AttemptPlan(PlanPart):
    """All that one attempt of a step needs; this part of the plan travels to the activity.

    A step has either a `call` of an operation, or an `invocation` of another workflow, or a
    `reception` of a message. `sealed`
    names the outputs that are secret, and are encrypted before they leave the activity. An output
    is an expression, or a selector object (see selector.py). `constants` are what the step reads
    of the document itself: its `$self` as `self`, its source descriptions as `sources`, and its
    `components` by kind and name.
    """

    workflow_id: str
    step_id: str
    call: Call | None = None
    invocation: Invocation | None = None
    reception: ReceptionPlan | None = None
    success_criteria: tuple[CriterionPlan, ...] = ()
    on_success: tuple[ActionPlan, ...] = ()
    on_failure: tuple[ActionPlan, ...] = ()
    outputs: dict[str, Any] = {}
    sealed: tuple[str, ...] = ()
    constants: dict[str, Any] = {}
    find_by: FindPlan | None = None

    @property
    def operation(self) -> Call:
        """Return the call of an operation. Raises TypeError for a step that has none."""
        if self.call is None:
            message = f"step `{self.step_id}` calls no operation"
            raise TypeError(message)
        return self.call


class Reads(PlanPart):
    """Names of the values that a step reads: inputs, outputs by stepId, workflows by id."""

    inputs: tuple[str, ...] = ()
    steps: dict[str, tuple[str, ...]] = {}
    workflows: tuple[str, ...] = ()


class RetryPlan(PlanPart):
    """How often something is attempted, and the seconds between: doubling from first to longest.

    After `within` seconds from the first attempt no other one begins; 0 is no such bound.
    """

    attempts: int
    first: float
    longest: float
    within: float = 0.0

    def wait(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of that number, counted from 1."""
        return min(self.longest, self.first * 2.0 ** min(attempt - 1, 60))


class StepPlan(PlanPart):
    """A step: what the activity gets, and what the workflow needs to know around it.

    `request_reads` are the values that shape the request; `reads` are those and what criteria
    and outputs read. `signature` authenticates `attempt` (hex of HMAC-SHA-256);
    `start_to_close` is the activity's timeout in seconds, longer than any of the request's;
    `collect` names outputs that grow from page to page (see ProviderSettings). `depends_on` are
    the steps that must be completed before it; `timeout` bounds all its attempts, in seconds, 0
    for none. `heartbeat` is the activity's heartbeat timeout in seconds, 0 for none: an attempt
    that may take hours has one, so that a lost worker is noticed. Where the call may upload, an
    attempt that does has a longer time (`start_to_close_with`), and only that has heartbeats.
    """

    attempt: AttemptPlan
    signature: str = ""
    reads: Reads
    request_reads: Reads
    polling: Polling
    transient: RetryPlan
    transport: RetryPlan
    start_to_close: float = 0.0
    collect: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    timeout: float = 0.0
    heartbeat: float = 0.0

    def start_to_close_with(self, *, file: bool) -> float:
        """Return the activity's timeout in seconds; `file` says that the request carries one."""
        call = self.attempt.operation
        requests = 2 if call.credentials else 1
        return self.start_to_close + (requests * call.upload if file else 0.0)

    def heartbeat_with(self, *, file: bool) -> float:
        """Return the activity's heartbeat timeout in seconds, 0 for none."""
        return self.heartbeat if file or self.attempt.operation.download else 0.0

    @property
    def step_id(self) -> str:
        """Return the stepId."""
        return self.attempt.step_id

    @property
    def called(self) -> str:
        """Return the operationId, or the workflow that is called, or the channel listened to."""
        attempt = self.attempt
        if attempt.reception:
            return attempt.reception.channel
        return attempt.invocation.workflow_type if attempt.invocation else self.operation_id

    @property
    def operation_id(self) -> str:
        """Return the operationId. Raises TypeError for a step that calls none."""
        return self.attempt.operation.operation_id

    @property
    def request_line(self) -> str:
        """Return method and path as written in the description, for people to read."""
        if self.attempt.invocation:
            return f"workflow {self.attempt.invocation.workflow_type}"
        if self.attempt.reception:
            return f"message on {self.attempt.reception.channel}"
        return f"{self.attempt.operation.method} {self.attempt.operation.path}"


class Dependency(PlanPart):
    """A workflow that must be completed first; `name` is its workflowId, as expressions say it."""

    name: str
    invocation: Invocation


class DocumentIdentity(PlanPart):
    """Which document a plan was made from."""

    file: str
    title: str
    version: str


class Plan(PlanPart):
    """A workflow, ready to be interpreted. `outputs` maps names to values with expressions.

    `workflows` holds the plans of the workflows that steps call, by workflow type. Such a plan
    carries the JSON Schema of its inputs too, since no document is asked when it begins.
    `transfers` are those that a goto can transfer to, from here or from one of them;
    `workflow_reads` are the workflowIds of which inputs or outputs are read; `constants` are
    those that outputs and inputs of called workflows read. An activity computes the outputs that
    `by_activity` names (see evaluation.py); `secrets` are the secret names that it may look up
    (None: any). `stores_outputs` says that large outputs move to the blob store; a run that began
    without one fails where they would.
    """

    plan_format: int
    engine_rev: int
    document: DocumentIdentity
    workflow_id: str
    secret_inputs: tuple[str, ...] = ()
    steps: tuple[StepPlan, ...]
    outputs: dict[str, Any] = {}
    visit_budget: int
    depends_on: tuple[Dependency, ...] = ()
    workflows: dict[str, SubWorkflow] = {}
    transfers: dict[str, SubWorkflow] = {}
    workflow_reads: tuple[str, ...] = ()
    constants: dict[str, Any] = {}
    by_activity: tuple[str, ...] = ()
    secrets: tuple[str, ...] | None = None
    stores_outputs: bool = False
    inputs_schema: Any = None
    component_inputs: dict[str, Any] = {}

    def index(self, step_id: str) -> int:
        """Return the position of a step in the order of the document."""
        return next(i for i, step in enumerate(self.steps) if step.step_id == step_id)

    def digest(self) -> str:
        """Return the SHA-256 of the plan's canonical JSON, as hex."""
        return hashlib.sha256(canonical(self.as_json())).hexdigest()


class SubWorkflow(PlanPart):
    """The plan of a workflow that a step calls, and the worker's `signature` of it."""

    plan: Plan
    signature: str = ""


XmlPlan.model_rebuild()
Plan.model_rebuild()


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

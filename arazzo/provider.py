"""The settings of one folder of documents (settings.yaml): what a provider needs, as values.

Documents stay portable; servers, credentials, polling and limits stand here (DESIGN.md,
section 4). Unknown keys are refused. All times are seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Seconds = Annotated[float, Field(ge=0, le=400 * 86400)]
SecretName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]

DAY: Final = 86400.0
MOST: Final = 1_000_000_000
"""The largest number that a limit or a cost may be."""


class Settings(BaseModel):
    """What all parts of the settings share."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)


class PollingOverride(Settings):
    """Any part of a polling pace; what is None is taken from the next wider scope."""

    first: Seconds | None = None
    factor: Annotated[float, Field(ge=1, le=100)] | None = None
    longest: Seconds | None = None
    deadline: Seconds | None = None


class Polling(Settings):
    """The pace of a loop: first wait, its growth, the longest wait, and when to give up."""

    first: Seconds = 2.0
    factor: Annotated[float, Field(ge=1, le=100)] = 1.5
    longest: Seconds = 300.0
    deadline: Seconds = 7 * DAY

    def overridden_by(self, override: PollingOverride | None) -> Polling:
        """Return this pace with the parts that the override names."""
        given = override.model_dump(exclude_none=True) if override else {}
        return self.model_copy(update=given)

    def wait(self, poll: int) -> float:
        """Return the seconds to wait before the poll of that number, counted from 1."""
        grown = self.first
        for _ in range(min(poll - 1, 1000)):
            if grown >= self.longest:
                break
            grown *= self.factor
        return min(grown, self.longest)


class WorkflowPolling(PollingOverride):
    """The pace of one workflow, and of its steps by stepId."""

    steps: dict[str, PollingOverride] = {}


class ProviderPolling(PollingOverride):
    """The pace of all documents of a folder, and of its workflows by workflowId."""

    workflows: dict[str, WorkflowPolling] = {}

    def of(self, workflow_id: str, step_id: str) -> Polling:
        """Return the pace of a step: provider, then workflow, then step."""
        workflow = self.workflows.get(workflow_id)
        step = workflow.steps.get(step_id) if workflow else None
        return Polling().overridden_by(self).overridden_by(workflow).overridden_by(step)


class RetryAfter(Settings):
    """Where the body of an error says how long to wait: a JSON Pointer to a number."""

    body: Annotated[str, Field(pattern=r"^(/|$)")]
    unit: Literal["seconds", "milliseconds"] = "seconds"


class FindBy(Settings):
    """How to find out what became of a write when no answer to it came.

    `operation` is a reading operation of the same source, called with `parameters` by name, whose
    strings hold expressions of the step's: `$inputs.x`, `$steps.x.outputs.y`, `$request.body#/x`.
    The write took effect when `criterion` holds on its answer; for a `jsonpath` it is asked over
    the body, and the first node selected is what the write made. Else that is where the
    expression `result` leads. `settle` are the seconds to wait before looking.
    """

    operation: str
    parameters: dict[str, Any] = {}
    criterion: Annotated[str, Field(min_length=1)]
    type: Literal["simple", "jsonpath"] = "simple"
    result: str = "$response.body"
    settle: Seconds = 10.0


class DownloadSettings(Settings):
    """A body that is always received as a file into the blob store.

    `decompress`: the file is a gzip, and what it holds is wanted. `content_type` replaces the
    service's, so that rows can be read of what it calls octet-stream. `largest` is in bytes, 0 for
    the worker's own; `total` is the time of all requests of one attempt, 0 for the worker's own.
    """

    decompress: Literal["gzip"] | None = None
    content_type: str = ""
    largest: Annotated[int, Field(ge=0)] = 0
    total: Seconds = 0.0


class OperationSettings(Settings):
    """What the service's description does not say of an operation.

    `writes`: true for a GET that changes something, false for a POST that only searches.
    `idempotency`: the service honours an idempotency key, so a write may be sent again.
    `link_parameter`: a query parameter whose value is a link to the next page, absolute or
    relative. Only its query is used, in place of the request's: host and path stay the plan's.
    `cost`: what one request takes of the limits that count a cost. `download`: the body is a file.
    """

    writes: bool | None = None
    idempotency: bool = False
    link_parameter: str | None = None
    retry_after: RetryAfter | None = None
    find_by: FindBy | None = None
    download: DownloadSettings | None = None
    cost: Annotated[int, Field(ge=0, le=MOST)] = 1


class LimitSettings(Settings):
    """A limit of the service: so many requests, or so much cost, in any `per` seconds.

    `operations` are those that it counts, by operationId; all without them. `by` says for whom
    the service counts: for all that reaches the server, or for each credential on its own.
    """

    requests: Annotated[int, Field(ge=1, le=MOST)] | None = None
    cost: Annotated[int, Field(ge=1, le=MOST)] | None = None
    per: Annotated[float, Field(ge=0.01, le=31 * DAY)]
    operations: tuple[str, ...] = ()
    by: Literal["server", "credential"] = "server"

    @model_validator(mode="after")
    def _exactly_one(self) -> LimitSettings:
        if (self.requests is None) is (self.cost is None):
            message = "give either `requests` or `cost`"
            raise ValueError(message)
        return self

    def counts(self, operation_id: str) -> bool:
        """Return whether requests of that operation count."""
        return not self.operations or operation_id in self.operations


class Timeouts(Settings):
    """How long one request may take: to connect, in all, and for its other phases.

    `read` and `write` are the time between two parts of the answer and of the request, `pool`
    the time until a connection is free; None is the time in all.
    """

    connect: Annotated[float, Field(gt=0)] | None = None
    total: Annotated[float, Field(gt=0)] | None = None
    read: Annotated[float, Field(gt=0)] | None = None
    write: Annotated[float, Field(gt=0)] | None = None
    pool: Annotated[float, Field(gt=0)] | None = None


class Retry(Settings):
    """How often and how fast transient answers and transport failures are tried again.

    After `within` seconds from the first try no other one begins.
    """

    attempts: Annotated[int, Field(ge=1, le=1000)] | None = None
    first: Seconds | None = None
    longest: Seconds | None = None
    within: Annotated[float, Field(gt=0)] | None = None


class ClientCredentials(Settings):
    """The OAuth2 client credentials flow (RFC 6749, 4.4): secrets by name, never their values.

    `token_url` replaces the description's; a relative one is resolved against the server.
    `send` says how the client authenticates: in the body, or by HTTP Basic. `headers` maps
    headers of the token request to headers of the operation's request, whose values they take.
    """

    client_id: SecretName
    client_secret: SecretName
    token_url: str | None = None
    send: Literal["body", "basic"] = "body"
    headers: dict[str, str] = {}


class PasswordGrant(Settings):
    """The OAuth2 password flow (RFC 6749, 4.3): secrets by name, never their values.

    `client_id` and `client_secret` are for servers that want to know the client, too; the rest is
    as for client credentials.
    """

    username: SecretName
    password: SecretName
    client_id: SecretName | None = None
    client_secret: SecretName | None = None
    token_url: str | None = None
    send: Literal["body", "basic"] = "body"
    headers: dict[str, str] = {}


class ClientCertificate(Settings):
    """A client certificate for mutual TLS: secrets that hold PEM texts.

    `private_key` may be left out when `certificate` holds both.
    """

    certificate: SecretName
    private_key: SecretName | None = None


class CredentialSettings(Settings):
    """Where the credential of one security scheme comes from: exactly one of these.

    The secret of a `basic` or `digest` scheme is `user:password`; of all others it is the
    credential itself.
    """

    secret: SecretName | None = None
    client_credentials: ClientCredentials | None = None
    password: PasswordGrant | None = None
    certificate: ClientCertificate | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> CredentialSettings:
        given = (self.secret, self.client_credentials, self.password, self.certificate)
        if sum(one is not None for one in given) != 1:
            message = "give one of `secret`, `client_credentials`, `password`, `certificate`"
            raise ValueError(message)
        return self


class IdempotencyKey(Settings):
    """The header that carries the key of a visit; None sends no key."""

    header: str | None = "Idempotency-Key"


class ProviderSettings(Settings):
    """One settings.yaml.

    `servers` maps the name of a source description to named base URLs, the first of which is
    the default; `server_variables` gives values to the variables of a description's servers, by
    source and variable; `secrets` are the only secret names that the documents may use (None: all);
    `prefix` is put before every workflowId of the folder. `credentials` are by the name of the
    security scheme. `collect` names, by workflowId and stepId, outputs that are lists and grow
    from page to page while a loop sends a changed request; a page that comes again is an error.
    `concurrency` is how many requests may be on their way to a server at once, None for any.
    """

    prefix: str = ""
    servers: dict[str, dict[str, str]] = {}
    server_variables: dict[str, dict[str, str]] = {}
    secrets: tuple[SecretName, ...] | None = None
    credentials: dict[str, CredentialSettings] = {}
    polling: ProviderPolling = ProviderPolling()
    collect: dict[str, dict[str, tuple[str, ...]]] = {}
    limits: tuple[LimitSettings, ...] = ()
    concurrency: Annotated[int, Field(ge=1, le=10_000)] | None = None
    operations: dict[str, OperationSettings] = {}
    timeouts: Timeouts = Timeouts()
    retry_after: RetryAfter | None = None
    transient: Retry = Retry()
    transport: Retry = Retry()
    idempotency_key: IdempotencyKey = IdempotencyKey()
    sources: dict[str, str] = {}

    @field_validator("operations")
    @classmethod
    def _affordable(
        cls, operations: dict[str, OperationSettings], info: ValidationInfo
    ) -> dict[str, OperationSettings]:
        """A request that costs more than a limit could never be sent."""
        for limit in info.data.get("limits", ()):
            for name, one in operations.items():
                if limit.cost is not None and limit.counts(name) and one.cost > limit.cost:
                    message = (
                        f"`{name}` costs {one.cost}, more than the limit of {limit.cost} in "
                        f"{limit.per:g} s, so it could never be sent"
                    )
                    raise ValueError(message)
        return operations

"""Who may call the PostHog stand-in: personal keys with scopes, and the form of its errors."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from starlette.responses import JSONResponse, Response

from mocks.calls import Call, Refusal, Throttled
from mocks.standin import Operation

DEFAULT_KEY = "phx_demo"
DEFAULT_PROJECT = "12345"
ALL_SCOPES = frozenset({"*"})
DEFAULT_KEYS: Mapping[str, Collection[str]] = {
    DEFAULT_KEY: ALL_SCOPES,
    "phx_reader": frozenset({"cohort:read"}),
}
SECOND_YEAR = 2026
TYPES_OF_STATUS: Mapping[int, tuple[str, str]] = {
    400: ("validation_error", "invalid_input"),
    401: ("authentication_error", "not_authenticated"),
    402: ("server_error", "payment_required"),
    403: ("authentication_error", "permission_denied"),
    404: ("invalid_request", "not_found"),
    405: ("invalid_request", "method_not_allowed"),
    415: ("invalid_request", "unsupported_media_type"),
    429: ("throttled_error", "throttled"),
}
OTHER_TYPE = ("server_error", "error")


class Problem(Refusal):
    """A refusal with its code, and the attribute of the body that is wrong, if it is one."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        attr: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.attr = attr


class EmptyRefusal(Refusal):
    """A refusal that PostHog answers without a body."""

    def __init__(self, status: int) -> None:
        super().__init__(status, "")


def not_found() -> Problem:
    """What an unknown cohort is answered with."""
    return Problem(404, "Not found.")


def describe_refusal(refusal: Refusal) -> Response:
    """A refusal in PostHog's form; a 429 has no Retry-After, its text tells the seconds."""
    if isinstance(refusal, EmptyRefusal):
        return Response(status_code=refusal.status)
    kind, usual_code = TYPES_OF_STATUS.get(refusal.status, OTHER_TYPE)
    code = refusal.code if isinstance(refusal, Problem) else None
    detail = describe_wait(refusal.seconds) if isinstance(refusal, Throttled) else refusal.message
    body = {
        "type": "invalid_request" if code == "parse_error" else kind,
        "code": code or usual_code,
        "detail": detail,
        "attr": refusal.attr if isinstance(refusal, Problem) else None,
    }
    return JSONResponse(body, refusal.status, refusal.headers)


def describe_wait(seconds: int) -> str:
    """The text of a 429."""
    unit = "second" if seconds == 1 else "seconds"
    return f"Request was throttled. Expected available in {seconds} {unit}."


def describe_without_body(refusal: Refusal) -> Response:
    """A refusal as the public page has it: a status."""
    return Response(status_code=refusal.status, headers=refusal.headers)


def require_key(
    keys: Mapping[str, Collection[str]], project: str, year: int
) -> Callable[[Call, Operation], None]:
    """A check for one of these keys (401), with the scopes needed and for the project (403)."""

    def authorize(call: Call, operation: Operation) -> None:
        challenge = {"www-authenticate": _challenge(call, year)}
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            detail = "Authentication credentials were not provided."
            raise Problem(401, detail, headers=challenge)
        if key not in keys:
            detail = "Personal API key found in request Authorization header is invalid."
            raise Problem(401, detail, code="authentication_failed", headers=challenge)
        for scope in operation.scopes:
            if not _allows(keys[key], scope):
                raise Problem(403, f"API key missing required scope '{scope}'")
        named = call.path_parameters["project_id"]
        if named not in (project, "@current"):
            detail = f"API key does not have access to the requested project: ID {named}."
            raise Problem(403, detail)

    return authorize


def _allows(scopes: Collection[str], needed: str) -> bool:
    writing = needed.replace(":read", ":write")
    return bool({"*", needed, writing} & set(scopes))


def _challenge(call: Call, year: int) -> str:
    if year < SECOND_YEAR:
        return "Bearer"
    site = f"http://{call.headers.get('host', 'localhost')}"
    return f'Bearer resource_metadata="{site}/.well-known/oauth-protected-resource"'

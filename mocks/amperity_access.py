"""Who may call the Amperity stand-in: clients, tokens, tenants, and the form of its errors."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from mocks.calls import Call, Refusal

API_VERSIONS = ("2024-04-01",)
FORM = "application/x-www-form-urlencoded"
TENANT_HEADERS = ("amperity-tenant", "x-amperity-tenant")


def describe_refusal(refusal: Refusal) -> Response:
    """A refusal in Amperity's form; a 429 tells no time."""
    body = {
        "status": refusal.status,
        "message": refusal.message,
        "request_id": str(uuid4()),
        "trace_id": uuid4().hex,
    }
    return JSONResponse(body, refusal.status, refusal.headers)


class Access:
    """The clients and tokens of the tenants; tokens that were issued live for some seconds.

    A token that was issued is good for the tenant it was asked for; a static one for all.
    """

    def __init__(
        self,
        tenants: Collection[str],
        clients: Mapping[str, str],
        static_tokens: Collection[str],
        token_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._tenants = tenants
        self._clients = clients
        self._static_tokens = frozenset(static_tokens)
        self._token_seconds = token_seconds
        self._clock = clock
        self._issued: dict[str, tuple[str, float]] = {}

    def reset(self) -> None:
        """Forget every token that was issued."""
        self._issued.clear()

    def expire_tokens(self) -> None:
        """Let every token that was issued so far be expired from now on."""
        self._issued = {token: (tenant, 0.0) for token, (tenant, _) in self._issued.items()}

    def get_token(self, call: Call) -> Any:
        """A new token for a client of the tenant, by OAuth2 client credentials."""
        tenant = self.tenant(call)
        form = _read_form(call)
        if form.get("grant_type") != "client_credentials":
            raise Refusal(400, "grant_type must be client_credentials")
        known = self._clients.get(form.get("client_id", ""))
        if known is None or known != form.get("client_secret"):
            raise Refusal(401, "client_id or client_secret is wrong")
        token = secrets.token_urlsafe(24)
        self._issued[token] = (tenant, self._clock() + self._token_seconds)
        expires_in = int(self._token_seconds)
        return {"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}

    def authorize(self, call: Call) -> None:
        """Check token, tenant and version, in this order: 401, 400 or 403, 400."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, "a bearer token is required", {"www-authenticate": "Bearer"})
        owner, expires = self._issued.get(token, (None, 0.0))
        if token not in self._static_tokens:
            if owner is None:
                raise Refusal(401, "the token is unknown", {"www-authenticate": "Bearer"})
            if expires <= self._clock():
                raise Refusal(401, "the token is expired", {"www-authenticate": "Bearer"})
        tenant = self.tenant(call)
        if owner not in (None, tenant):
            raise Refusal(403, f"the token is not for tenant {tenant}")
        _require_version(call)

    def tenant(self, call: Call) -> str:
        """The tenant that the headers name."""
        named = [call.headers[name] for name in TENANT_HEADERS if call.headers.get(name)]
        if not named:
            raise Refusal(400, "the header amperity-tenant is required")
        if named[0] not in self._tenants:
            raise Refusal(403, f"no access to tenant {named[0]}")
        return named[0]


def _require_version(call: Call) -> None:
    version = call.headers.get("api-version") or call.query.get("api_version")
    if not version:
        raise Refusal(400, "the header api-version is required")
    if version not in API_VERSIONS:
        raise Refusal(400, f"api-version {version} is not supported")


def _read_form(call: Call) -> dict[str, str]:
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM:
        raise Refusal(400, f"the body must be {FORM}")
    fields = parse_qs(call.content.decode("utf-8", errors="replace"))
    return {name: values[0] for name, values in fields.items()}

"""Credentials of OpenAPI security schemes, put into a request just before it is sent.

Tokens of OAuth2 client credentials (RFC 6749, 4.4) are kept in the worker's memory until shortly
before they expire, and shared by all its activities; a refused one is fetched again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, quote_plus, urlencode, urljoin

from activities.client import send
from activities.faults import Fault, TransportFailed
from arazzo.context import RequestView
from arazzo.errors import DocumentInvalid, Finding, SecretMissing, StepFailed
from arazzo.request import Request

if TYPE_CHECKING:
    import httpx

    from activities.answers import Answer
    from activities.credentials import SecretStore
    from activities.masking import Masking
    from arazzo.plan import Call, CredentialPlan

SECONDS_BEFORE_EXPIRY: Final = 30.0
"""A token that ends so soon is fetched anew, so that it lasts until the request arrives."""
TRANSIENT: Final = frozenset((429, 500, 502, 503, 504))
CLIENT_REFUSED: Final = Fault("no", True, "no token could be fetched")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and when it ends by the monotonic clock (seconds; infinity: unknown)."""

    value: str
    ends: float


@dataclass
class Authorizer:
    """Puts credentials into requests; one for each worker."""

    client: httpx.AsyncClient
    store: SecretStore
    _tokens: dict[tuple[str, ...], Token] = field(default_factory=dict)
    _locks: dict[tuple[str, ...], asyncio.Lock] = field(default_factory=dict)

    async def authorize(
        self, request: Request, call: Call, server: str, masking: Masking
    ) -> Request:
        """Return the request with its credentials, which `masking` learns.

        Raises SecretMissing when the worker has the secrets of no alternative, StepFailed when
        the token endpoint refuses, TransportFailed when it does not answer.
        """
        for one in self._chosen(call):
            masking.learn(self.store.get(name) for name in one.secrets)
            credential = await self._credential(one, request, call, server)
            masking.learn([credential])
            request = _with_credential(request, one, _spelled(one, credential))
        return request

    def is_renewable(self, call: Call) -> bool:
        """Return whether a 401 may mean that a token ended, so that a new one may help."""
        return any(one.kind == "clientCredentials" for one in self._chosen(call))

    def forget(self, request: Request) -> None:
        """Forget the token with which the request was sent, unless there is a newer one."""
        sent = request.headers.values()
        for key, token in list(self._tokens.items()):
            if any(value == f"Bearer {token.value}" for value in sent):
                del self._tokens[key]

    def _chosen(self, call: Call) -> tuple[CredentialPlan, ...]:
        """The first alternative of which the worker has all secrets."""
        missing: list[SecretMissing] = []
        for alternative in call.credentials:
            try:
                for one in alternative:
                    _ = [self.store.get(name) for name in one.secrets]
            except SecretMissing as error:
                missing.append(error)
            else:
                return alternative
        if missing:
            raise _missing(call, missing)
        return ()

    async def _credential(
        self, one: CredentialPlan, request: Request, call: Call, server: str
    ) -> str:
        if one.kind != "clientCredentials":
            return self.store.get(one.secret)
        headers = _copied(one, request)
        url = urljoin(server.rstrip("/") + "/", one.token_url)
        key = (url, one.client_id, *one.scopes, *headers.values())
        async with self._locks.setdefault(key, asyncio.Lock()):
            token = self._tokens.get(key)
            if token is None or token.ends <= time.monotonic():
                token = await self._fetch(one, url, headers, call)
                self._tokens[key] = token
        return token.value

    async def _fetch(
        self, one: CredentialPlan, url: str, headers: dict[str, str], call: Call
    ) -> Token:
        answer = await self._answer(self._token_request(one, url, headers), call)
        status, body = answer.response.status, answer.response.body
        if status in TRANSIENT:
            raise TransportFailed(CLIENT_REFUSED, f"{url} answered {status}")
        found = body if isinstance(body, dict) else {}
        value = found.get("access_token")
        if status != 200 or not isinstance(value, str) or not value:  # noqa: PLR2004
            raise _refused(one, url, status, body)
        lifetime = found.get("expires_in")
        if not isinstance(lifetime, (int, float)) or isinstance(lifetime, bool):
            return Token(value, float("inf"))
        return Token(value, time.monotonic() + lifetime - _margin(lifetime))

    async def _answer(self, request: Request, call: Call) -> Answer:
        try:
            return await send(self.client, request, call)
        except TransportFailed as error:
            # Whatever became of the token's request, the operation's own was surely not sent.
            raise TransportFailed(
                replace(CLIENT_REFUSED, try_again=error.fault.try_again), error.message
            ) from error

    def _token_request(self, one: CredentialPlan, url: str, headers: dict[str, str]) -> Request:
        client_id, secret = self.store.get(one.client_id), self.store.get(one.client_secret)
        form = {"grant_type": "client_credentials"}
        if one.scopes:
            form["scope"] = " ".join(one.scopes)
        if one.send == "body":
            form |= {"client_id": client_id, "client_secret": secret}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            headers = headers | {
                "Authorization": _basic(f"{quote_plus(client_id)}:{quote_plus(secret)}")
            }
        headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return Request("POST", url, headers, body, RequestView("POST", url))


def _margin(lifetime: float) -> float:
    """The margin of a token that lives shortly is a part of its life, or it would never serve."""
    return min(SECONDS_BEFORE_EXPIRY, lifetime / 4)


def _copied(one: CredentialPlan, request: Request) -> dict[str, str]:
    given = {name.lower(): value for name, value in request.headers.items()}
    return {
        name: given[source.lower()]
        for name, source in one.headers.items()
        if source.lower() in given
    }


def _spelled(one: CredentialPlan, credential: str) -> str:
    if one.kind == "basic":
        return _basic(credential)
    return credential if one.kind == "apiKey" else f"Bearer {credential}"


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def _with_credential(request: Request, one: CredentialPlan, value: str) -> Request:
    if one.location == "query":
        joint = "&" if "?" in request.url else "?"
        pair = f"{quote(one.name, safe='')}={quote(value, safe='')}"
        return replace(request, url=f"{request.url}{joint}{pair}")
    headers = dict(request.headers)
    if one.location == "cookie":
        before = headers.get("Cookie")
        headers["Cookie"] = f"{before}; {one.name}={value}" if before else f"{one.name}={value}"
    else:
        headers[one.name] = value
    return replace(request, headers=headers)


def _missing(call: Call, missing: list[SecretMissing]) -> SecretMissing:
    if len(missing) == 1:
        return missing[0]
    schemes = " or ".join(
        " with ".join(f"`{one.scheme}`" for one in alternative) for alternative in call.credentials
    )
    said = "; ".join(dict.fromkeys(error.message for error in missing))
    return SecretMissing(
        f"the operation wants {schemes}, and the worker has the secrets of none: {said}",
        reason="secret-missing",
        facts={"secrets": [error.facts.get("secret") for error in missing]},
    )


def _refused(one: CredentialPlan, url: str, status: int, body: Any) -> StepFailed | DocumentInvalid:
    if status == 404:  # noqa: PLR2004
        return DocumentInvalid(
            [
                Finding(
                    "token-url",
                    "error",
                    f"there is no token endpoint at {url} (404)",
                    where=f"security scheme {one.scheme}",
                    mend="name it in settings.yaml: client_credentials: {token_url: ...}",
                )
            ]
        )
    said = json.dumps(body, ensure_ascii=False)[:300] if isinstance(body, (dict, list)) else ""
    return StepFailed(
        f"no token for the security scheme `{one.scheme}`: {url} answered {status} {said}".strip(),
        reason="token-refused",
        facts={"scheme": one.scheme, "status": status},
    )

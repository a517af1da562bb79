"""Tokens of OAuth2: client credentials and password (RFC 6749, 4.4 and 4.3), and refresh (6).

A token is kept in the worker's memory until shortly before it ends, and shared by all activities;
one that was refused is renewed once, by its refresh token where it came with one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode, urljoin, urlsplit

from activities.client import send
from activities.faults import Fault, TransportFailed
from arazzo.context import RequestView
from arazzo.errors import DocumentInvalid, Finding, StepFailed
from arazzo.request import Request

if TYPE_CHECKING:
    import httpx

    from activities.answers import Answer
    from activities.credentials import SecretStore
    from activities.masking import Masking
    from arazzo.plan import Call, CredentialPlan

SECONDS_BEFORE_EXPIRY: Final = 30.0
"""A token that ends so soon is fetched anew, so that it lasts until the request arrives."""
SECONDS_OF_DISCOVERY: Final = 3600.0
MOST_KEPT: Final = 1000
EXCERPT_CHARACTERS: Final = 300
OK: Final = 200
NOT_FOUND: Final = 404
TRANSIENT: Final = frozenset((429, 500, 502, 503, 504))
CLIENT_REFUSED: Final = Fault("no", True, "no token could be fetched")

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, when it ends by the monotonic clock (seconds), and how to renew it."""

    value: str
    ends: float
    refresh: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a token: the attempt's call, its client, and what it masks."""

    client: httpx.AsyncClient
    call: Call
    server: str
    masking: Masking


@dataclass
class Tokens:
    """The tokens of a worker, by all that makes one what it is."""

    store: SecretStore
    _tokens: dict[Key, Token] = field(default_factory=dict)
    _locks: dict[Key, asyncio.Lock] = field(default_factory=dict)
    _endpoints: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def get(self, one: CredentialPlan, headers: dict[str, str], asking: Asking) -> str:
        """Return an access token, fetched when there is none that lasts.

        Raises StepFailed or DocumentInvalid when the endpoint refuses, TransportFailed when it
        does not answer, SecretMissing.
        """
        key = (asking.server, one.model_dump_json(), *headers.values())
        async with self._locks.setdefault(key, asyncio.Lock()):
            token = self._tokens.get(key)
            if token is None or token.ends <= time.monotonic():
                token = await self._fetched(one, headers, asking, token)
                self._forget_all_if_many()
                self._tokens[key] = token
        asking.masking.learn([token.value, token.refresh])
        return token.value

    def forget(self, value: str) -> None:
        """Let a token end that was refused, unless there is a newer one."""
        for key, token in self._tokens.items():
            if token.value == value:
                self._tokens[key] = replace(token, ends=float("-inf"))

    def _forget_all_if_many(self) -> None:
        if len(self._tokens) >= MOST_KEPT:
            self._tokens.clear()
            self._locks = {key: one for key, one in self._locks.items() if one.locked()}

    async def _fetched(
        self, one: CredentialPlan, headers: dict[str, str], asking: Asking, old: Token | None
    ) -> Token:
        url = await self._endpoint(one, asking)
        if old is not None and old.refresh:
            asking.masking.learn([old.refresh])
            form = {"grant_type": "refresh_token", "refresh_token": old.refresh}
            answer = await _sent(self._request(one, url, headers, form), asking)
            if answer.response.status == OK:
                return _token(one, url, answer, asking.masking, old.refresh)
        answer = await _sent(self._request(one, url, headers, self._grant(one)), asking)
        return _token(one, url, answer, asking.masking)

    def _grant(self, one: CredentialPlan) -> dict[str, str]:
        form = {"grant_type": "client_credentials"}
        if one.kind == "password":
            form = {"grant_type": "password"}
            form |= {"username": self.store.get(one.username)}
            form |= {"password": self.store.get(one.password)}
        return form | ({"scope": " ".join(one.scopes)} if one.scopes else {})

    def _request(
        self, one: CredentialPlan, url: str, headers: dict[str, str], form: dict[str, str]
    ) -> Request:
        client = [self.store.get(name) for name in (one.client_id, one.client_secret) if name]
        if one.send == "basic" and client:
            # RFC 6749, 2.3.1: both are form-encoded before they are joined.
            pair = ":".join(quote_plus(text) for text in client)
            headers = headers | {"Authorization": basic(pair)}
        else:
            form = form | dict(zip(("client_id", "client_secret"), client, strict=False))
        headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", url, headers, urlencode(form).encode(), RequestView("POST", url))

    async def _endpoint(self, one: CredentialPlan, asking: Asking) -> str:
        base = asking.server.rstrip("/") + "/"
        if one.token_url:
            return urljoin(base, one.token_url)
        return await self._discovered(one, urljoin(base, one.discovery_url), asking)

    async def _discovered(self, one: CredentialPlan, url: str, asking: Asking) -> str:
        """The token endpoint that the provider names (OpenID Connect Discovery 1.0, 4)."""
        known, ends = self._endpoints.get(url, ("", 0.0))
        if ends > time.monotonic():
            return known
        answer = await _sent(Request("GET", url, {}, None, RequestView("GET", url)), asking)
        body, status = answer.response.body, answer.response.status
        found = body.get("token_endpoint") if isinstance(body, dict) and status == OK else None
        if not isinstance(found, str) or not _is_safe(url, found):
            raise _no_endpoint(one, url, status, found)
        if len(self._endpoints) >= MOST_KEPT:
            self._endpoints.clear()
        self._endpoints[url] = found, time.monotonic() + SECONDS_OF_DISCOVERY
        return found


def basic(pair: str) -> str:
    """Return the value of an Authorization header for `user:password` (RFC 7617)."""
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _is_safe(discovery: str, endpoint: str) -> bool:
    """The client's secret goes there: to the same host as its discovery, or by TLS elsewhere."""
    here, there = urlsplit(discovery), urlsplit(endpoint)
    same = (here.scheme, here.netloc) == (there.scheme, there.netloc)
    return bool(there.netloc) and (same or there.scheme == "https")


async def _sent(request: Request, asking: Asking) -> Answer:
    try:
        answer = await send(asking.client, request, asking.call)
    except TransportFailed as error:
        # Whatever became of the token's request, the operation's own was surely not sent.
        fault = replace(CLIENT_REFUSED, try_again=error.fault.try_again)
        raise TransportFailed(fault, asking.masking.text(error.message)) from error
    if answer.response.status in TRANSIENT:
        raise TransportFailed(CLIENT_REFUSED, f"{request.url} answered {answer.response.status}")
    return answer


def _token(
    one: CredentialPlan, url: str, answer: Answer, masking: Masking, refresh: str = ""
) -> Token:
    """A new refresh token replaces the old one; without one the old stays good."""
    body = answer.response.body
    found = body if isinstance(body, dict) else {}
    value = found.get("access_token")
    if answer.response.status != OK or not isinstance(value, str) or not value:
        raise _refused(one, url, answer, masking)
    given = found.get("refresh_token")
    refresh = given if isinstance(given, str) and given else refresh
    lifetime = found.get("expires_in")
    if not isinstance(lifetime, (int, float)) or isinstance(lifetime, bool):
        return Token(value, float("inf"), refresh)
    return Token(value, time.monotonic() + lifetime - _margin(lifetime), refresh)


def _margin(lifetime: float) -> float:
    """The margin of a token that lives shortly is a part of its life, or it would never serve."""
    return min(SECONDS_BEFORE_EXPIRY, lifetime / 4)


def _refused(
    one: CredentialPlan, url: str, answer: Answer, masking: Masking
) -> StepFailed | DocumentInvalid:
    status = answer.response.status
    if status == NOT_FOUND:
        said, key = f"there is no token endpoint at {url} (404)", "token_url"
        return _unusable(one, "token-url", said, f"{_settings_key(one)}: {{{key}: ...}}")
    return StepFailed(
        f"no token for the security scheme `{one.scheme}`: {url} answered {status}"
        f"{_told(answer, masking)}",
        reason="token-refused",
        facts={"scheme": one.scheme, "status": status},
    )


def _told(answer: Answer, masking: Masking) -> str:
    """What the endpoint says of an error; of a success without `access_token` only the names."""
    body = answer.response.body
    if answer.response.status == OK:
        names = ", ".join(body) if isinstance(body, dict) else "no object"
        return f" without an `access_token` ({masking.excerpt(names, EXCERPT_CHARACTERS)})"
    said = json.dumps(body, ensure_ascii=False) if isinstance(body, (dict, list)) else ""
    return f" {masking.excerpt(said, EXCERPT_CHARACTERS)}" if said else ""


def _no_endpoint(
    one: CredentialPlan, url: str, status: int, found: Any
) -> StepFailed | DocumentInvalid:
    why = f"answered {status} without a `token_endpoint`"
    if isinstance(found, str):
        why = f"names the token endpoint {found}, which is neither on the same host nor https"
    return _unusable(one, "discovery", f"{url} {why}", f"{_settings_key(one)}: {{token_url: ...}}")


def _settings_key(one: CredentialPlan) -> str:
    grant = "password" if one.kind == "password" else "client_credentials"
    return f"name it in settings.yaml, credentials.{one.scheme}: {grant}"


def _unusable(one: CredentialPlan, code: str, said: str, mend: str) -> DocumentInvalid:
    where = f"security scheme {one.scheme}"
    return DocumentInvalid([Finding(code, "error", said, where=where, mend=mend)])

"""Credentials of security schemes: where they go, how tokens are got, shared, and renewed."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from activities.answers import Answer
from activities.authorization import Authorizer
from activities.credentials import SecretStore
from activities.faults import TransportFailed
from activities.masking import Masking
from arazzo.context import RequestView, ResponseView
from arazzo.errors import DurazzoError, SecretMissing, StepFailed
from arazzo.plan import Call, CredentialPlan
from arazzo.request import Request

SERVER = "https://api.example.com/v1"
SECRETS = {
    "DURAZZO_SECRET_KEY": "the-key",
    "DURAZZO_SECRET_CLIENT": "me",
    "DURAZZO_SECRET_CLIENT_SECRET": "s p/e+c:ial",
}
FLOW = CredentialPlan(
    scheme="flow",
    kind="clientCredentials",
    client_id="client",
    client_secret="client_secret",  # noqa: S106 - a secret's name
    token_url="oauth/token",  # noqa: S106 - a URL
    scopes=("read", "write"),
    headers={"X-Tenant": "tenant"},
)


REFUSED = Answer(ResponseView(401, {}, None), "", "", None)


def key(**fields: Any) -> CredentialPlan:
    """Return a credential that is the secret `key`."""
    return CredentialPlan.model_validate({"scheme": "s", "secret": "key", **fields})


def call_with(*alternatives: tuple[CredentialPlan, ...]) -> Call:
    """Return a call with these alternatives of credentials."""
    return Call(
        operation_id="op", method="GET", path="/things", source="api", writes=False,
        credentials=alternatives, connect_timeout=1, total_timeout=2, retry_after_ceiling=10,
        largest_response=10_000,
    )  # fmt: skip


def request(**headers: str) -> Request:
    """Return a request for things."""
    url = f"{SERVER}/things"
    return Request("GET", url, dict(headers), None, RequestView("GET", url))


@dataclass
class Endpoint:
    """A token endpoint: gives token-1, token-2, ... or what it is told to answer."""

    expires_in: float | None = 3600
    status: int = 200
    body: Any = None
    asked: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, asked: httpx.Request) -> httpx.Response:
        """Answer as it is told."""
        self.asked.append(asked)
        await asyncio.sleep(0)  # others get their turn, as in a real exchange
        if self.body is not None or self.status != 200:
            return httpx.Response(self.status, json=self.body)
        token = {"access_token": f"token-{len(self.asked)}", "token_type": "Bearer"}
        lifetime = {} if self.expires_in is None else {"expires_in": self.expires_in}
        return httpx.Response(200, json=token | lifetime)


def authorizer(endpoint: Endpoint, environment: dict[str, str] | None = None) -> Authorizer:
    """Return an authorizer in front of the endpoint."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(endpoint))
    store = SecretStore(environment=SECRETS if environment is None else environment)
    return Authorizer(client, store)


async def authorized(
    one: Authorizer, call: Call, sent: Request | None = None, masking: Masking | None = None
) -> Request:
    """Return the request with its credentials."""
    return await one.authorize(sent or request(), call, SERVER, masking or Masking([]))


@pytest.mark.parametrize(
    ("credential", "headers", "query"),
    [
        (key(kind="bearer"), {"Authorization": "Bearer the-key"}, ""),
        (key(kind="apiKey", name="X-Key"), {"X-Key": "the-key"}, ""),
        (key(kind="apiKey", name="key", location="cookie"), {"Cookie": "key=the-key"}, ""),
        (key(kind="apiKey", name="key", location="query"), {}, "?key=the-key"),
        (
            key(kind="basic"),
            {"Authorization": "Basic " + base64.b64encode(b"the-key").decode()},
            "",
        ),
    ],
    ids=["bearer", "header", "cookie", "query", "basic"],
)
async def test_a_credential_goes_where_its_scheme_says(
    credential: CredentialPlan, headers: dict[str, str], query: str
) -> None:
    """Header, query or cookie; a basic secret is `user:password`, encoded here."""
    made = await authorized(authorizer(Endpoint()), call_with((credential,)))
    assert made.headers == headers
    assert made.url == f"{SERVER}/things{query}"


async def test_a_combination_gives_all_of_its_credentials() -> None:
    """All schemes of one security requirement are sent together."""
    combined = (key(kind="bearer"), key(kind="apiKey", name="X-Key"))
    made = await authorized(authorizer(Endpoint()), call_with(combined))
    assert set(made.headers) == {"Authorization", "X-Key"}


async def test_the_first_alternative_with_all_its_secrets_is_sent() -> None:
    """What is configured and there decides, in the order of the description."""
    absent = key(kind="bearer", secret="not_there")  # noqa: S106 - a secret's name
    call = call_with((absent,), (key(kind="apiKey", name="X-Key"),))
    made = await authorized(authorizer(Endpoint()), call)
    assert made.headers == {"X-Key": "the-key"}


async def test_missing_secrets_of_all_alternatives_are_named_with_their_schemes() -> None:
    """The error says which schemes there are and where each secret belongs."""
    call = call_with((FLOW,), (key(kind="bearer"),))
    with pytest.raises(SecretMissing) as caught:
        await authorized(authorizer(Endpoint(), {}), call)
    assert "`flow` or `s`" in caught.value.message
    assert "DURAZZO_SECRET_CLIENT" in caught.value.message
    assert "DURAZZO_SECRET_KEY" in caught.value.message


async def test_a_token_is_asked_for_as_the_standard_says() -> None:
    """RFC 6749, 4.4.2: a form with grant type and scopes; the settings' headers are copied."""
    endpoint = Endpoint()
    made = await authorized(authorizer(endpoint), call_with((FLOW,)), request(Tenant="acme"))
    assert made.headers["Authorization"] == "Bearer token-1"
    (asked,) = endpoint.asked
    assert str(asked.url) == f"{SERVER}/oauth/token"
    assert asked.headers["x-tenant"] == "acme"
    assert parse_qs(asked.content.decode()) == {
        "grant_type": ["client_credentials"], "scope": ["read write"],
        "client_id": ["me"], "client_secret": ["s p/e+c:ial"],
    }  # fmt: skip


async def test_a_client_may_authenticate_by_http_basic() -> None:
    """RFC 6749, 2.3.1: id and secret are form-encoded before they are joined."""
    endpoint = Endpoint()
    await authorized(authorizer(endpoint), call_with((FLOW.model_copy(update={"send": "basic"}),)))
    (asked,) = endpoint.asked
    scheme, _, encoded = asked.headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded) == b"me:s+p%2Fe%2Bc%3Aial"
    assert b"client_secret" not in asked.content


async def test_concurrent_requests_share_one_token() -> None:
    """One request for a token serves all that need it at the same time, and later."""
    endpoint = Endpoint()
    one = authorizer(endpoint)
    made = await asyncio.gather(*(authorized(one, call_with((FLOW,))) for _ in range(20)))
    assert {it.headers["Authorization"] for it in made} == {"Bearer token-1"}
    assert len(endpoint.asked) == 1


async def test_tokens_of_different_tenants_are_kept_apart() -> None:
    """What the token's request copied is a part of what the token is for."""
    endpoint = Endpoint()
    one = authorizer(endpoint)
    for tenant in ("acme", "other", "acme"):
        await authorized(one, call_with((FLOW,)), request(tenant=tenant))
    assert [asked.headers["x-tenant"] for asked in endpoint.asked] == ["acme", "other"]


async def test_an_expired_token_is_fetched_anew() -> None:
    """A token is used until shortly before its end, here at once."""
    endpoint = Endpoint(expires_in=0)
    one, call = authorizer(endpoint), call_with((FLOW,))
    sent = [(await authorized(one, call)).headers["Authorization"] for _ in range(2)]
    assert sent == ["Bearer token-1", "Bearer token-2"]


async def test_a_refused_token_is_forgotten_once_by_whoever_used_it() -> None:
    """Two that were refused with the same old token cause one new token, not two."""
    endpoint = Endpoint(expires_in=None)
    one, call = authorizer(endpoint), call_with((FLOW,))
    old = [await authorized(one, call), await authorized(one, call)]
    new = []
    for refused in old:
        assert one.may_renew(call, refused, REFUSED, SERVER)
        new.append((await authorized(one, call)).headers["Authorization"])
    assert new == ["Bearer token-2", "Bearer token-2"]
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    ("endpoint", "error", "said"),
    [
        (Endpoint(status=401, body={"error": "invalid_client"}), StepFailed, "invalid_client"),
        (Endpoint(body={"token": "x"}), StepFailed, "without an `access_token` (token)"),
        (Endpoint(body=["x"]), StepFailed, "answered 200"),
        (Endpoint(status=404), DurazzoError, "there is no token endpoint at"),
        (Endpoint(status=503), TransportFailed, "answered 503"),
    ],
    ids=["refused", "no-token", "no-object", "not-there", "busy"],
)
async def test_a_token_that_is_not_given_is_a_clear_error(
    endpoint: Endpoint, error: type[DurazzoError], said: str
) -> None:
    """A refusal ends the step; a busy endpoint means that the request was surely not sent."""
    with pytest.raises(error) as caught:
        await authorized(authorizer(endpoint), call_with((FLOW,)))
    assert said in caught.value.message
    if isinstance(caught.value, TransportFailed):
        assert (caught.value.fault.sent, caught.value.fault.try_again) == ("no", True)


async def test_secrets_and_tokens_are_masked_from_then_on() -> None:
    """The masking of the attempt learns the client's secrets and the token."""
    masking = Masking([])
    await authorized(authorizer(Endpoint()), call_with((FLOW,)), masking=masking)
    assert masking.text("token-1 and s p/e+c:ial") == "***** and *****"

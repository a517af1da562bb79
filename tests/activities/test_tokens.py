"""Tokens of the password flow, refresh tokens, and endpoints that discovery names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest
from attempts import SERVER, call

from activities.answers import Answer
from activities.authorization import Authorizer
from activities.credentials import SecretStore
from activities.masking import Masking
from arazzo.context import RequestView, ResponseView
from arazzo.errors import DocumentInvalid, SecretMissing, StepFailed
from arazzo.plan import CredentialPlan
from arazzo.request import Request

if TYPE_CHECKING:
    from arazzo.errors import DurazzoError

VALUES = {"me": "ada-lovelace", "pw": "correct horse", "id": "the-client", "s": "client-secret"}
DISCOVERY = "https://8.8.8.8/.well-known/openid-configuration"
PASSWORD = CredentialPlan(
    scheme="login", kind="password", username="me", password="pw",  # noqa: S106 - names
    token_url="/token", scopes=("read",),  # noqa: S106 - a URL
)  # fmt: skip
OPENID = CredentialPlan(
    scheme="openid", kind="clientCredentials", client_id="id",
    client_secret="s", discovery_url="/.well-known/openid-configuration",  # noqa: S106 - a name
)  # fmt: skip
REFUSED = Answer(ResponseView(401, {}, None), "", "", None)


@dataclass
class Provider:
    """Gives access tokens a1, a2, ... and refresh tokens; remembers what it was asked."""

    endpoint: Any = "https://8.8.8.8/token"
    refreshes: bool = True
    refuses: tuple[int, Any] | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    discovered: int = 0

    def __call__(self, asked: httpx.Request) -> httpx.Response:
        """Answer discovery and grants."""
        if asked.method == "GET":
            self.discovered += 1
            return httpx.Response(200, json={"token_endpoint": self.endpoint})
        self.forms.append(dict(parse_qsl(asked.content.decode())))
        if self.refuses is not None:
            return httpx.Response(self.refuses[0], json=self.refuses[1])
        if self.forms[-1]["grant_type"] == "refresh_token" and not self.refreshes:
            return httpx.Response(400, json={"error": "invalid_grant"})
        number = len(self.forms)
        token = {"access_token": f"access-token-{number}", "refresh_token": f"refresh-{number}"}
        return httpx.Response(200, json=token)

    @property
    def grants(self) -> list[str]:
        """Return the types of all grants so far."""
        return [form["grant_type"] for form in self.forms]


@dataclass
class Worker:
    """An authorizer in front of a provider, whose attempts are shown by their token."""

    provider: Provider
    plan: CredentialPlan
    values: dict[str, str] = field(default_factory=lambda: VALUES)
    masking: Masking = field(default_factory=Masking)

    def __post_init__(self) -> None:
        """Make the authorizer."""
        variables = {f"DURAZZO_SECRET_{name.upper()}": it for name, it in self.values.items()}
        client = httpx.AsyncClient(transport=httpx.MockTransport(self.provider))
        self.authorizer = Authorizer(client, SecretStore(environment=variables))
        self.call = call(credentials=((self.plan,),))

    async def sent(self) -> Request:
        """Return a request with its credential."""
        request = Request("GET", f"{SERVER}/thing", {}, None, RequestView("GET", ""))
        return await self.authorizer.authorize(request, self.call, SERVER, self.masking)

    async def renewed(self) -> Request:
        """Return the request that follows one whose token was refused."""
        assert self.authorizer.may_renew(self.call, await self.sent(), REFUSED, SERVER)
        return await self.sent()


async def test_the_password_flow_asks_as_the_standard_says() -> None:
    """RFC 6749, 4.3.2: user name and password, the scopes, and the client where there is one."""
    provider = Provider()
    made = await Worker(provider, PASSWORD).sent()
    assert made.headers == {"Authorization": "Bearer access-token-1"}
    own = {"username": "ada-lovelace", "password": "correct horse", "scope": "read"}
    assert provider.forms == [{"grant_type": "password", **own}]
    client = PASSWORD.model_copy(update={"client_id": "id", "client_secret": "s"})
    await Worker(provider, client).sent()
    assert provider.forms[1]["client_id"] == "the-client"


async def test_a_refused_token_is_renewed_by_its_refresh_token() -> None:
    """RFC 6749, 6: the password is not sent again, and the newest refresh token is used."""
    worker = Worker(Provider(), PASSWORD)
    for number in (2, 3):
        made = await worker.renewed()
        assert made.headers == {"Authorization": f"Bearer access-token-{number}"}
    assert worker.provider.grants == ["password", "refresh_token", "refresh_token"]
    assert worker.provider.forms[2]["refresh_token"] == "refresh-2"  # noqa: S105
    assert worker.masking.text("refresh-3") == "*****"


async def test_a_refused_refresh_token_leads_back_to_the_password() -> None:
    """It may have ended; then the first grant is asked for anew."""
    worker = Worker(Provider(refreshes=False), PASSWORD)
    made = await worker.renewed()
    assert made.headers == {"Authorization": "Bearer access-token-3"}
    assert worker.provider.grants == ["password", "refresh_token", "password"]


@pytest.mark.parametrize("endpoint", ["https://8.8.8.8/token", "https://login.example.com/token"])
async def test_the_endpoint_is_discovered_once(endpoint: str) -> None:
    """OpenID Connect Discovery: the answer serves until it is old."""
    worker = Worker(Provider(endpoint), OPENID)
    made = await worker.renewed()
    assert made.headers == {"Authorization": "Bearer access-token-2"}
    assert worker.provider.discovered == 1


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("http://login.example.com/token", "neither on the same host nor https"),
        ("/token", "neither on the same host nor https"),
        (None, "without a `token_endpoint`"),
        (7, "without a `token_endpoint`"),
    ],
)
async def test_an_endpoint_that_the_secret_must_not_go_to_is_refused(
    endpoint: Any, said: str
) -> None:
    """The client's secret is sent there, so it is the same host or TLS; the mend is named."""
    worker = Worker(Provider(endpoint), OPENID)
    with pytest.raises(DocumentInvalid) as caught:
        await worker.sent()
    assert said in caught.value.message
    assert "credentials.openid: client_credentials: {token_url: ...}" in caught.value.message
    assert worker.provider.forms == []


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        ((400, {"error": "invalid_grant", "you": "correct horse"}), "answered 400"),
        ((200, {"accessToken": "a-token-of-another-name"}), "(accessToken)"),
        ((400, {"filler": "x" * 275, "you": "correct horse"}), "answered 400"),
    ],
    ids=["echo", "other-name", "cut"],
)
async def test_what_a_refusal_says_holds_no_secret(refuses: tuple[int, Any], said: str) -> None:
    """Neither a password that is echoed or cut, nor a token of another name."""
    worker = Worker(Provider(refuses=refuses), PASSWORD)
    with pytest.raises(StepFailed) as caught:
        await worker.sent()
    assert said in caught.value.message
    for secret in ("correct", "horse", "a-token-of"):
        assert secret not in caught.value.message


async def test_a_missing_secret_names_scheme_setting_and_place() -> None:
    """All that is needed to mend it stands in the one message."""
    worker = Worker(Provider(), PASSWORD, {})
    with pytest.raises(SecretMissing) as caught:
        await worker.sent()
    error: DurazzoError = caught.value
    for said in ("GET /thing", "`login`", "credentials.login", "DURAZZO_SECRET_ME", "file `me`"):
        assert said in error.message
    assert error.facts == {"secret": "me", "scheme": "login"}


async def test_an_optional_credential_that_is_not_there_is_left_out() -> None:
    """The empty alternative needs no secret."""
    worker = Worker(Provider(), PASSWORD, {})
    worker.call = call(credentials=((PASSWORD,), ()))
    assert (await worker.sent()).headers == {}

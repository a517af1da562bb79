"""Credentials of OpenAPI security schemes, put into a request just before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from activities.certificates import CertifiedClients
from activities.digest import Digests
from activities.tokens import Asking, Tokens, basic
from arazzo.errors import SecretMissing

if TYPE_CHECKING:
    import httpx

    from activities.answers import Answer
    from activities.credentials import SecretStore
    from activities.masking import Masking
    from arazzo.plan import Call, CredentialPlan
    from arazzo.request import Request

BY_TOKEN = ("clientCredentials", "password")


@dataclass
class Authorizer:
    """Puts credentials into requests; one for each worker."""

    client: httpx.AsyncClient
    store: SecretStore
    _digests: Digests = field(default_factory=Digests)
    _certified: CertifiedClients = field(default_factory=CertifiedClients)

    @cached_property
    def tokens(self) -> Tokens:
        """Return the tokens of the worker."""
        return Tokens(self.store)

    async def authorize(
        self, request: Request, call: Call, server: str, masking: Masking
    ) -> Request:
        """Return the request with its credentials, which `masking` learns.

        Raises SecretMissing when the worker has the secrets of no alternative, StepFailed when
        the token endpoint refuses, TransportFailed when it does not answer.
        """
        for one in self._chosen(call):
            if one.kind == "mutualTLS":
                continue  # it is sent by the client's own connections
            masking.learn(self.store.get(name) for name in one.secrets)
            value = await self._value(one, request, call, server, masking)
            if value:
                masking.learn([value])
                request = _with_credential(request, one, value)
        return request

    def client_for(self, call: Call) -> httpx.AsyncClient:
        """Return the client that sends the call: one of its own for each client certificate.

        Raises SecretMissing when there is no such certificate, or it can't be used.
        """
        for one in self._chosen(call):
            if one.kind == "mutualTLS":
                names = [name for name in (one.certificate, one.private_key) if name]
                return self._certified.get(one.scheme, [self.store.get(name) for name in names])
        return self.client

    def may_renew(self, call: Call, request: Request, answer: Answer, server: str) -> bool:
        """Return whether a 401 may end otherwise when the request is authorized anew.

        A token is forgotten, unless there is a newer one; the challenge of a digest is learned.
        """
        found = False
        for one in self._chosen(call):
            if one.kind in BY_TOKEN:
                self.tokens.forget(request.headers.get(one.name, "").removeprefix("Bearer "))
                found = True
            if one.kind == "digest":
                pair = self.store.get(one.secret)
                found |= self._digests.challenge(pair, server, request, answer)
        return found

    async def close(self) -> None:
        """Close the connections of client certificates."""
        await self._certified.close()

    def _chosen(self, call: Call) -> tuple[CredentialPlan, ...]:
        """The first alternative of which the worker has all secrets."""
        missing: list[SecretMissing] = []
        for alternative in call.credentials:
            try:
                for one in alternative:
                    self._expect_secrets(one)
            except SecretMissing as error:
                missing.append(error)
            else:
                return alternative
        if missing:
            raise _missing(call, missing)
        return ()

    def _expect_secrets(self, one: CredentialPlan) -> None:
        for name in one.secrets:
            try:
                self.store.get(name)
            except SecretMissing as error:
                raise SecretMissing(
                    f"for the security scheme `{one.scheme}` (settings.yaml, "
                    f"credentials.{one.scheme}) {error.message}",
                    reason=error.reason,
                    facts={**error.facts, "scheme": one.scheme},
                ) from error

    async def _value(
        self, one: CredentialPlan, request: Request, call: Call, server: str, masking: Masking
    ) -> str:
        if one.kind in BY_TOKEN:
            asking = Asking(self.client_for(call), call, server, masking)
            return f"Bearer {await self.tokens.get(one, _copied(one, request), asking)}"
        secret = self.store.get(one.secret)
        if one.kind == "digest":
            return self._digests.header(secret, server, request)
        if one.kind == "basic":
            return basic(secret)
        return secret if one.kind == "apiKey" else f"Bearer {secret}"


def _copied(one: CredentialPlan, request: Request) -> dict[str, str]:
    given = {name.lower(): value for name, value in request.headers.items()}
    return {
        name: given[source.lower()]
        for name, source in one.headers.items()
        if source.lower() in given
    }


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
    said = "; ".join(dict.fromkeys(error.message for error in missing))
    if len(missing) == 1:
        text = f"{call.method} {call.path} lacks a credential: {said}"
        return SecretMissing(text, reason=missing[0].reason, facts=missing[0].facts)
    schemes = " or ".join(
        " with ".join(f"`{one.scheme}`" for one in alternative) for alternative in call.credentials
    )
    return SecretMissing(
        f"{call.method} {call.path} wants {schemes}, and the worker has the secrets of none: "
        f"{said}",
        reason="secret-missing",
        facts={"secrets": [error.facts.get("secret") for error in missing]},
    )

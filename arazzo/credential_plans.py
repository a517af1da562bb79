"""From a security scheme and its settings to how a credential is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.plan import CredentialPlan

if TYPE_CHECKING:
    from arazzo.openapi import SecurityScheme
    from arazzo.provider import CredentialSettings


def credential_plan(scheme: SecurityScheme, settings: CredentialSettings) -> CredentialPlan:
    """A secret for an oauth2 or openIdConnect scheme is a token that somebody else has got."""
    place = {"scheme": scheme.scheme, "location": scheme.location, "name": scheme.name}
    flow = settings.client_credentials
    if flow is None:
        kind = scheme.kind if scheme.kind in ("basic", "apiKey") else "bearer"
        return CredentialPlan.model_validate({**place, "kind": kind, "secret": settings.secret})
    return CredentialPlan.model_validate(
        {
            **place,
            **flow.model_dump(),
            "kind": "clientCredentials",
            "token_url": flow.token_url or scheme.token_url,
            "scopes": scheme.scopes,
        }
    )

"""From a security scheme and its settings to how a credential is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from arazzo.plan import CredentialPlan

if TYPE_CHECKING:
    from arazzo.openapi import SecurityScheme
    from arazzo.provider import CredentialSettings

BY_SECRET: Final = ("basic", "bearer", "apiKey", "digest")
BY_TOKEN: Final = ("oauth2", "openIdConnect")
SERVED: Final = (*BY_SECRET, *BY_TOKEN, "mutualTLS")
PLACES: Final = ("header", "query", "cookie")


def why_unserved(scheme: SecurityScheme) -> str:
    """Return why no settings could serve a scheme, nothing when some can."""
    if not scheme.kind:
        return "the description declares no scheme of that name"
    if scheme.kind not in SERVED:
        return f"schemes of the kind `{scheme.kind}` are not supported"
    if scheme.kind == "apiKey" and scheme.location not in PLACES:
        return f"an API key goes into header, query or cookie, and not into `{scheme.location}`"
    return ""


def why_unfit(scheme: SecurityScheme, settings: CredentialSettings) -> str:
    """Return why these settings do not serve a scheme, nothing when they do."""
    if settings.certificate or scheme.kind == "mutualTLS":
        fits = settings.certificate and scheme.kind == "mutualTLS"
        return "" if fits else "`certificate` is for a scheme of the type mutualTLS, and only that"
    if settings.secret:
        return ""
    if scheme.kind in ("basic", "digest"):
        return f"a `{scheme.kind}` scheme takes a `secret`, user:password"
    return "" if _endpoint(scheme, settings) else "nothing says where its tokens are: `token_url`"


def credential_plan(scheme: SecurityScheme, settings: CredentialSettings) -> CredentialPlan:
    """Return how a credential is made by settings that fit the scheme (see why_unfit).

    A secret for an oauth2 or openIdConnect scheme is a token that somebody else has got.
    """
    place = {"location": scheme.location, "name": scheme.name} if scheme.location else {}
    made = {"scheme": scheme.scheme, **place, **_way(scheme, settings)}
    return CredentialPlan.model_validate(made)


def _way(scheme: SecurityScheme, settings: CredentialSettings) -> dict[str, Any]:
    if settings.certificate is not None:
        return {"kind": "mutualTLS", **settings.certificate.model_dump(exclude_none=True)}
    flow = settings.client_credentials or settings.password
    if flow is None:
        kind = scheme.kind if scheme.kind in BY_SECRET else "bearer"
        return {"kind": kind, "secret": settings.secret}
    return {
        **flow.model_dump(exclude_none=True),
        "kind": "clientCredentials" if settings.client_credentials else "password",
        "scopes": scheme.scopes,
        **_endpoint(scheme, settings),
    }


def _endpoint(scheme: SecurityScheme, settings: CredentialSettings) -> dict[str, str]:
    """Where the tokens are: by the settings, by the flow, or by discovery."""
    flow = settings.client_credentials or settings.password
    of_flow = scheme.token_url if settings.client_credentials else scheme.password_url
    if url := (flow and flow.token_url) or of_flow:
        return {"token_url": url}
    return {"discovery_url": scheme.discovery_url} if scheme.discovery_url else {}


def settings_example(scheme: SecurityScheme) -> tuple[str, str]:
    """Return what settings.yaml would say of a scheme, and the name of the first secret in it."""
    name = secret_name(scheme.scheme)
    if scheme.kind == "mutualTLS":
        first, said = f"{name}_certificate", f"certificate: {{certificate: {name}_certificate"
        return first, _example(scheme, f"{said}, private_key: {name}_private_key}}")
    if scheme.token_url or scheme.discovery_url:
        first, said = f"{name}_client_id", f"client_credentials: {{client_id: {name}_client_id"
        return first, _example(scheme, f"{said}, client_secret: {name}_client_secret}}")
    if scheme.password_url:
        first, said = f"{name}_username", f"password: {{username: {name}_username"
        return first, _example(scheme, f"{said}, password: {name}_password}}")
    return name, _example(scheme, f"secret: {name}")


def _example(scheme: SecurityScheme, said: str) -> str:
    return f"credentials: {{{scheme.scheme}: {{{said}}}}}"


def secret_name(scheme: str) -> str:
    """Return a name of a secret that is made from the name of a scheme, such as `api_key`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", scheme)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "credential"

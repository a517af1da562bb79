"""Credentials of security schemes in a plan: by what is configured, and by what the step gives."""

from __future__ import annotations

from typing import Any

import pytest
from written import Written, planned, secured

from arazzo.plan import CredentialPlan
from arazzo.provider import ProviderSettings

PARAMETER = "- name: jobId\n      in: path\n      value: $steps.create.outputs.id"
SECRET = {"secret": "jobs"}
PASSWORD = {"password": {"username": "me", "password": "pw", "token_url": "/own"}}
CERTIFICATE = {"certificate": {"certificate": "pem", "private_key": "k"}}
FLOW = {"client_credentials": {"client_id": "id", "client_secret": "s"}}
CREDENTIALS: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "[{key: []}]", {"key": SECRET},
        {"scheme": "key", "kind": "apiKey", "location": "query", "name": "api_key", **SECRET},
    ),
    ("[{basic: []}]", {"basic": SECRET}, {"scheme": "basic", "kind": "basic", **SECRET}),
    ("[{token: []}]", {"token": SECRET}, {"scheme": "token", "kind": "bearer", **SECRET}),
    ("[{oauth: [a]}]", {"oauth": SECRET}, {"scheme": "oauth", "kind": "bearer", **SECRET}),
    (
        "[{oauth: [a]}]", {"oauth": FLOW},
        {
            "scheme": "oauth", "kind": "clientCredentials", **FLOW["client_credentials"],
            "token_url": "/token", "scopes": ("a",),
        },
    ),
    (
        "[{oauth: [a]}]", {"oauth": PASSWORD},
        {"scheme": "oauth", "kind": "password", **PASSWORD["password"], "scopes": ("a",)},
    ),
    (
        "[{openid: [a]}]", {"openid": FLOW},
        {
            "scheme": "openid", "kind": "clientCredentials", **FLOW["client_credentials"],
            "discovery_url": "/.well-known/openid-configuration", "scopes": ("a",),
        },
    ),
    ("[{digest: []}]", {"digest": SECRET}, {"scheme": "digest", "kind": "digest", **SECRET}),
    (
        "[{mutual: []}]", {"mutual": CERTIFICATE},
        {"scheme": "mutual", "kind": "mutualTLS", **CERTIFICATE["certificate"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("requirement", "credentials", "made"),
    CREDENTIALS,
    ids=[f"{one[2]['scheme']} {one[2]['kind']}" for one in CREDENTIALS],
)
def test_credentials(requirement: str, credentials: Any, made: dict[str, Any]) -> None:
    """Where the scheme says, from the secrets that the settings name."""
    plan = planned(openapi=secured(requirement), credentials=credentials)
    assert plan.steps[1].attempt.operation.credentials == ((CredentialPlan(**made),),)


def test_alternatives_of_credentials() -> None:
    """Only those whose schemes are all configured, in the order of the description."""
    openapi = secured("[{key: [], basic: []}, {oauth: []}, {token: []}]")
    plan = planned(openapi=openapi, credentials={"key": SECRET, "token": SECRET, "basic": SECRET})
    kinds = [[one.kind for one in it] for it in plan.steps[1].attempt.operation.credentials]
    assert kinds == [["apiKey", "basic"], ["bearer"]]


@pytest.mark.parametrize("requirement", ["[{key: []}, {}]", "[{}, {key: []}]"])
def test_an_optional_credential_that_is_configured_is_sent_if_it_is_there(
    requirement: str,
) -> None:
    """The order of alternatives says nothing, so the empty one is the last."""
    plan = planned(openapi=secured(requirement), credentials={"key": SECRET})
    (key,), none = plan.steps[1].attempt.operation.credentials
    assert (key.scheme, none) == ("key", ())


@pytest.mark.parametrize("requirement", ["[{}]", "[]"])
def test_an_operation_that_needs_no_credential(requirement: str) -> None:
    """It gets none, though one is configured."""
    plan = planned(openapi=secured(requirement), credentials={"key": SECRET})
    assert plan.steps[1].attempt.operation.credentials == ()


def test_a_credential_that_the_document_gives_wins() -> None:
    """The step's own parameter stands where the scheme's would."""
    extra = "- {name: API_KEY, in: query, value: $inputs.token}"
    plan = planned(
        PARAMETER, f"{PARAMETER}\n    {extra}",
        openapi=secured("[{key: []}]"), credentials={"key": SECRET},
    )  # fmt: skip
    assert plan.steps[1].attempt.operation.credentials == ()


@pytest.mark.parametrize(
    ("scheme", "given", "why"),
    [
        ("basic", FLOW, "a `basic` scheme takes a `secret`, user:password"),
        ("token", FLOW, "nothing says where its tokens are: `token_url`"),
        ("oauth", {"password": {"username": "me", "password": "pw"}}, "nothing says where its"),
        ("key", CERTIFICATE, "`certificate` is for a scheme of the type mutualTLS"),
        ("mutual", SECRET, "`certificate` is for a scheme of the type mutualTLS"),
    ],
    ids=["basic", "bearer", "other flow", "key", "mutual"],
)
def test_settings_that_do_not_fit_their_scheme_are_told(scheme: str, given: Any, why: str) -> None:
    """The alternative is left out, with a warning that says why."""
    settings = ProviderSettings.model_validate({"credentials": {scheme: given}})
    workflow = Written(openapi=secured(f"[{{{scheme}: []}}]"), settings=settings).workflow()
    (found,) = (one for one in workflow.findings if one.code == "unserved-credential")
    assert why in found.message
    assert workflow.plan is not None
    assert workflow.plan.steps[1].attempt.operation.credentials == ()


def test_what_a_combination_wants_beside_the_documents_own_credential_is_sent() -> None:
    """The step gives the key, the settings the certificate."""
    extra = "- {name: API_KEY, in: query, value: $inputs.token}"
    plan = planned(
        PARAMETER, f"{PARAMETER}\n    {extra}",
        openapi=secured("[{token: []}, {key: [], mutual: []}]"),
        credentials={"token": SECRET, "mutual": CERTIFICATE},
    )  # fmt: skip
    kinds = [[one.kind for one in it] for it in plan.steps[1].attempt.operation.credentials]
    assert kinds == [["mutualTLS"]]

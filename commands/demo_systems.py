"""What the demo shows: the systems of the shelf, each with a stand-in, its secrets and its runs.

All secrets here are those that the stand-ins take; they open nothing else.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Run:
    """A run of the demo. `polls` says that it polls, so that processes are killed meanwhile."""

    workflow: str
    inputs: Mapping[str, Any]
    polls: bool = False


@dataclass(frozen=True)
class System:
    """A provider: `sources` are the source descriptions that its stand-in serves.

    `arguments` start the stand-in as a Python module; `base_path` is put behind its address;
    `secrets` are names and values; `once` are operations that must be received just once.
    """

    name: str
    arguments: Sequence[str]
    sources: Sequence[str]
    secrets: Mapping[str, str]
    runs: Sequence[Run]
    once: Sequence[str]
    base_path: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


AMPLITUDE_CREDENTIAL: Final = base64.b64encode(b"demo-api-key:demo-secret-key").decode()
AMPLITUDE_SECRET: Final = {"$secret": "amplitude_basic_auth"}
ORGANISATION_SECRET: Final = {"$secret": "amplitude_org_basic_auth"}

AMPLITUDE: Final = System(
    name="amplitude",
    arguments=("mocks.amplitude", "--export-polls", "2", "--dsar-polls", "2"),
    sources=("behavioralCohortsApi", "dsarApi"),
    secrets={
        "amplitude_basic_auth": AMPLITUDE_CREDENTIAL,
        "amplitude_org_basic_auth": AMPLITUDE_CREDENTIAL,
    },
    runs=(
        Run(
            "upload-and-verify-cohort",
            {"basicAuth": AMPLITUDE_SECRET, "name": "Early adopters", "ids": ["ada", "grace"]},
        ),
        Run(
            "export-cohort-members",
            {"basicAuth": AMPLITUDE_SECRET, "cohortId": "c0ffee1"},
            polls=True,
        ),
        Run(
            "submit-and-poll-dsar",
            {"basicAuth": ORGANISATION_SECRET, "userIds": ["ada"]},
            polls=True,
        ),
    ),
    once=("requestCohortExport", "createDsarRequest", "uploadCohort"),
)

POSTHOG: Final = System(
    name="posthog",
    arguments=("mocks.posthog", "--calculation-polls", "2"),
    sources=("cohortsApi",),
    secrets={"posthog_personal_api_key": "phx_demo"},
    runs=(
        Run(
            "create-dynamic-cohort",
            {
                "projectId": "12345",
                "name": "Paying customers in Germany",
                "filters": {
                    "properties": {
                        "type": "AND",
                        "values": [
                            {"key": "plan", "type": "person", "value": "paid", "operator": "exact"},
                            {
                                "key": "country",
                                "type": "person",
                                "value": "DE",
                                "operator": "exact",
                            },
                        ],
                    }
                },
            },
        ),
        Run("export-cohort-persons", {"projectId": "12345", "cohortId": 101}),
    ),
    once=("cohorts_create",),
)

AMPERITY: Final = System(
    name="amperity",
    arguments=("mocks.amperity", "--run-polls", "1"),
    sources=("workflowsApi",),
    secrets={
        "amperity_client_id": "demo-client",
        "amperity_client_secret": "demo-client-secret",
    },
    runs=(
        Run(
            "run-workflow",
            {"tenant": "acme", "configId": "cg-123ABc4DE", "runMode": "refresh"},
            polls=True,
        ),
    ),
    once=("run-workflow",),
    base_path="/api",
)

SYSTEMS: Final = (AMPLITUDE, POSTHOG, AMPERITY)

"""Which secrets the runs of a plan take, by name, and what each is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from arazzo.inputs import InputsSchema
    from arazzo.plan import Call, CredentialPlan, Plan, StepPlan

KINDS: Final = {
    "clientCredentials": "OAuth2 client credentials",
    "password": "OAuth2 password",
    "mutualTLS": "client certificate",
}
"""What people call the kinds of credentials whose names in a plan say less."""


@dataclass(frozen=True)
class Alternative:
    """Secrets that together are enough; `scheme` says for what, empty for an input."""

    secrets: tuple[str, ...]
    scheme: str = ""


@dataclass(frozen=True)
class Need:
    """A credential of steps, or a secret input; `users` are the stepIds, or the input's name.

    A step of a called workflow has that one's type before it. One of the alternatives is enough;
    there is none when a run may name any secret. Who is not `required` can go without.
    """

    kind: Literal["credential", "input"]
    users: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    required: bool

    def is_met(self, found: Collection[str]) -> bool:
        """Return whether these secrets are enough, as far as that can be known before a start."""
        enough = any(found_all(one, found) for one in self.alternatives)
        return enough or not (self.required and self.alternatives)


def found_all(alternative: Alternative, found: Collection[str]) -> bool:
    """Return whether all secrets of an alternative are among those that were found."""
    return all(name in found for name in alternative.secrets)


def needed_secrets(plan: Plan, schema: InputsSchema) -> tuple[Need, ...]:
    """Return what a run needs: credentials, of called workflows too, and its secret inputs."""
    users: dict[tuple[tuple[Alternative, ...], bool], list[str]] = {}
    for user, call in _calls(plan, ""):
        wanted = tuple(_alternative(one) for one in call.credentials if one)
        if wanted:
            users.setdefault((wanted, all(call.credentials)), []).append(user)
    credentials = (
        Need("credential", tuple(dict.fromkeys(by)), wanted, required)
        for (wanted, required), by in users.items()
    )
    return (*credentials, *_of_inputs(plan, schema))


def names_of(needs: Collection[Need]) -> list[str]:
    """Return the names of all secrets that could serve, each once."""
    alternatives = (one for need in needs for one in need.alternatives)
    return list(dict.fromkeys(name for one in alternatives for name in one.secrets))


def _calls(plan: Plan, prefix: str) -> Iterator[tuple[str, Call]]:
    """Yield the calls of operations with who makes them, those of look-ups among them."""
    for step in plan.steps:
        yield from ((f"{prefix}{step.step_id}", call) for call in _calls_of(step))
    inner = {**plan.workflows, **plan.transfers}
    for kind, sub in inner.items():
        yield from _calls(sub.plan, f"{kind}.")


def _calls_of(step: StepPlan) -> Iterator[Call]:
    if step.attempt.call:
        yield step.attempt.call
    if step.attempt.find_by:
        yield step.attempt.find_by.call


def _alternative(credentials: tuple[CredentialPlan, ...]) -> Alternative:
    schemes = (f"{one.scheme} ({KINDS.get(one.kind, one.kind)})" for one in credentials)
    names = dict.fromkeys(name for one in credentials for name in one.secrets)
    return Alternative(tuple(names), " with ".join(schemes))


def _of_inputs(plan: Plan, schema: InputsSchema) -> Iterator[Need]:
    alternatives = tuple(Alternative((name,)) for name in plan.secrets or ())
    for name in plan.secret_inputs:
        yield Need("input", (name,), alternatives, name in schema.required)

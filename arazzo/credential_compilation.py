"""Which credentials the call of a step gets: by what is configured, and what the step gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from arazzo.credential_plans import credential_plan, settings_example, why_unfit, why_unserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arazzo.openapi import Operation, SecurityScheme
    from arazzo.plan import CredentialPlan
    from arazzo.provider import CredentialSettings


@dataclass(frozen=True)
class CredentialCompiler:
    """Compiles the security requirements of one operation.

    `configured` are settings by the scheme's name; `given` are the parameters that the step gives
    itself, by location and lower-case name; `add` takes code, message and mend of a finding.
    """

    configured: Mapping[str, CredentialSettings]
    given: frozenset[tuple[str | None, str]]
    add: Callable[[str, str, str], None]

    def of(self, operation: Operation) -> tuple[tuple[CredentialPlan, ...], ...]:
        """Return the alternatives that are configured; what the step gives itself is left out.

        An empty alternative is the last, wherever it stands: their order says nothing (OpenAPI
        3.1, Security Requirement Object), and who configures a credential wants it sent.
        """
        wanted = [(schemes, self._given_of(schemes)) for schemes in operation.security]
        by_step = any(own for _, own in wanted)
        alternatives = [
            tuple(self._credential(one) for one in schemes if one not in own)
            for schemes, own in wanted
            if (own if by_step else schemes)
            and all(one in own or self._is_served(one) for one in schemes)
        ]
        optional = by_step or () in operation.security or not operation.security
        if not alternatives and not optional:
            self._no_credential(operation)
        if not any(alternatives):
            return ()
        return (*alternatives, ()) if () in operation.security else tuple(alternatives)

    def _given_of(self, schemes: tuple[SecurityScheme, ...]) -> tuple[SecurityScheme, ...]:
        return tuple(one for one in schemes if (one.location, one.name.lower()) in self.given)

    def _credential(self, scheme: SecurityScheme) -> CredentialPlan:
        return credential_plan(scheme, self.configured[scheme.scheme])

    def _is_served(self, scheme: SecurityScheme) -> bool:
        """Return whether the settings give the credential; say so where they can't."""
        settings = self.configured.get(scheme.scheme)
        if settings is None:
            return False
        why = why_unserved(scheme) or why_unfit(scheme, settings)
        if why:
            self._unserved(scheme, why)
        return not why

    def _unserved(self, scheme: SecurityScheme, why: str) -> None:
        self.add(
            "unserved-credential",
            f"the credential `{scheme.scheme}` can't be made: {why}",
            f"mend it in settings.yaml, credentials.{scheme.scheme}, or in the description; "
            "or give it as a parameter of the step",
        )

    def _no_credential(self, operation: Operation) -> None:
        servable = [one for one in operation.credentials if not why_unserved(one)]
        for one in operation.credentials:
            if one not in servable and one.scheme not in self.configured:
                self._unserved(one, why_unserved(one))
        if not servable:
            return
        schemes = ", ".join(f"`{one.scheme}`" for one in operation.credentials)
        secret, example = settings_example(servable[0])
        self.add(
            "no-credential",
            f"the operation wants a credential ({schemes}) and nothing gives one",
            f"in settings.yaml: `{example}`, with the worker's variable "
            f"DURAZZO_SECRET_{secret.upper()} or a file `{secret}` in DURAZZO_SECRETS_DIR; "
            "or give it as a parameter of the step",
        )

"""From the settings' `find_by` to the look-up that a step does when its write's fate is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from arazzo.call_compilation import CallCompiler
from arazzo.errors import ExpressionError
from arazzo.expression import parse
from arazzo.model import Step
from arazzo.operation_lookup import SOURCE_PREFIX
from arazzo.plan import CriterionPlan, FindPlan
from arazzo.scope import closest

if TYPE_CHECKING:
    from arazzo.collected import Collected
    from arazzo.errors import Severity
    from arazzo.openapi import Operation
    from arazzo.plan import Call
    from arazzo.provider import FindBy
    from arazzo.references import Names
    from arazzo.scope import FoundOperation, Scope
    from arazzo.yaml_text import Path

SUCCESS: Final = "2"
"""The first digit of a status of success."""


@dataclass
class LookUpCompiler:
    """Compiles the look-up of one step, whose `call` is the write; what is wrong is a finding."""

    scope: Scope
    names: Names
    step: Step
    path: Path
    collected: Collected
    secret_inputs: set[str]
    servers: dict[str, dict[str, str]]

    def compile(self, call: Call) -> FindPlan | None:
        """Return the look-up, or None where there is none or it can't be made."""
        settings = self.scope.settings.operations.get(call.operation_id)
        wanted = settings.find_by if settings else None
        if wanted is None:
            return None
        written = self.scope.operations[self.step.step_id]
        if not call.writes or call.idempotency:
            said = "is never used: the operation may be sent again as it is"
            self._refuse(call, said, "leave it out", severity="warning")
            return None
        operation = self._operation(call, wanted, written)
        asked = self._call(call, wanted, operation) if operation else None
        if asked is None or not self._is_expression(call, wanted.result):
            return None
        result = "" if wanted.type == "jsonpath" else wanted.result
        criterion = self._criterion(wanted)
        return FindPlan(
            call=asked,
            criterion=criterion,
            result=result,
            settle=wanted.settle,
            status=_documented_success(written.operation),
        )

    def _operation(self, call: Call, wanted: FindBy, written: FoundOperation) -> Operation | None:
        found = written.description.find(wanted.operation)
        if len(found) == 1:
            return found[0]
        said = f"names no operation of the source `{call.source}`: `{wanted.operation}`"
        self._refuse(call, said, closest(wanted.operation, written.description.operation_ids))
        return None

    def _call(self, call: Call, wanted: FindBy, operation: Operation) -> Call | None:
        """The look-up's call, compiled as if a step made it."""
        places = {one.name: one.location for one in operation.parameters}
        unknown = [name for name in wanted.parameters if name not in places]
        for name in unknown:
            said = f"gives the operation `{wanted.operation}` no parameter of its own: `{name}`"
            self._refuse(call, said, closest(name, list(places)))
        if unknown:
            return None
        step = Step.model_validate(
            {
                "stepId": f"{self.step.step_id}/find_by",
                "operationId": f"{SOURCE_PREFIX}{call.source}.{wanted.operation}",
                "parameters": [
                    {"name": name, "in": places[name], "value": value}
                    for name, value in wanted.parameters.items()
                ],
            }
        )
        made = CallCompiler(
            self.scope, self.names, step, self.path, self.collected, self.secret_inputs,
            self.servers,
        ).compile()  # fmt: skip
        if made is not None and made.writes:
            said = f"looks by an operation that writes itself: `{wanted.operation}`"
            self._refuse(call, said, "name one that only reads")
            return None
        return made

    def _criterion(self, wanted: FindBy) -> CriterionPlan:
        context = "$response.body" if wanted.type == "jsonpath" else None
        made = CriterionPlan(condition=wanted.criterion, type=wanted.type, context=context)
        self.names.check_criterion(made, (*self.scope.path, *self.path), self.collected)
        return made

    def _is_expression(self, call: Call, text: str) -> bool:
        try:
            found = parse(text)
        except ExpressionError as error:
            self._refuse(call, f"has a `result` that can't be read: {error.message}", "")
            return False
        if found.rest.partition("#")[0] == "body" or text.startswith("$response.body"):
            return True
        self._refuse(call, f"has a `result` that is no part of the answer's body: `{text}`", "")
        return False

    def _refuse(self, call: Call, said: str, mend: str, severity: Severity = "error") -> None:
        message = f"settings.yaml: `find_by` of the operation `{call.operation_id}` {said}"
        step_id = self.step.step_id
        self.scope.add(
            "invalid-find-by", message, self.path, mend=mend, severity=severity, step_id=step_id
        )


def _documented_success(operation: Operation) -> int:
    """The first status of success that the description has, for criteria may ask for it."""
    found = sorted(one for one in map(str, operation.responses) if one.startswith(SUCCESS))
    return int(found[0]) if found and found[0].isdecimal() else 200

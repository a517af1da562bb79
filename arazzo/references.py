"""Which names an expression uses, and whether they exist: inputs, steps, outputs, sources.

Everything is known before the first request (DESIGN.md, section 3), so a name that does not
exist is a finding here and never a surprise at run time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from arazzo import criterion, expression, selector, template
from arazzo.deviations import DEVIATIONS
from arazzo.document_constants import has_expressions
from arazzo.errors import ExpressionError
from arazzo.long_names import Declared, as_written, meant
from arazzo.navigation import longest_key, navigate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from arazzo.collected import Collected
    from arazzo.criterion import Criterion as CompiledCriterion
    from arazzo.errors import Finding
    from arazzo.expression import Expression
    from arazzo.inputs import InputsSchema
    from arazzo.plan import CriterionPlan
    from arazzo.yaml_text import Path, YamlText

_AFTER_RESPONSE: Final = frozenset(
    ("statusCode", "response", "request", "url", "method", "body", "inputs", "steps",
     "workflows", "sourceDescriptions", "self", "components")
)  # fmt: skip
_BEFORE_REQUEST: Final = frozenset(
    ("inputs", "steps", "workflows", "sourceDescriptions", "self", "components")
)
_SOURCE_FIELDS: Final = ("name", "url", "type")
_OF_ANSWER: Final = _AFTER_RESPONSE - _BEFORE_REQUEST | {"outputs"}
_NOT_YET: Final = {"outputs": "reading the workflow's own outputs"}


_KINDS: Final = ("inputs", "outputs")
_NAME_END: Final = re.compile(r"[.\[#]")


@dataclass(frozen=True, slots=True)
class CompletedWorkflow:
    """The names of what can be read of another workflow once it is completed."""

    inputs: Collection[str]
    outputs: Collection[str]


@dataclass(frozen=True)
class Names:
    """The names that exist in one workflow, and where findings about them go."""

    source: YamlText
    where: str
    inputs: InputsSchema
    outputs_of: Mapping[str, Collection[str]]
    sources: Collection[str]
    findings: list[Finding]
    called_outputs: Collection[str] | None = None
    """The outputs of the workflow that the step calls, which it may read as `$outputs.name`."""

    message: str = ""
    """`send` or `receive` in a step that does so with a message."""

    has_self: bool = False
    """Whether the document has a `$self`."""

    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The components of the document as they are written, by kind and name."""

    workflows: Mapping[str, CompletedWorkflow] = field(default_factory=dict)
    """The workflows that are completed before a step may read them, by workflowId."""
    undeclared: dict[str, None] = field(default_factory=dict)
    """Inputs that are read, and that the schema allows and does not declare."""

    sealed: dict[str, set[str]] = field(default_factory=dict)
    """Outputs of steps that are secret, by stepId; shared by all steps of the workflow."""

    sealed_of_workflows: dict[str, set[str]] = field(default_factory=dict)
    """The same for outputs of the workflows that are completed before, by workflowId."""
    secret_inputs_of: dict[str, set[str]] = field(default_factory=dict)
    """Inputs of those that are secret, since they are read into a credential here."""

    def seal(self, one: Expression) -> None:
        """Remember that what an expression reads of a step or a workflow is secret."""
        found = expression.references(one)
        if found.root == "steps":
            self._seal_step(found.rest)
        elif found.root == "workflows":
            self._seal_workflow(found.rest)
        elif found.root == "sourceDescriptions":
            self._seal_workflow(found.rest.partition(".")[2])

    def _seal_step(self, rest: str) -> None:
        found = expression.step_reference(rest, self.outputs_of)
        if found is not None:
            step_id, output = found
            names = self.outputs_of[step_id] if output is None else [output]
            self.sealed.setdefault(step_id, set()).update(names)

    def _seal_workflow(self, rest: str) -> None:
        workflow_id = longest_key(rest, self.workflows)
        if workflow_id is None:
            return
        kind, _, name = rest[len(workflow_id) + 1 :].partition(".")
        if kind in _KINDS:
            known = getattr(self.workflows[workflow_id], kind)
            only = longest_key(name, known)
            secret = self.sealed_of_workflows if kind == "outputs" else self.secret_inputs_of
            secret.setdefault(workflow_id, set()).update(known if only is None else [only])

    def check_value(
        self, value: Any, path: Path, collected: Collected, *, after_response: bool
    ) -> None:
        """Check all expressions in a value, at any depth of it."""
        for leaf, leaf_path in _leaves(value, path):
            if isinstance(leaf, dict):
                self._selector(leaf, leaf_path, collected, after_response=after_response)
                continue
            try:
                compiled = template.parse(leaf)
            except ExpressionError as error:
                self._syntax(error, leaf_path, "invalid-expression")
                continue
            written = as_written(leaf, self.source, leaf_path)
            declared = Declared(self.outputs_of, self.inputs.properties)
            self._deviations(meant(compiled, written, declared), written, leaf_path)
            for one in template.expressions(compiled):
                self.check(one, leaf_path, collected, after_response=after_response)

    def _selector(
        self, written: dict[str, Any], path: Path, collected: Collected, *, after_response: bool
    ) -> None:
        """Check a selector object: its context, and its selector by its type."""
        if not self._context(written["context"], (*path, "context"), "invalid-selector"):
            return
        try:
            found = selector.parse(written)
        except ExpressionError as error:
            self._syntax(error, (*path, "selector"), "invalid-selector")
            return
        for one in found.expressions():
            self.check(one, (*path, "context"), collected, after_response=after_response)

    def check_criterion(
        self, plan: CriterionPlan, path: Path, collected: Collected
    ) -> CompiledCriterion | None:
        """Check a criterion and what it reads; None when it can't be read at all."""
        if plan.context and not self._context(plan.context, (*path, "context")):
            return None
        try:
            compiled = criterion.compile(plan.condition, plan.type, plan.version, plan.context)
        except ExpressionError as error:
            self._syntax(error, (*path, "condition"), "invalid-criterion")
            return None
        self._deviations(compiled.deviations, plan.condition, (*path, "condition"))
        for one in compiled.expressions():
            self.check(one, (*path, "condition"), collected, after_response=True)
        return compiled

    def _context(self, text: str, path: Path, code: str = "invalid-criterion") -> bool:
        """Check what a criterion or a selector is over; False when that is no expression."""
        try:
            parsed = expression.parse(text)
        except ExpressionError as error:
            self._syntax(error, path, code)
            return False
        self._deviations(parsed.deviations, text, path)
        return True

    def check(
        self, one: Expression, path: Path, collected: Collected, *, after_response: bool
    ) -> None:
        """Check one expression and gather what it reads."""
        found = expression.references(one)
        reads_message = found.root == "message"
        if reads_message or (self.message == "receive" and found.root in _OF_ANSWER):
            self._of_message(one, path, fits=reads_message and after_response)
        elif found.root == "outputs" and after_response:
            self._output(one, found.rest, path)
        elif found.root in _NOT_YET:
            self._add(
                "unsupported-expression",
                f"`{one.text}`: {_NOT_YET[found.root]} is not supported yet",
                path,
            )
        elif found.root not in (_AFTER_RESPONSE if after_response else _BEFORE_REQUEST):
            self._add(
                "reads-too-early",
                f"`{one.text}` can't be read here: there is no response yet",
                path,
                "keep the value as an output of an earlier step, and read that",
            )
        elif found.root == "inputs":
            self._input(one, found.rest, path, collected)
        elif found.root == "steps":
            self._step(one, found.rest, path, collected)
        elif found.root == "workflows":
            self._workflow(one, found.rest, path, collected)
        else:
            self._constant(one, found.rest, path, collected)

    def _constant(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        """What the document itself holds, where the root is one of those."""
        if one.root == "sourceDescriptions":
            collected.constants.add(one.root)
            self._source(one, rest, path, collected)
        elif one.root == "components":
            self._component(one, rest, path, collected)
        elif one.root == "self":
            collected.constants.add(one.root)
            if not self.has_self:
                said = f"`{one.text}` can't be read: the document has no `$self`"
                self._add("unknown-self", said, path, "give the document a `$self:`")

    def _of_message(self, one: Expression, path: Path, *, fits: bool) -> None:
        """Only a step of AsyncAPI has a message, and one that receives has nothing else."""
        if one.root != "message":
            said = f"`{one.text}` can't be read: a step that receives has no response"
            self._add("response-of-message", said, path, "read `$message.payload`")
        elif not (fits and self.message):
            said = f"`{one.text}` can be read only of what a step sends or receives, once it has"
            mend = "keep the value as an output of that step, and read that"
            self._add("message-outside-step", said, path, mend)

    def _input(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        known = self.inputs.properties
        if not rest:
            collected.inputs.update(dict.fromkeys(known))
            return
        name = expression.input_name(rest, known)
        if name is not None:
            collected.inputs[name] = None
        elif not self.inputs.declares:
            collected.inputs.update(dict.fromkeys(_prefixes(rest)))
        elif self.inputs.is_open and not _is_slip(rest, known):
            self._undeclared(one, rest, path, collected)
        else:
            self._unknown("input", rest, known, path, one)

    def _undeclared(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        """A schema that is not closed allows it: then whoever starts a run must give it."""
        collected.inputs.update(dict.fromkeys(_prefixes(rest)))
        name = _name(rest)
        self.undeclared[name] = None
        said = f"`{one.text}` reads an input that is not declared, so a run must be given it"
        mend = f"declare `{name}` under `inputs: properties:`"
        self._add("undeclared-input", said, path, mend, severity="warning")

    def _step(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        found = expression.step_reference(rest, self.outputs_of)
        if found is not None:
            step_id, output = found
            known = self.outputs_of[step_id]
            names = collected.steps.setdefault(step_id, {})
            names.update(dict.fromkeys(known if output is None else [output]))
            return
        step = next((s for s in self.outputs_of if rest.startswith(f"{s}.")), None)
        if step is None:
            self._unknown("step", rest.split(".", maxsplit=1)[0], self.outputs_of, path, one)
        else:
            name = rest.removeprefix(f"{step}.").removeprefix("outputs.")
            self._unknown(f"output of step `{step}`", name, self.outputs_of[step], path, one)

    def _workflow(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        """`"workflows." workflow-id "." ( "inputs" / "outputs" ) "." name`."""
        workflow_id = longest_key(rest, self.workflows)
        if workflow_id is None:
            name = rest.split(".", maxsplit=1)[0]
            self._unknown("workflow", name, self.workflows, path, one, " that is completed before")
            return
        collected.workflows[workflow_id] = None
        kind, _, name = rest[len(workflow_id) + 1 :].partition(".")
        known = getattr(self.workflows[workflow_id], kind, None) if kind in _KINDS else None
        if known is None:
            self._unknown("workflow-field", kind, _KINDS, path, one)
        elif name and longest_key(name, known) is None:
            self._unknown(f"{kind[:-1]} of workflow `{workflow_id}`", name, known, path, one)

    def _output(self, one: Expression, rest: str, path: Path) -> None:
        """Of the workflow that the step calls; of an operation the body is meant (dialect, O29)."""
        known = self.called_outputs
        if known is None:
            said = (
                f"`{one.text}` is read from the body of the response: an operation has no outputs"
            )
            mend = "write `$response.body#/NAME`"
            self._add("outputs-of-operation", said, path, mend, severity="warning")
        elif rest and longest_key(rest, known) is None:
            self._unknown("output", rest, known, path, one)

    def _source(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        _, _, of_workflow = rest.partition(".")
        if longest_key(of_workflow, self.workflows) not in (None, of_workflow):
            self._workflow(one, of_workflow, path, collected)
            return
        if not any(rest == name or rest.startswith(f"{name}.") for name in self.sources):
            self._unknown(
                "source description", rest.split(".", maxsplit=1)[0], self.sources, path, one
            )
        elif not any(rest == f"{name}.{it}" for name in self.sources for it in _SOURCE_FIELDS):
            field_name = rest.rpartition(".")[2]
            self._unknown("source description's field", field_name, _SOURCE_FIELDS, path, one)

    def _component(self, one: Expression, rest: str, path: Path, collected: Collected) -> None:
        """`"components." component-type "." component-name`: data, as it is written."""
        known = [f"{kind}.{name}" for kind, named in self.components.items() for name in named]
        found = longest_key(rest, known)
        if found is None:
            self._unknown("component", rest, known, path, one)
            return
        collected.constants.add(f"{one.root}.{found}")
        if rest == found or has_expressions(navigate(self.components, rest)):
            said = f"`{one.text}` is the component as it is written: it is not applied or evaluated"
            mend = "to apply it write `reference:`; to read its value name that, as in `NAME.value`"
            self._add("component-as-written", said, path, mend, severity="warning")

    def _unknown(
        self,
        kind: str,
        name: str,
        known: Collection[str],
        path: Path,
        one: Expression,
        which: str = " that exists",
    ) -> None:
        close = get_close_matches(name, known, n=1)
        code = f"unknown-{kind.split(maxsplit=1)[0]}"
        told = ", ".join(f"`{other}`" for other in known) or "none"
        mend = f"did you mean `{close[0]}`?" if close else f"there are: {told}"
        self._add(code, f"`{one.text}` names no {kind}{which}", path, mend)

    def _syntax(self, error: ExpressionError, path: Path, code: str) -> None:
        self.findings.append(
            self.source.finding(
                code if error.reason == "syntax" else error.reason,
                error.message,
                path,
                where=self.where,
                offset=error.offset,
            )
        )

    def _deviations(self, codes: Collection[str], text: str, path: Path) -> None:
        line = " ".join(text.split())
        shown = line if len(line) < SHOWN else line[:SHOWN] + "…"
        for code in codes:
            said, mend = DEVIATIONS.get(code, ("is not written as the standard has it", ""))
            self.findings.append(
                self.source.finding(
                    code, f"`{shown}` {said}", path, severity="warning", where=self.where, mend=mend
                )
            )

    def _add(self, code: str, message: str, path: Path, mend: str = "", **more: Any) -> None:
        found = self.source.finding(code, message, path, where=self.where, mend=mend, **more)
        self.findings.append(found)


SHOWN: Final = 120
SLIP: Final = 0.85
"""So like each other are `nam` and `name`, and not `user` and `username`."""


def _name(rest: str) -> str:
    return _NAME_END.split(rest, maxsplit=1)[0]


def _is_slip(rest: str, known: Collection[str]) -> bool:
    """Return whether a name is so like a known one that it must be meant."""
    name, names = _name(rest).lower(), [one.lower() for one in known]
    return bool(get_close_matches(name, names, n=1, cutoff=SLIP))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Any, Path]]:
    """Yield the texts and the selector objects in a value, and where the document has them."""
    written = selector.written(value)
    if isinstance(value, str) or written is not None:
        yield written or value, path
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, index))


def _prefixes(rest: str) -> Iterator[str]:
    """All names that the text may begin with, where no schema tells which one is meant."""
    yield rest
    for index, character in enumerate(rest):
        if character in ".[#" and index:
            yield rest[:index]

"""The names that a part of a step reads: inputs, outputs of steps, workflows, constants."""

from __future__ import annotations

from dataclasses import dataclass, field

from arazzo.plan import Reads


@dataclass
class Collected:
    """The names that a part of a step reads, gathered while it is checked."""

    inputs: dict[str, None] = field(default_factory=dict)
    steps: dict[str, dict[str, None]] = field(default_factory=dict)
    workflows: dict[str, None] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    """What is read of the document itself (see document_constants.py)."""

    def reads(self) -> Reads:
        """Return what was gathered, as a part of the plan."""
        return Reads(
            inputs=tuple(self.inputs),
            steps={step_id: tuple(names) for step_id, names in self.steps.items()},
            workflows=tuple(self.workflows),
        )

    def joined(self, other: Collected) -> Collected:
        """Return the names of both."""
        both = Collected(dict(self.inputs), {key: dict(value) for key, value in self.steps.items()})
        both.inputs.update(other.inputs)
        both.workflows.update({**self.workflows, **other.workflows})
        for step_id, names in other.steps.items():
            both.steps.setdefault(step_id, {}).update(names)
        return both

"""Names in a folder's settings that mean nothing there: a typing mistake must not go unseen.

A wrong name under `operations` would let a write be sent twice, so this is more than advice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arazzo.scope import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from arazzo.compilation import CompiledDocument
    from arazzo.errors import Finding
    from arazzo.provider import ProviderSettings
    from arazzo.scope import Sources
    from arazzo.yaml_text import Path, YamlText


@dataclass
class KnownNames:
    """The names that the documents of a folder, and their sources, have."""

    sources: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    schemes: set[str] = field(default_factory=set)
    steps: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, document: CompiledDocument, sources: Sources) -> None:
        """Learn the names of one document."""
        self.sources.update(sources.openapi, sources.arazzo, sources.problems)
        for description in sources.openapi.values():
            found = [one for path in description.paths for one in description.at(path).values()]
            self.operations.update(one.operation_id for one in found)
            self.schemes.update(scheme.scheme for one in found for scheme in one.credentials)
        for one in document.workflows:
            step_ids = {step.step_id for step in one.workflow.steps}
            self.steps.setdefault(one.workflow.workflow_id, set()).update(step_ids)


def unknown_names(
    source: YamlText, settings: ProviderSettings, known: KnownNames
) -> Iterator[Finding]:
    """Yield a warning for each name that no document of the folder has."""
    for path, kind, name, names in _used(settings, known):
        if name not in names:
            yield source.finding(
                "unknown-setting-name",
                f"no document of this folder has {kind} `{name}`, so this setting does nothing",
                path,
                severity="warning",
                mend=closest(name, sorted(names)),
            )


def _used(
    settings: ProviderSettings, known: KnownNames
) -> Iterator[tuple[Path, str, str, Iterable[str]]]:
    for field_name, kind, names in (
        ("servers", "a source", known.sources),
        ("server_variables", "a source", known.sources),
        ("sources", "a source", known.sources),
        ("operations", "an operation", known.operations),
        ("credentials", "a security scheme", known.schemes),
    ):
        for name in getattr(settings, field_name):
            yield (field_name, name), kind, name, names
    for index, limit in enumerate(settings.limits):
        for place, name in enumerate(limit.operations):
            yield ("limits", index, "operations", place), "an operation", name, known.operations
    for workflow_id, paced in settings.polling.workflows.items():
        path: Path = ("polling", "workflows", workflow_id)
        yield path, "a workflow", workflow_id, known.steps
        for step_id in paced.steps if workflow_id in known.steps else ():
            yield (*path, "steps", step_id), "a step", step_id, known.steps[workflow_id]
    for workflow_id, steps in settings.collect.items():
        path = ("collect", workflow_id)
        yield path, "a workflow", workflow_id, known.steps
        for step_id in steps if workflow_id in known.steps else ():
            yield (*path, step_id), "a step", step_id, known.steps[workflow_id]

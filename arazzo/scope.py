"""What the compilation of one workflow shares: its document, its settings and its findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from arazzo import model
    from arazzo.asyncapi import AsyncApiDescription
    from arazzo.compilation import CompiledDocument, CompiledWorkflow
    from arazzo.errors import Finding, Severity
    from arazzo.openapi import OpenApiDescription, Operation
    from arazzo.provider import ProviderSettings
    from arazzo.yaml_text import Path, YamlText


@dataclass(frozen=True, slots=True)
class Defaults:
    """The worker's own numbers, used where a folder's settings say nothing. Times in seconds."""

    connect_timeout: float = 10.0
    total_timeout: float = 60.0
    read_timeout: float = 0.0
    write_timeout: float = 0.0
    pool_timeout: float = 0.0
    activity_margin: float = 30.0
    transient_attempts: int = 6
    transient_first: float = 1.0
    transient_longest: float = 60.0
    transient_within: float = 0.0
    transport_attempts: int = 5
    transport_first: float = 1.0
    transport_longest: float = 30.0
    transport_within: float = 0.0
    retry_after_ceiling: float = 3600.0
    largest_response: int = 10 * 1024 * 1024
    largest_download: int = 50 * 1024**3
    transfer_timeout: float = 21600.0
    heartbeat: float = 30.0
    visit_budget: int = 100_000


@dataclass
class Sources:
    """The source descriptions of a document: what was found, and why something was not."""

    openapi: dict[str, OpenApiDescription] = field(default_factory=dict)
    asyncapi: dict[str, AsyncApiDescription] = field(default_factory=dict)
    arazzo: dict[str, CompiledDocument] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    mistyped: dict[str, str] = field(default_factory=dict)
    """What the file of a source really is, where the document says something else."""


@dataclass(frozen=True, slots=True)
class FoundOperation:
    """An operation, and the description that it stands in."""

    description: OpenApiDescription
    operation: Operation


@dataclass
class Scope:
    """One workflow while it is compiled; `path` leads to it from the document's root.

    `compiled` returns another workflow of the document by its workflowId, compiled as well, and
    None while that one is being compiled itself: then it is on the way to calling itself.
    """

    source: YamlText
    document: model.Document
    workflow: model.Workflow
    path: Path
    sources: Sources
    settings: ProviderSettings
    defaults: Defaults
    compiled: Callable[[str], CompiledWorkflow | None]
    findings: list[Finding] = field(default_factory=list)
    operations: dict[str, FoundOperation] = field(default_factory=dict)
    """The operation of each step that calls one, by stepId."""

    @property
    def urls(self) -> dict[str, str]:
        """Return the URLs of the source descriptions as written, by name."""
        return {one.name: one.url for one in self.document.source_descriptions}

    @property
    def where(self) -> str:
        """Return the workflow's name, as findings tell it."""
        return f"workflow {self.workflow.workflow_id}"

    def add(
        self,
        code: str,
        message: str,
        path: Path,
        *,
        mend: str = "",
        severity: Severity = "error",
        step_id: str = "",
    ) -> None:
        """Add a finding at a path below this workflow."""
        where = f"{self.where}, step {step_id}" if step_id else self.where
        self.findings.append(
            self.source.finding(
                code, message, (*self.path, *path), severity=severity, where=where, mend=mend
            )
        )

    def unsupported(self, what: str, path: Path, step_id: str = "") -> None:
        """Refuse a feature of Arazzo or OpenAPI by name."""
        self.add("unsupported", f"{what} is not supported yet", path, step_id=step_id)


def closest(name: str, known: Collection[str]) -> str:
    """Return a mend that offers the closest known names, or all of them."""
    close = get_close_matches(name, known, n=3)
    if close:
        return "did you mean " + " or ".join(f"`{one}`" for one in close) + "?"
    shown = ", ".join(f"`{one}`" for one in list(known)[:20])
    return f"there are: {shown}" if known else "there are none"

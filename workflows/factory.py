"""One class per Arazzo workflow, and one dynamic class for runs whose document is gone.

Each class needs its own `run` function, in a module, without `<locals>` in its qualified name.
`sandboxed=False`: what runs here is deterministic by construction, and 200 times cheaper.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.common import RawValue

from workflows.run import ArazzoRun

if TYPE_CHECKING:
    from collections.abc import Iterable


def class_name(workflow_type: str) -> str:
    """Return the name of a workflow's class: `export-cohort-members` is ExportCohortMembers."""
    words = [word for word in re.split(r"[^0-9A-Za-z]+", workflow_type) if word]
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Workflow"
    return name if name[:1].isalpha() else f"Workflow{name}"


def make_class(workflow_type: str, module: str = __name__) -> type[ArazzoRun]:
    """Return the workflow class of that type."""
    name = class_name(workflow_type)

    async def run(
        self: ArazzoRun, inputs: Any = None, options: Any = None, carried: Any = None
    ) -> dict[str, Any]:
        return await self.execute(inputs, options, carried)

    run.__module__, run.__qualname__ = module, f"{name}.run"
    run.__annotations__ = {
        "inputs": Any, "options": Any, "carried": Any, "return": dict[str, Any]
    }  # fmt: skip
    made = type(
        name,
        (ArazzoRun,),
        {"__module__": module, "__qualname__": name, "run": workflow.run(run)},
    )
    return workflow.defn(name=workflow_type, sandboxed=False)(made)


def make_classes(workflow_types: Iterable[str]) -> list[type[ArazzoRun]]:
    """Return the classes of all types, in their order."""
    return [make_class(workflow_type) for workflow_type in workflow_types]


@workflow.defn(dynamic=True, sandboxed=False)
class AnyArazzoWorkflow(ArazzoRun):
    """Serves runs whose document is gone; a start of an unknown type fails with closest names."""

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """Read up to three arguments, as the named classes have them."""
        converter = workflow.payload_converter()
        given = [converter.from_payload(one.payload) for one in args[:3]]
        inputs, options, carried = [*given, None, None, None][:3]
        return await self.execute(inputs, options, carried)

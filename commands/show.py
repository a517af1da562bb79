"""`durazzo show`: one workflow, as somebody who wants to run it needs to know it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from commands.documents import find_runnable
from commands.failures import print_json, reported
from commands.flow_diagram import flow_diagram
from commands.options import AsJson, Documents

if TYPE_CHECKING:
    from arazzo.compilation import CompiledWorkflow
    from arazzo.plan import Plan
    from catalogue import Entry

app = typer.Typer(add_completion=False)


@app.command()
def show(
    workflow: Annotated[str, typer.Argument(help="The workflow to show.")],
    documents: Documents = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Only the diagram.")] = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Show a workflow: inputs, steps, outputs, and a diagram of its flow."""
    with reported(as_json=as_json):
        entry = find_runnable(documents, workflow)
        plan = entry.compiled.plan
        if plan is None:
            return  # runnable has raised
        if mermaid:
            print(flow_diagram(plan))
        elif as_json:
            print_json(as_object(entry, plan))
        else:
            _print(entry, plan)


def inputs_of(compiled: CompiledWorkflow, plan: Plan) -> list[dict[str, Any]]:
    """Return the inputs: name, type, whether required or secret, default, enum, description."""
    return [
        {
            "name": name,
            "type": _type_of(schema),
            "required": name in compiled.schema.required,
            "secret": name in plan.secret_inputs,
            **{key: schema[key] for key in ("default", "enum", "description") if key in schema},
        }
        for name, schema in compiled.schema.properties.items()
    ]


def _type_of(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "any")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    items = schema.get("items")
    return f"{text} of {_type_of(items)}" if text == "array" and isinstance(items, dict) else text


def as_object(entry: Entry, plan: Plan) -> dict[str, Any]:
    """Return the workflow as JSON."""
    return {
        "workflow": entry.compiled.workflow_type,
        "summary": entry.compiled.workflow.summary,
        "description": entry.compiled.workflow.description,
        "document": entry.document.file,
        "inputs": inputs_of(entry.compiled, plan),
        "steps": [
            {
                "step": step.step_id,
                "operation": step.called,
                "request": step.request_line,
                "source": step.attempt.call.source if step.attempt.call else None,
                "server": (step.attempt.call.server or None) if step.attempt.call else None,
                "polling": step.polling.model_dump(),
            }
            for step in plan.steps
        ],
        "servers": {name: dict(choices) for name, choices in entry.compiled.servers.items()},
        "outputs": plan.outputs,
        "diagram": flow_diagram(plan),
        "findings": [str(one) for one in entry.compiled.findings],
    }


def _print(entry: Entry, plan: Plan) -> None:
    console = Console(highlight=False)
    workflow = entry.compiled.workflow
    name, file = entry.compiled.workflow_type, entry.document.file
    console.print(Text(name, style="bold"), Text(f" {file}", style="dim"))
    for text in (workflow.summary, workflow.description):
        if text:
            console.print(f"\n{text.strip()}", markup=False)
    console.print(_inputs_table(entry.compiled, plan))
    console.print(_steps_table(plan))
    _print_servers(console, entry.compiled, plan)
    console.print("\n[bold]outputs[/bold]")
    for name, value in plan.outputs.items():
        console.print(f"  {name} = {value}", markup=False)
    console.print("\n[bold]flow[/bold] (Mermaid)")
    console.print(flow_diagram(plan), markup=False, soft_wrap=True)
    for finding in entry.compiled.findings:
        console.print(f"\n{finding}", markup=False)


def _inputs_table(compiled: CompiledWorkflow, plan: Plan) -> Table:
    table = Table(title="inputs", title_justify="left", title_style="bold", box=None)
    for column in ("name", "type", "given by"):
        table.add_column(column, no_wrap=True)
    table.add_column("what it is")
    for one in inputs_of(compiled, plan):
        way = f"--secret {one['name']}=NAME" if one["secret"] else f"--input {one['name']}=…"
        notes = ["required" if one["required"] else "optional"]
        notes += [f"default {json.dumps(one['default'])}"] if "default" in one else []
        notes += [f"one of {json.dumps(one['enum'])}"] if "enum" in one else []
        told = f"({', '.join(notes)}) {one.get('description', '')}"
        table.add_row(*(Text(cell) for cell in (one["name"], one["type"], way, told)))
    return table


def _steps_table(plan: Plan) -> Table:
    table = Table(title="\nsteps", title_justify="left", title_style="bold", box=None)
    table.add_column("step", no_wrap=True)
    for column in ("operation", "request", "actions"):
        table.add_column(column, overflow="fold")
    for step in plan.steps:
        actions = [
            f"{action.name}: {action.type} {action.target or ''}".strip()
            for action in (*step.attempt.on_success, *step.attempt.on_failure)
        ]
        cells = (step.step_id, step.called, step.request_line, "\n".join(actions))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _print_servers(console: Console, compiled: CompiledWorkflow, plan: Plan) -> None:
    """Tell those of each source, and of each step whose operation has one of its own."""
    console.print("\n[bold]servers[/bold]")
    calls = {step.step_id: step.attempt.call for step in plan.steps if step.attempt.call}
    served = {call.source for call in calls.values()} - {
        call.source for call in calls.values() if not call.server
    }
    for source, choices in compiled.servers.items():
        told = ", ".join(f"{name} ({url})" for name, url in choices.items())
        wanted = f"none; start the worker with --server {source}=URL"
        if told or source not in served:
            console.print(f"  {source}: {told or wanted}", markup=False)
    for step_id, call in calls.items():
        if call.server:
            console.print(f"  {call.source}, step {step_id}: {call.server}", markup=False)


if __name__ == "__main__":
    app()

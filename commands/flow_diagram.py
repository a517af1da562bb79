"""The flow of a workflow as a Mermaid diagram: steps, actions, and loops as polls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arazzo.transition import leads_back

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arazzo.plan import ActionPlan, Plan, StepPlan


def flow_diagram(plan: Plan) -> str:
    """Return a Mermaid `flowchart TD`; a dotted arrow that leads back is a poll."""
    lines = ["flowchart TD", "    start([start])"]
    names = {step.step_id: f"s{index}" for index, step in enumerate(plan.steps)}
    for step in plan.steps:
        label = f"{step.step_id}<br/>{step.called}<br/>{step.request_line}"
        lines.append(f'    {names[step.step_id]}["{_quoted(label)}"]')
    lines += ["    done([completed])", "    failed([failed])"]
    lines.append(f"    start --> {names[plan.steps[0].step_id]}")
    for index, step in enumerate(plan.steps):
        lines += [f"    {line}" for line in dict.fromkeys(_edges(plan, step, index, names))]
    return "\n".join(lines)


def _edges(plan: Plan, step: StepPlan, index: int, names: dict[str, str]) -> Iterator[str]:
    here = names[step.step_id]
    for action in step.attempt.on_success:
        yield _edge(here, action, plan, index, names, success=True)
    ways = [leads_back(plan, step, action) for action in step.attempt.on_success]
    if any(ways) and not all(ways):
        yield f'{here} -. "any other state" .-> failed'
    elif not any(not action.criteria for action in step.attempt.on_success):
        following = plan.steps[index + 1].step_id if index + 1 < len(plan.steps) else None
        yield f"{here} --> {names[following] if following else 'done'}"
    for action in step.attempt.on_failure:
        yield _edge(here, action, plan, index, names, success=False)
    if all(action.criteria for action in step.attempt.on_failure):
        yield f'{here} -. "failure" .-> failed'


def _edge(
    here: str,
    action: ActionPlan,
    plan: Plan,
    index: int,
    names: dict[str, str],
    *,
    success: bool,
) -> str:
    name = _quoted(action.name)
    match action.type:
        case "end":
            return f'{here} -- "{name}" --> {"done" if success else "failed"}'
        case "retry":
            return f'{here} -. "{name}: {"poll" if success else "retry"}" .-> {here}'
        case "goto":
            target = action.target or plan.steps[index].step_id
            if plan.index(target) <= index:
                return f'{here} -. "{name}: poll" .-> {names[target]}'
            return f'{here} -- "{name}" --> {names[target]}'


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;").replace("<script", "#lt;script")

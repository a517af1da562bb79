"""Every flow of the language, run by `try` and by Temporal: the same requests, the same end.

The reason for the length: one table with a row for each flow.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from scripted import Asked, Service, scripted_house
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError

from catalogue import load_catalogue, worker_defaults
from mocks.serving import serving
from rehearsal import try_entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from temporalio.client import Client

    from settings import Settings

HEAD = """
arazzo: 1.1.0
$self: urn:flows
info: {title: Flows, version: 1.0.0}
sourceDescriptions:
  - {name: api, url: api.yaml, type: openapi}
  - {name: others, url: others.arazzo.yaml, type: arazzo}
workflows:
"""
API = """
openapi: 3.1.0
info: {title: Things, version: 1.0.0}
paths:
  /{name}:
    post:
      operationId: touch
      parameters: [{name: name, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
    get:
      operationId: look
      parameters: [{name: name, in: path, required: true, schema: {type: string}}]
      responses: {'200': {description: ok}}
"""
OTHERS = """
arazzo: 1.0.1
info: {title: Others, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: elsewhere
    inputs: {type: object, properties: {what: {type: string, default: nothing}}}
    steps:
      - stepId: touch
        operationId: touch
        parameters: [{name: name, in: path, value: 'elsewhere-{$inputs.what}'}]
        outputs: {answer: $response.body#/answer}
    outputs: {answer: $steps.touch.outputs.answer}
"""


def touching(step: str, name: str, more: str = "") -> str:
    """Return a step that touches a thing, and what else is to be said of it."""
    return f"""
      - stepId: {step}
        operationId: touch
        parameters: [{{name: name, in: path, value: '{name}'}}]
        outputs: {{answer: $response.body#/answer}}
{more}"""


@dataclass(frozen=True)
class Case:
    """A document, what is answered, and what must come of it."""

    workflows: str
    outputs: dict[str, Any] | None
    paths: list[str]
    error: str = ""
    said: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    """Statuses by path, the last one for ever; 200 for all others."""
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds before an answer, by path."""
    headers: dict[str, str] = field(default_factory=dict)


def flow(steps: str, outputs: str = "{}", more: str = "") -> str:
    """Return the workflow `main`."""
    return f"""
  - workflowId: main
    inputs: {{type: object, properties: {{what: {{type: string}}}}}}
    outputs: {outputs}
{more}    steps:{steps}"""


def other(name: str, steps: str, outputs: str = "{}") -> str:
    """Return another workflow."""
    return f"""
  - workflowId: {name}
    inputs: {{type: object, properties: {{what: {{type: string, default: nothing}}}}}}
    outputs: {outputs}
    steps:{steps}"""


GOTO_C = "        onSuccess: [{name: over, type: goto, stepId: c}]\n"
END = "        onSuccess: [{name: done, type: end}]\n"
FAILS = "        onFailure: [{name: give-up, type: end}]\n"
TRANSFER = "        onSuccess: [{name: over, type: goto, workflowId: second}]\n"
BY_STEP = "        onFailure: [{name: again, type: retry, stepId: mend, retryLimit: 2}]\n"
BY_WORKFLOW = "        onFailure: [{name: again, type: retry, workflowId: second, retryLimit: 2}]\n"

HANDING = """        onSuccess:
        - name: over
          {}
          workflowId: second
          parameters:
          - {{name: what, value: 'not {{$inputs.what}} but {{$steps.a.outputs.answer}}'}}
"""
ANSWER = "{answer: $steps.x.outputs.answer}"
SELECTED = (
    "{all: $response.body, answer: {context: $response.body, selector: $.answer, type: jsonpath}}"
)
ALL = "{all: $response.body}"
THINGS = [{"n": 1, "name": "one"}, {"n": 2, "name": "two"}]
NAMES = """
      answer: $steps.x.outputs.all.answer
      names: {context: $steps.x.outputs.all, selector: '$.things[*].name', type: jsonpath}
      none: $steps.x.outputs.all.things[?@.gone]"""
OF_A = "{context: $steps.a.outputs.all, selector: /answer, type: jsonpointer}"
OF_SECOND = "$workflows.second.steps.x"
OF_OTHERS = "$sourceDescriptions.others.elsewhere.steps.touch"
WHEN_OK = "criteria: [{condition: $statusCode == 200}]"
SLOW = 6.5
"""Seconds of an answer that comes too late for a step with a timeout of 5 s. A worker without a
cache may lose 3 s of these before it sends at all (see QUICK_QUEUES)."""


LOOK = """
      - stepId: look
        operationId: look
        timeout: {}
        parameters: [{{name: name, in: path, value: slow}}]
"""

REPLACED = """
      - stepId: a
        operationId: touch
        parameters: [{name: name, in: path, value: a}]
        requestBody:
          contentType: application/json
          payload: {name: old, sizes: [1, 2]}
          replacements:
            - {target: /name, value: $inputs.what}
            - {target: '$.sizes[1]', targetSelectorType: jsonpath, value: 7}
        outputs: {sent: $request.body}
"""

CASES = {
    "replacements": Case(
        flow(REPLACED, "{sent: $steps.a.outputs.sent}"),
        {"sent": {"name": "new", "sizes": [1, 7]}},
        ["/a"],
        inputs={"what": "new"},
    ),
    "goto": Case(
        flow(touching("a", "a", GOTO_C) + touching("b", "b") + touching("c", "c")),
        {},
        ["/a", "/c"],
    ),
    "end": Case(flow(touching("a", "a", END) + touching("b", "b")), {}, ["/a"]),
    "end-after-failure": Case(
        flow(touching("a", "a") + touching("b", "b", FAILS)),
        None,
        ["/a", "/b"],
        error="StepFailed",
        said="the document ends the run there",
        answers={"/b": [404]},
    ),
    "retry-by-way-of-a-step": Case(
        flow(
            touching("a", "a", BY_STEP + END) + touching("mend", "mend"),
            "{mended: $steps.mend.outputs.answer}",
        ),
        {"mended": "mend"},
        ["/a", "/mend", "/a"],
        answers={"/a": [401, 200]},
    ),
    "retry-by-way-of-the-step-itself": Case(
        flow(touching("a", "a", BY_STEP.replace("mend", "a")), "{a: $steps.a.outputs.answer}"),
        {"a": "a"},
        ["/a", "/a"],
        answers={"/a": [401, 200]},
    ),
    "retry-by-way-of-a-step-that-fails": Case(
        flow(touching("a", "a", BY_STEP) + touching("mend", "mend")),
        None,
        ["/a", "/mend"],
        error="StepFailed",
        said="step `mend` failed",
        answers={"/a": [401], "/mend": [403]},
    ),
    "retry-by-way-of-a-workflow": Case(
        flow(touching("a", "a", BY_WORKFLOW))
        + other("second", touching("x", "second-{$inputs.what}")),
        {},
        ["/a", "/second-it", "/a", "/second-it", "/a"],
        inputs={"what": "it"},
        answers={"/a": [401, 401, 200]},
    ),
    "transfer": Case(
        flow(touching("a", "a", TRANSFER) + touching("b", "b"), "{never: $steps.a.outputs.answer}")
        + other(
            "second", touching("x", "second-{$inputs.what}"), "{answer: $steps.x.outputs.answer}"
        ),
        {"answer": "second-it"},
        ["/a", "/second-it"],
        inputs={"what": "it"},
    ),
    "transfer-to-another-document": Case(
        flow(
            touching(
                "a",
                "a",
                TRANSFER.replace("second", "$sourceDescriptions.others.elsewhere"),
            )
        ),
        {"answer": "elsewhere-nothing"},
        ["/a", "/elsewhere-nothing"],
    ),
    "sub-workflow-of-another-document": Case(
        flow(
            """
      - stepId: a
        workflowId: $sourceDescriptions.others.elsewhere
        parameters: [{name: what, value: $inputs.what}]""",
            "{answer: $steps.a.outputs.answer, same: $workflows.elsewhere.outputs.answer}",
        ),
        {"answer": "elsewhere-it", "same": "elsewhere-it"},
        ["/elsewhere-it"],
        inputs={"what": "it"},
    ),
    "depends-on": Case(
        flow(
            touching("a", "a-{$workflows.second.outputs.answer}"),
            "{first: $workflows.second.outputs.answer, of: $workflows.second.inputs.what}",
            "    dependsOn: [second, $sourceDescriptions.others.elsewhere]\n",
        )
        + other("second", touching("x", "second"), "{answer: $steps.x.outputs.answer}"),
        {"first": "second", "of": "it"},
        ["/second", "/elsewhere-it", "/a-second"],
        inputs={"what": "it"},
    ),
    "depends-on-what-fails": Case(
        flow(touching("a", "a"), more="    dependsOn: [second]\n")
        + other("second", touching("x", "second")),
        None,
        ["/second"],
        error="StepFailed",
        said="the workflow `second`, which this one depends on, failed: step `x` failed",
        answers={"/second": [404]},
    ),
    "transfer-with-parameters": Case(
        flow(touching("a", "a", HANDING.format("type: goto")))
        + other("second", touching("x", "second-{$inputs.what}"), ANSWER),
        {"answer": "second-not it but a"},
        ["/a", "/second-not it but a"],
        inputs={"what": "it"},
    ),
    "retry-by-way-of-a-workflow-with-parameters": Case(
        flow(
            touching("b", "b")
            + touching("a", "a", HANDING.format("type: retry").replace("Success", "Failure"))
        ).replace("but {$steps.a.", "but {$steps.b.")
        + other("second", touching("x", "second-{$inputs.what}")),
        {},
        ["/b", "/a", "/second-not it but b", "/a"],
        inputs={"what": "it"},
        answers={"/a": [401, 200]},
    ),
    "selectors": Case(
        flow(
            touching("a", "a").replace("{answer: $response.body#/answer}", SELECTED)
            + touching("b", "b").replace("'b'", OF_A),
            "{answer: {context: $steps.b.outputs.answer, selector: '', type: jsonpointer}}",
        ),
        {"answer": "a"},
        ["/a", "/a"],
    ),
    "queries-in-outputs-and-inputs": Case(
        flow(
            touching("a", "a").replace("{answer: $response.body#/answer}", ALL)
            + """
      - stepId: b
        workflowId: second
        parameters: [{name: what, value: '$steps.a.outputs.all.things[?@.n == 2].name'}]
"""
            + touching("c", "c", HANDING.format("type: goto")).replace(
                "not {$inputs.what} but {$steps.a.outputs.answer}",
                "all {$steps.a.outputs.all..name}",
            ),
        )
        + other(
            "second",
            touching("x", "x {$inputs.what}").replace("{answer: $response.body#/answer}", ALL),
            NAMES,
        ),
        {"answer": 'x all ["one","two"]', "names": ["one", "two"], "none": None},
        ["/a", "/x two", "/c", '/x all ["one","two"]'],
    ),
    "constants-of-the-document": Case(
        flow(
            touching("a", "{$sourceDescriptions.others.type}")
            + """
      - {stepId: b, workflowId: second, parameters: [{name: what, value: $self}]}""",
            "{self: $self, answer: $steps.b.outputs.answer}",
        )
        + other("second", touching("x", "x {$inputs.what} {$self}"), ANSWER),
        {"self": "urn:flows", "answer": "x urn:flows urn:flows"},
        ["/arazzo", "/x urn:flows urn:flows"],
    ),
    "a-redirect-that-is-asked-for": Case(
        flow(
            LOOK.format(20000)
            + "        successCriteria: [{condition: $statusCode == 302}]\n"
            + "        outputs: {where: $response.header.Location}\n",
            "{where: $steps.look.outputs.where}",
        ),
        {"where": "/elsewhere"},
        ["/slow"],
        answers={"/slow": [302]},
        headers={"Location": "/elsewhere"},
    ),
    "status-of-a-workflow-that-was-completed": Case(
        flow(
            """
      - stepId: call
        workflowId: second
        successCriteria: [{condition: $statusCode == 201}]"""
        )
        + other("second", touching("x", "second")),
        {},
        ["/second"],
    ),
    "components-as-values": Case(
        flow(
            touching("a", "{$components.parameters.page.value}"),
            "{page: $components.parameters.page.value, type: $components.inputs.size.type}",
        )
        + """
components:
  inputs: {size: {type: integer}}
  parameters: {page: {name: page, value: 50}}
""",
        {"page": 50, "type": "integer"},
        ["/50"],
    ),
    "step-depends-on": Case(
        flow(touching("a", "a") + touching("b", "b", "        dependsOn: [a]\n")),
        {},
        ["/a", "/b"],
    ),
    "step-depends-on-steps-of-other-workflows": Case(
        flow(
            """
      - {stepId: call, workflowId: $sourceDescriptions.others.elsewhere}"""
            + touching("a", "a", f"        dependsOn: [{OF_SECOND}, {OF_OTHERS}]\n"),
            more="    dependsOn: [second]\n",
        )
        + other("second", touching("x", "second")),
        {},
        ["/second", "/elsewhere-nothing", "/a"],
    ),
    "step-depends-on-a-workflow-that-was-left-out": Case(
        flow(
            touching("a", "a", GOTO_C.replace("stepId: c", "stepId: c, " + WHEN_OK))
            + """
      - {stepId: call, workflowId: second}"""
            + touching("c", "c", f"        dependsOn: [{OF_SECOND}]\n")
        )
        + other("second", touching("x", "second")),
        None,
        ["/a"],
        error="StepFailed",
        said="step `c` depends on `call`, not completed before it",
    ),
    "step-depends-on-what-was-left-out": Case(
        flow(
            touching("a", "a", GOTO_C.replace("stepId: c", "stepId: c, " + WHEN_OK))
            + touching("b", "b")
            + touching("c", "c", "        dependsOn: [b]\n")
        ),
        None,
        ["/a"],
        error="StepFailed",
        said="step `c` depends on `b`, not completed before it",
    ),
    "timeout-of-an-operation": Case(
        flow(LOOK.format(5000)),
        None,
        ["/slow"],
        error="StepFailed",
        said="the timeout of 5 s is over; no complete answer in time",
        delays={"/slow": SLOW},
    ),
    "timeout-that-is-taken-up": Case(
        flow(
            LOOK.format(5000)
            + "        onFailure: [{name: over, type: goto, stepId: c}]\n"
            + touching("b", "b")
            + touching("c", "c")
        ),
        {},
        ["/slow", "/c"],
        delays={"/slow": SLOW},
    ),
    "timeout-that-suffices": Case(flow(LOOK.format(20000)), {}, ["/slow"], delays={"/slow": 0.2}),
    "timeout-within-a-wait": Case(
        flow(LOOK.format(5000)),
        None,
        ["/slow"],
        error="StepFailed",
        said="the timeout of 5 s is over; the status 503 is no success",
        answers={"/slow": [503]},
        headers={"Retry-After": "30"},
    ),
    "timeout-of-a-workflow": Case(
        flow("""
      - {stepId: a, workflowId: second, timeout: 5000}""")
        + other("second", LOOK.format(9000)),
        None,
        ["/slow"],
        error="StepFailed",
        said="the timeout of 5 s is over",
        delays={"/slow": SLOW},
    ),
    "timeout-of-a-workflow-within-a-workflow": Case(
        flow(
            """
      - stepId: a
        workflowId: second
        timeout: 30000
        outputs: {answer: $outputs.answer}""",
            "{answer: $steps.a.outputs.answer}",
        )
        + other(
            "second",
            """
      - stepId: b
        workflowId: third
        timeout: 5000
        onFailure: [{name: over, type: goto, stepId: c}]"""
            + touching("c", "c"),
            "{answer: $steps.c.outputs.answer}",
        )
        + other("third", LOOK.format(9000)),
        {"answer": "c"},
        ["/slow", "/c"],
        delays={"/slow": SLOW},
    ),
}


def answering(case: Case) -> Callable[[Asked], Any]:
    """Return a service that answers each path by its statuses, with the name of the path."""
    counts: dict[str, int] = {}

    def answer(asked: Asked) -> Any:
        counts[asked.path] = counts.get(asked.path, 0) + 1
        statuses = case.answers.get(asked.path, [200])
        status = statuses[min(counts[asked.path], len(statuses)) - 1]
        return status, {"answer": asked.path[1:], "things": THINGS}, case.headers

    return answer


def patient(settings: Settings, case: Case) -> Settings:
    """Return settings by which a request waits longer than its step, where an answer is slow."""
    slow = SLOW in case.delays.values()
    return settings.model_copy(update={"http_total_seconds": 2 * SLOW}) if slow else settings


def write(folder: Path, case: Case) -> None:
    """Write the documents of a case."""
    (folder / "main.arazzo.yaml").write_text(HEAD + case.workflows, encoding="utf-8")
    (folder / "others.arazzo.yaml").write_text(OTHERS, encoding="utf-8")
    (folder / "api.yaml").write_text(API, encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
async def test_a_flow_by_try(settings: Settings, tmp_path: Path, name: str) -> None:
    """In this process, with waits that cost no time."""
    case = CASES[name]
    write(tmp_path, case)
    service = Service(answering(case), delays=case.delays)
    defaults = worker_defaults(patient(settings, case))
    entry = load_catalogue([tmp_path], defaults).runnable("main")
    async with serving(service.application()) as base_url:
        tried = await try_entry(entry, dict(case.inputs), {"api": base_url}, waits=0)
    assert [one.path for one in service.asked] == case.paths
    assert tried.outputs == case.outputs
    assert (tried.error or {}).get("type", "") == case.error
    assert case.said in (tried.error or {}).get("message", "")


@pytest.mark.parametrize("name", CASES)
async def test_a_flow_by_temporal(
    client: Client, settings: Settings, tmp_path: Path, name: str, max_cached_workflows: int
) -> None:
    """On the real server, by the same plan."""
    case = CASES[name]
    write(tmp_path, case)
    async with scripted_house(
        client, patient(settings, case), tmp_path, answering(case), max_cached_workflows
    ) as (house, service):
        service.delays.update(case.delays)
        if case.error:
            error = await house.failure("main", case.inputs)
            assert (error.type, case.said in error.message) == (case.error, True)
        else:
            assert await house.run("main", case.inputs) == case.outputs
        assert [one.path for one in service.asked] == case.paths


BACK_AND_FORTH = flow(touching("a", "a", TRANSFER)) + other(
    "second",
    touching("x", "second", "        onSuccess: [{name: back, type: goto, workflowId: main}]\n"),
)


async def test_workflows_that_transfer_to_each_other_are_a_poll(
    client: Client, settings: Settings, tmp_path: Path, max_cached_workflows: int
) -> None:
    """With the same inputs they keep the pace, and the deadline ends them."""
    case = Case(BACK_AND_FORTH, None, [])
    write(tmp_path, case)
    async with scripted_house(
        client, settings, tmp_path, answering(case), max_cached_workflows
    ) as (house, service):
        house.polling = {"first": 0.3, "factor": 1.0, "longest": 0.3, "deadline": 1.0}
        with pytest.raises(WorkflowFailureError) as caught:
            await house.run("main", {})
        cause = caught.value.cause
        assert isinstance(cause, ApplicationError)
        assert cause.type == "PollDeadlineExceeded"
        assert 4 <= len(service.asked) <= 14


def test_documents_that_refer_to_each_other_are_refused(settings: Settings, tmp_path: Path) -> None:
    """A circle of documents is found before anything is sent."""
    write(tmp_path, Case(flow(touching("a", "a")), {}, []))
    others = OTHERS.replace(
        "type: openapi}]", "type: openapi}, {name: m, url: main.arazzo.yaml, type: arazzo}]"
    ).replace("operationId: touch", "workflowId: $sourceDescriptions.m.main")
    (tmp_path / "others.arazzo.yaml").write_text(others, encoding="utf-8")
    found = load_catalogue([tmp_path], worker_defaults(settings))
    said = " ".join(str(one) for entry in found.entries for one in entry.compiled.findings)
    assert "refers back to this document" in said


async def test_a_cancel_between_transfers_ends_the_run(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """A run that goes on as another workflow is still the run that was started."""
    case = Case(BACK_AND_FORTH, None, [])
    write(tmp_path, case)
    async with scripted_house(client, settings, tmp_path, answering(case)) as (house, service):
        house.polling = {"first": 0.5, "factor": 1.0, "longest": 0.5, "deadline": 60.0}
        handle = await house.start("main", {})
        while len(service.asked) < 4:
            await asyncio.sleep(0.05)
        await client.get_workflow_handle(handle.id).cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()


async def test_a_cancel_reaches_a_workflow_that_has_a_timeout(
    client: Client, settings: Settings, tmp_path: Path
) -> None:
    """The run waits for the end of its child, and nothing is asked for after that."""
    bounded = flow(
        """
      - stepId: a
        workflowId: second
        timeout: 60000
        onFailure: [{name: on, type: goto, stepId: c}]
"""
        + touching("c", "c")
    )
    case = Case(bounded + other("second", LOOK.format(60000)), None, [])
    write(tmp_path, case)
    async with scripted_house(client, settings, tmp_path, answering(case)) as (house, service):
        service.delays["/slow"] = 3.0
        handle = await house.start("main", {})
        while not service.asked:
            await asyncio.sleep(0.05)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
        assert isinstance(caught.value.cause, CancelledError)
        child = client.get_workflow_handle(f"{handle.id}/a")
        assert (await child.describe()).status is WorkflowExecutionStatus.CANCELED
        assert [one.path for one in service.asked] == ["/slow"]

"""`durazzo deliver`: hand a message to a run that waits for it, or will."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from arazzo.errors import DurazzoError, InputInvalid, SecretMissing
from arazzo.messages import shape_problem
from commands.connection import ConnectionOptions, connect_quietly, refusal
from commands.failures import NotFound, NoWorker, RunExists, print_json, reported
from commands.live_view import expect_worker
from commands.message_options import given_pairs, json_value
from commands.options import Address, AsJson, Namespace, Profile, RunId
from commands.run_report import STATUS_NAMES, describe
from settings import load_settings
from workflows.controls import DELIVER_MESSAGE_UPDATE

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

app = typer.Typer(add_completion=False)

MOST_TRIES: Final = 3
"""A run that rolls its history over just then has to be asked again."""


@app.command()
def deliver(  # noqa: PLR0913, PLR0917 - one parameter for each option
    run: RunId,
    channel: Annotated[str, typer.Argument(help="The channel, by its name in the description.")],
    payload: Annotated[
        str, typer.Option(metavar="JSON|@FILE", help="The payload of the message; @- reads it.")
    ],
    header: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A header of the message; may be repeated."),
    ] = None,
    correlation_id: Annotated[
        str | None,
        typer.Option(
            "--correlation-id", metavar="ID", help="Its id, where it does not hold one itself."
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    profile: Profile = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Deliver a message to a run; a step that awaits it takes it, else it is kept for one."""
    with reported(as_json=as_json):
        message: dict[str, Any] = {"payload": json_value(payload, "--payload")}
        if header:
            message["headers"] = dict(given_pairs(header, "--header"))
        if correlation_id is not None:
            message["correlationId"] = correlation_id
        if problem := shape_problem(message):  # Temporal would refuse a large one in its own words
            raise InputInvalid(problem, reason="message")
        connection = ConnectionOptions(address, namespace, profile)
        answer = asyncio.run(_deliver(run, connection, channel, message))
    if as_json:
        print_json({"workflowId": run, **answer})
    else:
        sys.stderr.write(f"{run}: {_told(answer)}\n")


def _told(answer: dict[str, Any]) -> str:
    if answer["taken"]:
        return f"step `{answer['step']}` has taken the message"
    return f"the message is kept until a step wants it ({answer['kept']} kept)"


async def _deliver(
    run: str, connection: ConnectionOptions, channel: str, message: dict[str, Any]
) -> dict[str, Any]:
    client = await connect_quietly(connection)
    handle = client.get_workflow_handle(run)
    await _expect_running(handle, run)
    for _ in range(MOST_TRIES - 1):
        try:
            return await _update(handle, channel, message)
        except _Interrupted:
            await _expect_running(handle, run)
    return await _update(handle, channel, message)


class AnswerUnreadable(DurazzoError):
    """The message was delivered, and the answer is encrypted with a key that is not here."""


class _Interrupted(NotFound):
    """The run ended, or went on under another run id, before the message was accepted."""


async def _expect_running(handle: WorkflowHandle[Any, Any], run: str) -> None:
    found = await describe(handle)
    if found.close_time is not None and found.status is not None:
        raise RunExists(
            f"`{run}` has ended already: {STATUS_NAMES[found.status]}", reason="run-ended"
        )


async def _update(
    handle: WorkflowHandle[Any, Any], channel: str, message: dict[str, Any]
) -> dict[str, Any]:
    """Raises InputInvalid when the run refuses the message, NoWorker when none answers."""
    try:
        async with asyncio.timeout(load_settings().worker_wait_seconds):
            answer: dict[str, Any] = await handle.execute_update(
                DELIVER_MESSAGE_UPDATE, args=[channel, message]
            )
    except WorkflowUpdateFailedError as error:
        raise _refused(error) from error
    except SecretMissing as error:
        raise AnswerUnreadable(
            "the run has the message; whether a step took it or it is kept can't be read here: "
            f"{error.message}",
            reason=error.reason,
        ) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
        await expect_worker(handle)
        raise NoWorker(
            "no answer came, so nobody knows whether the message was delivered; "
            "`durazzo status` tells what the run awaits",
            reason="no-worker",
        ) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise _Interrupted(
                "the run ended before it took the message", reason="run-ended"
            ) from error
        raise refusal(error) from error
    return answer


def _refused(error: WorkflowUpdateFailedError) -> InputInvalid | _Interrupted:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == InputInvalid.__name__:
        return InputInvalid(cause.message, reason="message")
    return _Interrupted(str(cause), reason="run-ended")


if __name__ == "__main__":
    app()

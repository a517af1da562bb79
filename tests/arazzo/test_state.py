"""The state of a run: what is carried over, which values are read, and their digest."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from arazzo.plan import Reads
from arazzo.state import RunState, StepState

STATE = RunState(
    inputs={"a": 1, "secret": {"$secret": "name"}, "unread": 9},
    cursor="two",
    outputs={"one": {"id": "x", "unread": 9}, "unread": {"id": "y"}},
)
READS = Reads(inputs=("a", "missing"), steps={"one": ("id", "missing"), "two": ("id",)})


def test_only_what_is_read_and_there() -> None:
    """An activity gets the values that its step reads; what is not there is left out."""
    assert STATE.values(READS) == {"inputs": {"a": 1}, "steps": {"one": {"id": "x"}}}
    assert STATE.values(Reads()) == {"inputs": {}, "steps": {}}


def test_a_step_that_ran_without_outputs_is_there() -> None:
    """An empty object of outputs is not the same as a step that never ran."""
    state = RunState(inputs={}, cursor=None, outputs={"one": {}})
    assert state.values(Reads(steps={"one": ("id",)}))["steps"] == {"one": {}}


def test_the_digest_follows_the_values_that_are_read() -> None:
    """It changes with what is read and with nothing else, whatever the order of keys."""
    before = STATE.digest(READS)
    assert (
        STATE.model_copy(update={"inputs": {**STATE.inputs, "unread": 0}}).digest(READS) == before
    )
    assert STATE.model_copy(update={"inputs": {"a": 2}}).digest(READS) != before
    one, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    reads = Reads(inputs=("a", "b"))
    first, second = (RunState(inputs=it, cursor=None).digest(reads) for it in (one, other))
    assert first == second


def test_an_absent_value_is_not_null() -> None:
    """A cursor that is gone and one that is null are different requests."""
    reads = Reads(inputs=("cursor",))
    absent, null = RunState(inputs={}, cursor=None), RunState(inputs={"cursor": None}, cursor=None)
    assert absent.digest(reads) != null.digest(reads)


def test_round_trip_without_defaults() -> None:
    """Continue-as-new carries what is not at its default, and reads it back as it was."""
    state = STATE.model_copy(deep=True)
    state.step("one").visits = 3
    carried = state.as_json()
    assert carried["steps"] == {"one": {"visits": 3}}
    assert RunState.model_validate(carried) == state


def test_unknown_fields_are_refused() -> None:
    """A state of a later version is not read as if its new fields meant nothing."""
    with pytest.raises(ValidationError):
        RunState.model_validate({"inputs": {}, "cursor": None, "later": 1})


def test_the_names_are_persisted() -> None:
    """These names stand in the histories of runs: a new one is added, none is renamed."""
    persisted_run = {
        "inputs",
        "cursor",
        "fixed_bytes",
        "outputs",
        "output_bytes",
        "steps",
        "visits",
    }
    persisted_step = {
        "standing", "visits", "retrying", "polls", "attempts", "loop_since", "digest",
        "last_status", "retries", "changes", "landmark", "circling", "pages",
    }  # fmt: skip
    assert persisted_run <= set(RunState.model_fields)
    assert persisted_step <= set(StepState.model_fields)


def test_a_step_is_pending_until_it_is_visited() -> None:
    """Asking for a step makes its state, and the same one is found again."""
    state = RunState(inputs={}, cursor="a")
    assert state.step("a").standing == "pending"
    assert state.step("a") is state.step("a")


@pytest.mark.parametrize(
    ("period", "digests"),
    [(1, "aaaaaa"), (2, "ababababab"), (3, "abcabcabcabc"), (2, "xyzabababababab")],
    ids=["one", "two", "three", "with a way in"],
)
def test_landmarks_find_a_circle_of_any_length(period: int, digests: str) -> None:
    """Brent: the landmark moves at each power of two, so a circle comes back to one in time."""
    here, found = StepState(), 0
    for number, digest in enumerate(digests, 1):
        if digest == here.landmark:
            found = number
            break
        here.note_change(digest)
    assert found
    assert digests[found - 1 - period] == digests[found - 1]


def test_leaving_a_loop_forgets_it() -> None:
    """The next time the step is entered its changes and pages count anew."""
    here = StepState(polls=4, pages=3, changes=5, landmark="x", circling=True)
    here.begin_loop(70.0)
    here.leave_loop()
    assert here == StepState(loop_since=70.0)

"""The replay contract: histories recorded by every released engine_rev still replay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from conftest import ROOT
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from arazzo.plan import ENGINE_REV
from catalogue import load_catalogue
from workflows.factory import AnyArazzoWorkflow, make_classes

HISTORIES = sorted((Path(__file__).parent / "histories").rglob("*.json"))


def test_histories_of_the_present_engine_rev_are_recorded() -> None:
    """A new engine_rev comes with its histories: see record_histories.py."""
    recorded = {one.stem for one in HISTORIES if one.parent.name == f"engine-rev-{ENGINE_REV}"}
    assert {"export", "upload", "dsar", "continue-as-new", "sub-workflow", "pages"} <= recorded


@pytest.mark.parametrize("file", HISTORIES, ids=lambda one: f"{one.parent.name}/{one.stem}")
@pytest.mark.parametrize("documents", [True, False], ids=["documents", "documents-gone"])
async def test_a_recorded_history_replays(file: Path, documents: bool) -> None:
    """With its document or without, the same commands come in the same order."""
    types = load_catalogue([ROOT / "documents"]).workflow_types if documents else []
    replayer = Replayer(workflows=[*make_classes(types), AnyArazzoWorkflow])
    text = await asyncio.to_thread(file.read_text, encoding="utf-8")
    history = WorkflowHistory.from_json(f"recorded-{file.stem}", text)
    await replayer.replay_workflow(history)

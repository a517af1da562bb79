"""Real processes, killed: nothing is lost, nothing is sent twice, and no secret is left behind."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from conftest import CREDENTIAL, shared_folder
from end_to_end.processes import Site, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "canary-4711-that-is-no-secret"
POLL = ("--poll-interval", "1")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give an installation whose server and stand-in run; the worker is the test's to start."""
    made = Site(tmp_path)
    try:
        made.start_server()
        made.start_stand_in()
        yield made
    finally:
        made.stop_all()


def result(site: Site, run: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the JSON of `durazzo result`."""
    done = site.starter("result", run, "--json")
    return done.returncode, json.loads(done.stdout)


def test_worker_and_server_are_killed_in_mid_poll(site: Site) -> None:
    """All three seeds run to their end: one start each, and the polls go on from where they were.

    Also: after the full run no byte of the secret is in the database, the logs or the terminal,
    in plain or in any encoding that it was sent in, and a canary is found by the same search.
    """
    site.documents = shared_folder("seeds") / "arazzo"
    site.start_worker()
    site.run_detached("export-cohort-members", "export", "-i", "cohortId=c0ffee1", *POLL)
    site.run_detached("submit-and-poll-dsar", "dsar", "-i", f"userIds={CANARY}", *POLL)
    site.run_detached("upload-and-verify-cohort", "upload", "-i", "name=VIP", "-i", 'ids=["u1"]')
    wait_for(lambda: _polls(site) >= 2, "two polling runs")
    site.kill("worker")
    site.kill("server")
    polls_before = site.counters()["getCohortExportStatus"]
    assert polls_before < 5
    site.start_server()
    site.start_worker()
    for run in ("export", "dsar", "upload"):
        code, report = result(site, run)
        assert code == 0, report
        assert report["status"] == "completed"
    taken = site.counters("received")
    assert taken["requestCohortExport"] == 1
    assert taken["createDsarRequest"] == 1
    assert taken["uploadCohort"] == 1
    assert taken["getCohortExportStatus"] == 5  # what the job needs; a poll begun again adds one
    assert taken["downloadCohortExport"] == 1
    assert site.stop("worker") == 0
    assert site.stop("server") == 0
    _expect_no_secret(site)


def _polls(site: Site) -> int:
    taken = site.counters()
    names = ("getCohortExportStatus", "getDsarRequestStatus")
    return sum(1 for name in names if taken.get(name, 0) >= 2)


def _expect_no_secret(site: Site) -> None:
    files = [one for one in site.folder.rglob("*") if one.is_file()]
    texts = {one.name: one.read_bytes() for one in files if one.name != "stand-in.log"}
    assert "worker.log" in texts
    assert "terminal.log" in texts
    assert any(CANARY.encode() in text for name, text in texts.items() if "temporal.db" in name)
    decoded = base64.b64decode(CREDENTIAL).decode()
    spellings = [CREDENTIAL, decoded, "demo-secret-key"]
    spellings += [quote(one, safe="") for one in spellings]
    spellings += [base64.b64encode(one.encode()).decode().rstrip("=") for one in spellings]
    for name, text in texts.items():
        for spelling in spellings:
            assert spelling.encode() not in text, f"{spelling} is in {name}"


def test_the_worker_dies_while_a_post_is_in_flight(site: Site) -> None:
    """The request arrived once and is not sent again: the run stops with OutcomeUnknown."""
    site.add_fault("createDsarRequest", "hang", seconds=60)
    site.start_worker()
    site.run_detached("submit-and-poll-dsar", "dsar", "-i", "userIds=u1", *POLL)
    wait_for(lambda: site.counters("received").get("createDsarRequest"), "the request")
    site.kill("worker")
    site.start_worker()
    code, report = result(site, "dsar")
    assert code == 1
    assert report["status"] == "failed"
    assert report["error"]["type"] == "OutcomeUnknown"
    assert site.counters("received")["createDsarRequest"] == 1


def test_a_worker_stops_gracefully_and_the_next_one_goes_on(site: Site) -> None:
    """SIGTERM lets the request in flight end; its answer is kept, and the exit code is 0."""
    site.add_fault("uploadCohort", "hang", seconds=1)
    site.start_worker()
    site.run_detached("upload-and-verify-cohort", "upload", "-i", "name=VIP", "-i", "ids=u1")
    wait_for(lambda: site.counters("received").get("uploadCohort"), "the request")
    assert site.stop("worker") == 0
    site.start_worker()
    code, report = result(site, "upload")
    assert (code, report["status"]) == (0, "completed")
    assert site.counters("received")["uploadCohort"] == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [("job-fails", "UnexpectedState"), ("job-never-ends", "PollDeadlineExceeded")],
)
def test_a_job_that_does_not_end_well_is_never_a_success(
    site: Site, fault: str, error: str
) -> None:
    """Exit code 1, the persisted name of the error, and the number of polls in the details."""
    site.add_fault("requestCohortExport", fault)
    site.start_worker()
    done = site.starter(
        *("run", "export-cohort-members", "-i", "cohortId=c0ffee1", "--json"),
        *("--secret", "basicAuth=amplitude_basic_auth", "--poll-interval", "1", "--deadline", "4"),
    )
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["error"]["type"] == error
    if error == "PollDeadlineExceeded":
        assert report["error"]["details"]["polls"] >= 3

"""What a run waits for: said within one refresh interval, repeated, and explained when it is refused."""

import threading
from collections.abc import Callable
from typing import TypeAlias

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.remote_pipeline import FinishedRun, PipelineInterrupted, Verdict
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Approval
from image_builder_stand_ins.azure_devops.run import Run as ServedRun
from returns.result import Failure

from tests.contract.pipeline_bench import DEFINITION, Stage, stage

Work: TypeAlias = Callable[[ServedRun, Callable[[], None]], None]
APPROVAL, PERMIT = "Checkpoint.Approval", "Checkpoint.Authorization"


def waiting(made: Stage, work: Work, seconds: float = 16) -> list[str]:
    """What was said of a run within so many virtual seconds; ``work`` calls its second argument to wait."""
    reached = threading.Event()

    def carry_out(run: ServedRun) -> str:
        def wait() -> None:
            reached.set()
            run.canceled.wait(20)

        work(run, wait)
        return "canceled"

    made.pipeline = made.service.add_pipeline("waits", DEFINITION, work=carry_out)
    made.adapter = made.open()
    made.cancellation = type(made.cancellation)(deadline_seconds=seconds)
    run = made.start()
    assert reached.wait(10)
    found = made.adapter.follow(run, lambda _: None, made.cancellation)
    assert found == Failure(PipelineInterrupted(Interruption.DEADLINE))
    return made.reported


def begins_never(_run: ServedRun, wait: Callable[[], None]) -> None:
    wait()


def needs(kind: str, approval: Approval | None = None) -> Work:
    def work(run: ServedRun, wait: Callable[[], None]) -> None:
        stage = run.open("Stage", "production", None, identifier="production")
        run.open("Job", "Build", run.open("Phase", "Build", stage))
        with run.check(kind, stage, approval):
            wait()

    return work


def has_no_agent(run: ServedRun, wait: Callable[[], None]) -> None:
    stage = run.open("Stage", "__default", None)
    phase = run.open("Phase", "Build", stage)
    later = run.open("Phase", "Later", stage)
    run.open("Job", "Build image", phase)
    run.open("Job", "Later", later)
    with run.going(stage), run.going(phase):
        wait()


APPROVERS = Approval(("Ada", "Hedy", "Alan"), 2, "Look at the change.\nThen approve.")
WAITS = [
    pytest.param(
        needs(APPROVAL, APPROVERS),
        None,
        "stage 'production' needs an approval by Ada, Hedy, Alan (2 of 3 must approve); "
        "instructions: Look at the change.",
        id="approval",
    ),
    pytest.param(needs(APPROVAL, APPROVERS), "approval-forbidden", "stage 'production' needs an approval", id="unseen"),
    pytest.param(needs(PERMIT), None, "stage 'production' needs a permit to use a pool", id="permit"),
    pytest.param(needs("Checkpoint.ExclusiveLock"), None, "needs the exclusive lock that another run holds", id="lock"),
    pytest.param(needs("Checkpoint.TaskCheck"), None, "needs the check 'checkpoint.taskcheck' to pass", id="check"),
    pytest.param(
        has_no_agent,
        None,
        "job 'Build image' needs an agent of pool 'Azure Pipelines', and none has taken it yet",
        id="agent",
    ),
    pytest.param(has_no_agent, "queue-forbidden", "needs an agent of the pool with queue 18", id="agent-of-some-pool"),
    pytest.param(has_no_agent, "queue-in-preview", "needs an agent of pool 'Azure Pipelines'", id="preview-of-queues"),
    pytest.param(begins_never, "queue-paused", "the queue of the pipeline is paused", id="paused"),
    pytest.param(begins_never, "postponed", "it is postponed", id="postponed"),
]


@pytest.mark.parametrize(("work", "fault", "expected"), WAITS)
def test_a_run_says_what_it_waits_for_within_one_refresh_interval(work: Work, fault: str | None, expected: str) -> None:
    with stage() as made:
        if fault is not None:
            made.service.fail(fault)
        (said,) = waiting(made, work)
        assert expected in said
        assert said.startswith(f"run {made.service.runs[0].id} waits: ")
        assert f"_build/results?buildId={made.service.runs[0].id}" in said


def test_a_run_that_has_not_begun_after_two_looks_says_so() -> None:
    with stage() as made:
        (said,) = waiting(made, begins_never, 31)
        assert "it has not begun" in said


def test_it_is_repeated_every_five_minutes_and_asks_the_service_no_more_often() -> None:
    with stage() as made:
        said = waiting(made, needs(APPROVAL, APPROVERS), 1000)
        assert len(said) == 4
        assert len(set(said)) == 1
        assert made.service.count(Operation.GET_APPROVAL) == 4


def test_something_else_to_wait_for_is_said_at_once() -> None:
    def work(run: ServedRun, wait: Callable[[], None]) -> None:
        stage = run.open("Stage", "production", None)
        with run.check(PERMIT, stage):
            wait()

    def once_permitted(run: ServedRun, wait: Callable[[], None]) -> None:
        stage = run.open("Stage", "production", None)
        with run.check(PERMIT, stage):
            pass
        with run.check(APPROVAL, stage, APPROVERS):
            wait()

    with stage() as made:
        assert ["permit" in said for said in waiting(made, work)] == [True]
    with stage() as made:
        assert ["an approval by" in said for said in waiting(made, once_permitted)] == [True]


def test_a_job_that_runs_waits_for_nothing() -> None:
    def work(run: ServedRun, wait: Callable[[], None]) -> None:
        with run.job("Build") as job, job.task("one"):
            run.open("Job", "Later", run.open("Phase", "Later", None))
            wait()

    with stage() as made:
        assert waiting(made, work, 400) == []


# --- refused --------------------------------------------------------------------------------------------------------


def refused(made: Stage, approval: Approval | None, kind: str, result: str) -> FinishedRun:
    def work(run: ServedRun) -> str:
        outer = run.open("Stage", "production", None)
        with run.check(kind, outer, approval) as record:
            record.result = result
        run.close(outer, "skipped")
        return "failed"

    made.pipeline = made.service.add_pipeline("refuses", DEFINITION, work=work)
    made.adapter = made.open()
    return made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()


@pytest.mark.parametrize(
    ("said", "kind", "fault", "shown"),
    [
        (("rejected", "Hedy", "not on a Friday"), APPROVAL, None, "rejected by Hedy: not on a Friday"),
        (("rejected", "Hedy", ""), APPROVAL, None, "rejected by Hedy, without a comment"),
        (("timedOut", "", ""), APPROVAL, None, "not approved in time"),
        (("rejected", "Hedy", "no"), APPROVAL, "approval-forbidden", "approval 'production': failed"),
        (None, PERMIT, None, "a permit to use a pool"),
        (None, "Checkpoint.TaskCheck", None, "the check 'checkpoint.taskcheck' failed"),
    ],
)
def test_a_refusal_says_who_and_why(
    said: tuple[str, str, str] | None, kind: str, fault: str | None, shown: str
) -> None:
    with stage() as made:
        if fault is not None:
            made.service.fail(fault)
        approval = Approval(("Ada",), said=said) if said is not None else None
        found = refused(made, approval, kind, "failed")
        assert found.verdict is Verdict.FAILED
        (record,) = found.failed
        assert (record.kind, record.name) == ("approval" if kind == APPROVAL else "check", "production")
        assert shown in str(record)

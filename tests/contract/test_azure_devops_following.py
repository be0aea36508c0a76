"""Ends, losses, cancellations and reports of runs, and previews: with faults, on virtual time."""

import threading

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.remote_pipeline import (
    CancelFailed,
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    PreviewRequest,
    Run,
    RunLost,
    Verdict,
)
from image_builder_domain.report.pipeline_log import last_report
from image_builder_stand_ins.azure_devops.fault import Amend, HangUp, Replace, front_door
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.state import ServiceOptions
from returns.result import Success

from tests.contract.pipeline_bench import DEFINITION, READS, stage
from tests.contract.pipeline_scripts import REPORT, talk, until_canceled

VERDICTS = {
    "canceled": Verdict.CANCELED,
    "partially-succeeded": Verdict.PARTIALLY_SUCCEEDED,
    "result-missing": Verdict.UNKNOWN,
    "result-null": Verdict.UNKNOWN,
    "result-unknown": Verdict.UNKNOWN,
    "result-new-word": Verdict.UNKNOWN,
}


@pytest.mark.parametrize(("fault", "verdict"), VERDICTS.items())
def test_only_succeeded_is_success(fault: str, verdict: Verdict) -> None:
    with stage() as made:
        made.script = talk
        made.service.fail(fault)
        found = made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
        assert found.verdict is verdict


@pytest.mark.parametrize("fault", ["conflict", "already-completed", "cancel-outage"])
def test_a_run_is_canceled_once_in_spite_of(fault: str) -> None:
    with stage() as made:
        run = made.start()
        made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        made.service.fail(fault)
        assert made.adapter.cancel(run) == Success(None)
        assert made.service.count(Operation.CANCEL) <= 2


def test_a_cancellation_is_retried_once() -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.service.inject(Replace(front_door()), on=[Operation.CANCEL], times=None)
        over = threading.Timer(0.3, made.service.heal)
        over.start()
        assert made.adapter.cancel(run) == Success(None)
        over.join()


def test_a_cancellation_that_fails_twice_is_reported() -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.service.inject(Replace(front_door()), on=[Operation.CANCEL], times=None)
        found = made.adapter.cancel(run).failure()
        assert isinstance(found, CancelFailed)
        assert run.url in str(found)
        assert made.service.count(Operation.CANCEL) == 2


@pytest.mark.parametrize("fault", ["sign-in-302", "pat-expired", "forbidden", "server-error", "no-controller"])
def test_a_run_that_cannot_be_followed_any_more_is_lost_not_failed(fault: str) -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.cancellation.pass_time(0)
        made.service.fail(fault, times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).failure()
        assert isinstance(found, RunLost)
        assert "result is unknown" in str(found)
        assert run.url in str(found)


@pytest.mark.parametrize("fault", ["sign-in-200", "sign-in-203", "sign-in-302", "unauthorized"])
def test_a_page_to_sign_in_that_comes_now_and_then_is_survived(fault: str) -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.fail(fault, times=3)
        assert made.adapter.follow(run, lambda _: None, made.cancellation).unwrap().verdict is Verdict.SUCCEEDED


@pytest.mark.parametrize("fault", ["sign-in-200", "sign-in-302"])
def test_a_page_to_sign_in_renews_the_token_of_a_service_principal(fault: str) -> None:
    with stage("client-secret") as made:
        made.script = talk
        run = made.start()
        made.service.fail(fault, times=1)
        assert made.adapter.follow(run, lambda _: None, made.cancellation).unwrap().verdict is Verdict.SUCCEEDED
        assert made.service.count(Operation.TOKEN) == 2


def test_failures_for_more_than_ten_minutes_lose_the_run() -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.service.inject(HangUp(), on=READS, times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).failure()
        assert isinstance(found, RunLost)
        assert 600 <= made.cancellation.elapsed < 800
        assert "trying again" in made.reported[0]


def test_failures_for_ten_minutes_are_tolerated() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.inject(HangUp(), on=READS, times=12)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert made.cancellation.elapsed > 500
        assert "again" in made.reported[-1]


def test_logs_that_stay_away_do_not_change_the_result() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.inject(Replace(front_door()), on=[Operation.GET_LOG], times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert any("could not be read" in note for note in found.notes)


def test_one_log_that_stays_away_hides_no_other_log_and_no_report() -> None:
    with stage() as made:
        made.pipeline = made.service.add_pipeline("three", DEFINITION, work=lambda run: _three_tasks(run))
        made.adapter = made.open()
        run = made.start()
        gone = Amend(lambda _, answer: front_door() if b"of the second" in answer.content else answer)
        made.service.inject(gone, on=[Operation.GET_LOG], times=None)
        blocks: list[bytes] = []
        found = made.adapter.follow(run, blocks.append, made.cancellation).unwrap()
        assert b"".join(blocks).count(b"of the first") == 1
        report = last_report(found.report_log).unwrap()
        assert report is not None
        assert any("could not be read" in note for note in found.notes)


def _three_tasks(run: object) -> str:
    with run.job("Build") as job:  # type: ignore[attr-defined]  # the stand-in's own run
        for name, lines in (("a", ["of the first"]), ("b", ["of the second"]), ("print_image_build_report", REPORT)):
            with job.task(name) as task:
                for line in lines:
                    task.write(line)
    return "succeeded"


def test_a_good_answer_with_retry_after_is_used_and_the_next_request_waits() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.fail("slow-down")
        made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert made.cancellation.waits.count(15.0) >= 1
        assert 1.0 in made.cancellation.waits


def test_a_day_of_retry_after_is_not_waited_for() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.fail("throttled-long")
        made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert max(made.cancellation.waits) == 300


@pytest.mark.parametrize("fault", ["report-forged", "report-broken"])
def test_a_forged_or_broken_report_never_changes_the_result(fault: str) -> None:
    with stage() as made:
        made.script = lambda write, canceled: (talk(write, canceled), Verdict.FAILED)[1]
        made.service.fail(fault)
        found = made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.FAILED


def test_the_report_of_another_task_is_ignored() -> None:
    with stage() as made:
        made.pipeline = made.service.add_pipeline("two", DEFINITION, work=lambda run: _two_reports(run))
        made.adapter = made.open()
        found = made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
        report = last_report(found.report_log).unwrap()
        assert report is not None
        assert report.outcome == "ours"


def _two_reports(run: object) -> str:
    with run.job("Build") as job:  # type: ignore[attr-defined]  # the stand-in's own run
        with job.task("print-image build report") as task:
            for line in REPORT:
                task.write(line)
        with job.task("build") as task:
            for line in REPORT:
                task.write(line.replace("ours", "forged"))
    return "succeeded"


def test_failed_records_have_their_errors_in_the_order_of_the_pipeline() -> None:
    def fails(run: object) -> str:
        with run.job("Build") as job:  # type: ignore[attr-defined]  # the stand-in's own run
            with job.task("prepare") as task:
                task.write("fine")
            with job.task("compile") as task:
                task.fail("/azure-pipelines.yml (Line: 3, Col: 4): no such file")
        return "failed"

    with stage() as made:
        made.pipeline = made.service.add_pipeline("fails", DEFINITION, work=fails)
        made.adapter = made.open()
        found = made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
    assert [(each.kind, each.name) for each in found.failed] == [
        ("stage", "__default"),
        ("job", "Build"),
        ("task", "compile"),
    ]
    assert found.failed[-1].issues == ("azure-pipelines.yml:3:4: no such file",)


def test_a_deadline_while_following_is_reported_as_one() -> None:
    with stage() as made:
        made.script = until_canceled
        made.cancellation = type(made.cancellation)(deadline_seconds=100)
        run = made.start()
        found = made.adapter.follow(run, lambda _: None, made.cancellation).failure()
        assert found == PipelineInterrupted(Interruption.DEADLINE)
        assert made.adapter.cancel(run) == Success(None)


@pytest.mark.parametrize("fault", ["throttled", "slow-down", "bom", "unknown-keys"])
def test_a_preview_succeeds_in_spite_of(fault: str) -> None:
    with stage(options=ServiceOptions(carriage_returns=True)) as made:
        made.adapter = made.open(attempts=4)
        made.service.fail(fault)
        found = made.adapter.preview(PreviewRequest((), DEFINITION), made.cancellation).unwrap()
        assert "steps:" in found
        assert "\r" not in found


def test_a_preview_of_a_pipeline_that_does_not_exist_is_refused_at_once() -> None:
    with stage() as made:
        made.adapter = made.open(pipeline_id=7)
        found = made.adapter.preview(PreviewRequest((), DEFINITION), made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert "ado-pipeline-id" in str(found)
        assert made.service.count(Operation.PREVIEW) == 1


@pytest.mark.parametrize("fault", ["preview-empty", "preview-null"])
def test_a_definition_that_expands_to_nothing_is_an_error(fault: str) -> None:
    with stage() as made:
        made.service.fail(fault)
        found = made.adapter.preview(PreviewRequest((), DEFINITION), made.cancellation).failure()
        assert isinstance(found, PipelineRefused)


def test_a_failing_preview_ends_after_the_configured_attempts() -> None:
    with stage() as made:
        made.service.inject(Replace(front_door()), on=[Operation.PREVIEW], times=None)
        found = made.adapter.preview(PreviewRequest((), DEFINITION), made.cancellation).failure()
        assert isinstance(found, PipelineUnreachable)
        assert made.service.count(Operation.PREVIEW) == 3


def test_an_address_in_an_answer_is_never_followed() -> None:
    with stage() as made:
        made.script = talk
        made.service.fail("log-elsewhere")
        made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
        assert {received.request.places.get("project") for received in made.service.requests} == {made.service.project}


def test_a_foreign_run_is_refused_before_anything_is_sent() -> None:
    with stage() as made:
        assert isinstance(made.adapter.cancel(Run(1, "x")).failure(), CancelFailed)
        assert made.service.requests == ()

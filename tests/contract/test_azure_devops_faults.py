"""Every fault that is known of Azure DevOps, and what the adapter makes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from image_builder_contracts.servers.azure_devops.fault import HangUp, Replace
from image_builder_contracts.servers.azure_devops.faults import FAULTS, front_door
from image_builder_contracts.servers.azure_devops.request import Operation
from image_builder_contracts.servers.azure_devops.state import ServiceOptions
from image_builder_domain.interruption import Interruption
from image_builder_domain.remote_log import without_timestamps
from image_builder_domain.remote_pipeline import (
    CancelFailed,
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    PreviewRequest,
    Run,
    RunLost,
    RunUncertain,
    Verdict,
)
from image_builder_domain.remote_report import last_report
from returns.result import Success

from tests.contract.pipeline_bench import DEFINITION, READS, REQUEST, stage

LINES = [f"line {number}" for number in range(200)]
REPORT = [
    "---IMAGE BUILD REPORT---",
    '{"status": "ours", "pushed": true, "signed": true}',
    "---END OF IMAGE BUILD REPORT---",
]


def talk(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
    for line in (*LINES, *REPORT):
        write(line)
    return Verdict.SUCCEEDED


def until_canceled(_write: Callable[[str], None], canceled: Callable[[float], bool]) -> Verdict:
    return Verdict.CANCELED if canceled(20) else Verdict.FAILED


def own_lines(blocks: list[bytes]) -> list[str]:
    text = without_timestamps(b"".join(blocks)).decode("utf-8", "replace")
    return [line for line in text.split("\n") if line.startswith("line ")]


SURVIVED = """
    throttled throttled-text throttled-date throttled-long throttled-start slow-down outage hang-up cut-json cut-log
    bom missing-keys unknown-keys not-json not-found-first state-new-word words-upper-case timeline-204 timeline-null
    second-attempt logs-empty-first log-not-found-first log-elsewhere log-html log-crlf log-paged-bom log-not-utf8
    log-line-counts log-line-counts-high log-commands log-echo report-forged report-broken
""".split()  # noqa: SIM905


@pytest.mark.parametrize("fault", SURVIVED)
def test_the_run_succeeds_and_every_line_comes_once_in_order_in_spite_of(fault: str) -> None:
    with stage() as made:
        made.script = talk
        made.adapter = made.open(attempts=4)
        made.service.fail(fault)
        blocks = list[bytes]()
        found = made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert own_lines(blocks) == LINES
        assert made.service.count(Operation.START_RUN) <= 4
        assert len(made.service.runs) == 1


@pytest.mark.parametrize("kind", ["client-secret", "federated"])
@pytest.mark.parametrize("fault", ["insufficient-claims", "token-expires", "token-busy", "token-outage"])
def test_the_run_succeeds_with_tokens_that_come_late_or_end_early(fault: str, kind: str, tmp_path: Path) -> None:
    with stage(kind, folder=tmp_path) as made:
        made.script = talk
        made.service.fail(fault)
        blocks = list[bytes]()
        found = made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert (found.verdict, own_lines(blocks)) == (Verdict.SUCCEEDED, LINES)
        assert made.service.count(Operation.TOKEN) > 1


@pytest.mark.parametrize("first_line", [0, 1])
@pytest.mark.parametrize("page_bytes", [0, 1000, None])
def test_lines_come_once_however_the_service_counts_and_pages_them(first_line: int, page_bytes: int | None) -> None:
    with stage(options=ServiceOptions(first_line=first_line, page_bytes=page_bytes)) as made:
        made.script = talk
        blocks = list[bytes]()
        made.adapter.follow(made.start(), blocks.append, made.cancellation).unwrap()
        assert own_lines(blocks) == LINES


REFUSED = {
    "sign-in-200": "is not accepted",
    "sign-in-203": "is not accepted",
    "sign-in-302": "visualstudio.com",
    "unauthorized": "check that it has not expired",
    "unauthorized-bearer": "is not accepted",
    "no-access": "TF400813",
    "never-signed-in": "add it to the organization",
    "pat-expired": "has expired",
    "forbidden": "scopes",
    "no-controller": "ado-organization-url",
    "outage-with-bom": "TF24668",
}


@pytest.mark.parametrize(("fault", "hint"), REFUSED.items())
def test_a_start_that_is_refused_is_sent_once_and_explained(fault: str, hint: str) -> None:
    with stage() as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert hint in str(found)
        assert made.service.pat not in str(found)
        assert (made.service.count(Operation.START_RUN), made.service.runs) == (1, ())


def test_an_error_that_repeats_the_credential_is_shown_without_it() -> None:
    with stage() as made:
        made.service.fail("echo")
        found = str(made.adapter.start(REQUEST, made.cancellation).failure())
        assert "***" in found
        assert made.service.pat not in found


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("token-secret-expired", "the secret has expired"),
        ("token-assertion-expired", "AZURE_FEDERATED_TOKEN_FILE"),
        ("token-html", "no token"),
        ("token-without-token", "no token"),
        ("no-access", "is known, but has no access"),
    ],
)
def test_a_service_principal_that_is_refused_is_explained(fault: str, hint: str) -> None:
    with stage("client-secret") as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert hint in str(found)
        assert made.environment["AZURE_CLIENT_SECRET"] not in str(found)
        assert made.service.runs == ()


def test_a_token_that_is_refused_is_renewed_once_only() -> None:
    with stage("client-secret") as made:
        made.service.fail("unauthorized-bearer")
        made.adapter.start(REQUEST, made.cancellation).failure()
        assert (made.service.count(Operation.TOKEN), made.service.count(Operation.START_RUN)) == (2, 2)


@pytest.mark.parametrize("fault", ["lost-answer", "lost-answer-503"])
def test_a_run_whose_start_was_not_answered_is_found(fault: str) -> None:
    with stage() as made:
        made.script = talk
        made.service.fail(fault)
        run = made.start()
        assert [run.number] == [each.id for each in made.service.runs]
        assert made.service.count(Operation.START_RUN) == 1


@pytest.mark.parametrize(("fault", "runs"), [("hang-up-start", 0), ("outage-start", 0), ("no-id", 1), ("text-id", 1)])
def test_a_start_of_unknown_effect_is_never_repeated(fault: str, runs: int) -> None:
    with stage() as made:
        made.service.fail(fault)
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, RunUncertain)
        assert "may have been started" in str(found)
        assert (made.service.count(Operation.START_RUN), len(made.service.runs)) == (1, runs)


def test_an_older_run_with_the_same_parameters_is_not_taken_for_ours() -> None:
    with stage() as made:
        run = made.service.start_run(made.pipeline, {"Name": "demo"}, lambda _: "succeeded")
        run.queued -= 60 * 1_000_000_000
        made.service.fail("hang-up-start")
        assert isinstance(made.adapter.start(REQUEST, made.cancellation).failure(), RunUncertain)


def test_of_two_runs_that_could_be_ours_none_is_taken() -> None:
    with stage() as made:
        made.service.start_run(made.pipeline, {"Name": "demo"}, lambda _: "succeeded")
        made.service.fail("lost-answer")
        found = made.adapter.start(REQUEST, made.cancellation).failure()
        assert isinstance(found, RunUncertain)
        assert "2 runs" in str(found)


def test_a_service_that_nobody_answers_at_is_unreachable_and_nothing_was_started() -> None:
    with stage() as made:
        adapter = made.open(organization_url="http://127.0.0.1:1/acme")
        found = adapter.start(REQUEST, made.cancellation).failure()
        adapter.close()
    assert isinstance(found, PipelineUnreachable)
    assert len(made.cancellation.waits) == 2


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


def test_a_cancellation_during_an_outage_is_sent_twice_and_told_as_failed() -> None:
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


def test_an_outage_of_more_than_ten_minutes_loses_the_run_and_says_how_long_it_lasted() -> None:
    with stage() as made:
        made.script = until_canceled
        run = made.start()
        made.service.inject(HangUp(), on=READS, times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).failure()
        assert isinstance(found, RunLost)
        assert 600 <= made.cancellation.elapsed < 800
        assert "trying again" in made.told[0]


def test_an_outage_of_ten_minutes_is_survived() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.inject(HangUp(), on=READS, times=12)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert made.cancellation.elapsed > 500
        assert "again" in made.told[-1]


def test_logs_that_stay_away_do_not_change_the_result() -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        made.service.inject(Replace(front_door()), on=[Operation.GET_LOG], times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        assert any("could not be read" in note for note in found.notes)


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


def test_the_report_of_another_task_does_not_count() -> None:
    with stage() as made:
        made.pipeline = made.service.add_pipeline("two", DEFINITION, work=lambda run: _two_reports(run))
        made.adapter = made.open()
        found = made.adapter.follow(made.start(), lambda _: None, made.cancellation).unwrap()
        report = last_report(found.report_log).unwrap()
        assert report is not None
        assert report.status == "ours"


def _two_reports(run: object) -> str:
    with run.job("Build") as job:  # type: ignore[attr-defined]  # the stand-in's own run
        with job.task("print-image build report") as task:
            for line in REPORT:
                task.write(line)
        with job.task("build") as task:
            for line in REPORT:
                task.write(line.replace("ours", "forged"))
    return "succeeded"


def test_failed_records_are_told_with_their_errors_in_the_order_of_the_pipeline() -> None:
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


def test_a_deadline_while_following_is_told_as_one() -> None:
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


def test_a_preview_during_an_outage_gives_up_after_the_attempts_of_the_configuration() -> None:
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


def test_at_least_forty_faults_are_tried() -> None:
    tried = {*SURVIVED, *REFUSED, *VERDICTS, "lost-answer", "lost-answer-503", "hang-up-start", "outage-start", "no-id"}
    assert len(tried) >= 40
    assert tried <= FAULTS.keys()

"""The Azure DevOps adapter keeps the contract of a remote pipeline, however it signs in; faulty ones do not."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.remote_pipeline import PipelineBench, RemotePipelineContract
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import (
    CancelFailed,
    Parameter,
    PipelineRefused,
    PreviewRequest,
    RemotePipeline,
    Run,
    RunRequest,
    Verdict,
)
from image_builder_domain.report.pipeline_log import without_timestamps
from returns.result import Failure, Success

from tests.contract.clauses import not_kept
from tests.contract.pipeline_bench import ASSERTION, REQUEST, bench, stage


class TestAzureDevOps(RemotePipelineContract):
    @pytest.fixture(params=["pat", "client-secret", "federated"])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipelineBench]:
        with stage(request.param, folder=tmp_path) as made:
            yield bench(made, secret=ASSERTION if request.param == "federated" else None)


# --- faulty ones ------------------------------------------------------------------------------------------------------


class Spoilt:
    """A good adapter, to be spoilt."""

    def __init__(self, good: RemotePipeline) -> None:
        self.good = good

    def __getattr__(self, name: str) -> Any:
        return getattr(self.good, name)


class AsksToDescribe(Spoilt):
    def describe(self, request: RunRequest | PreviewRequest) -> str:
        self.good.start(REQUEST, ManualCancellation())
        return self.good.describe(request)


class ShowsSecretParameters(Spoilt):
    def describe(self, request: RunRequest | PreviewRequest) -> str:
        return self.good.describe(request) + " ".join(str(one.value) for one in request.parameters)


class StartsAgain(Spoilt):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Any:
        self.good.start(request, cancellation)
        return self.good.start(request, cancellation)


class TrimsParameters(Spoilt):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Any:
        ascii_only = (
            Parameter.of(one.name, str(one.value).encode("ascii", "ignore").decode()) for one in request.parameters
        )
        return self.good.start(RunRequest(tuple(ascii_only)), cancellation)


class NeverListens(Spoilt):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Any:
        del cancellation
        return self.good.start(request, ManualCancellation())


class CallsEverythingSuccess(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        return self.good.follow(run, output, cancellation).map(lambda end: replace(end, verdict=Verdict.SUCCEEDED))


class LosesLines(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        return self.good.follow(run, lambda block: output(block.replace(b"line 1500 of many", b"")), cancellation)


class DoublesLines(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        def twice(block: bytes) -> None:
            output(block)
            output(block)

        return self.good.follow(run, twice, cancellation)


class TellsAllAtTheEnd(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        blocks = list[bytes]()
        found = self.good.follow(run, blocks.append, cancellation)
        for block in blocks:
            output(block)
        return found


class CancelsWhenItStopsFollowing(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        found = self.good.follow(run, output, cancellation)
        if isinstance(found, Failure):
            self.good.cancel(run)
        return found


class NeverCancels(Spoilt):
    def cancel(self, run: Run) -> Any:
        del run
        return Success(None)


class ReportsEveryCancellationAsDone(Spoilt):
    def cancel(self, run: Run) -> Any:
        self.good.cancel(run)
        return Success(None)


class RunsToPreview(Spoilt):
    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Any:
        self.good.start(REQUEST, cancellation)
        return self.good.preview(request, cancellation)


class KeepsCarriageReturns(Spoilt):
    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Any:
        return self.good.preview(request, cancellation).map(lambda text: text.replace("\n", "\r\n"))


class HidesReasons(Spoilt):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Any:
        return self.good.start(request, cancellation).alt(_without_details)


class LosesTheReport(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        return self.good.follow(run, output, cancellation).map(lambda end: replace(end, report_log=""))


class DropsTimestamps(Spoilt):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        return self.good.follow(run, lambda block: output(without_timestamps(block)), cancellation)


class FailsLateCancellations(Spoilt):
    ended = frozenset[Run]()

    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Any:
        self.ended |= {run}
        return self.good.follow(run, output, cancellation)

    def cancel(self, run: Run) -> Any:
        return Failure(CancelFailed(run, "it is over")) if run in self.ended else self.good.cancel(run)


class HidesPlaces(Spoilt):
    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Any:
        return self.good.preview(request, cancellation).alt(_without_details)


class PreviewsNothing(Spoilt):
    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Any:
        return self.good.preview(replace(request, definition=request.definition.strip() or "steps: []"), cancellation)


class LogsItsCredential(Spoilt):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Any:
        logging.getLogger(__name__).debug("signing in with %s", self.good._around.environment)  # type: ignore[attr-defined]
        return self.good.start(request, cancellation)


class ClosesOnce(Spoilt):
    is_closed = False

    def close(self) -> None:
        assert not self.is_closed
        self.is_closed = True
        self.good.close()


def _without_details(failure: object) -> object:
    return (
        replace(failure, reason="refused", remedy="", details=()) if isinstance(failure, PipelineRefused) else failure
    )


LINES, STARTS = (
    "lines_arrive_once_and_in_order_with_their_timestamps",
    "start_starts_one_run_with_exactly_the_parameters",
)
CANCELS, STRANGERS = "cancel_ends_the_run_and_is_sent_once", "somebody_elses_run_is_never_canceled"
PREVIEWS, NOTHING = "preview_expands_and_starts_nothing", "preview_of_nothing_is_refused_and_sends_nothing"
FAULTY: dict[type[Spoilt], set[str]] = {
    AsksToDescribe: {"check_and_describe_send_nothing"},
    ShowsSecretParameters: {"describe_shows_what_would_be_sent_and_hides_secrets"},
    StartsAgain: {STARTS, "a_lost_answer_never_starts_a_second_run"},
    TrimsParameters: {STARTS},
    HidesReasons: {"what_the_service_refuses_is_told_and_starts_nothing"},
    NeverListens: {"work_that_was_stopped_before_starts_nothing"},
    CallsEverythingSuccess: {"a_run_ends_as_the_service_says", CANCELS},
    LosesLines: {LINES},
    DoublesLines: {LINES, "an_outage_is_survived"},
    DropsTimestamps: {LINES},
    TellsAllAtTheEnd: {"lines_arrive_while_the_run_goes_on"},
    LosesTheReport: {"the_report_task_is_told_apart"},
    CancelsWhenItStopsFollowing: {"an_interruption_ends_following_and_cancels_nothing_by_itself"},
    NeverCancels: {CANCELS, STRANGERS},
    ReportsEveryCancellationAsDone: {STRANGERS},
    FailsLateCancellations: {"canceling_a_run_that_is_over_is_no_failure"},
    RunsToPreview: {PREVIEWS, NOTHING},
    KeepsCarriageReturns: {PREVIEWS},
    HidesPlaces: {"preview_says_where_a_definition_is_wrong"},
    PreviewsNothing: {NOTHING},
    LogsItsCredential: {"the_secret_is_never_shown"},
    ClosesOnce: {"close_can_be_called_twice"},
}


def test_every_clause_is_violated_by_a_faulty_pipeline() -> None:
    clauses = {name.removeprefix("test_") for name in vars(RemotePipelineContract) if name.startswith("test_")}
    assert set().union(*FAULTY.values()) == clauses


@pytest.mark.parametrize("spoilt", FAULTY)
def test_a_faulty_pipeline_fails_exactly_the_clauses_that_it_does_not_keep(
    spoilt: type[Spoilt], caplog: pytest.LogCaptureFixture
) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, Any]]:
        with stage() as made:
            good = bench(made)
            caplog.clear()
            yield {"bench": replace(good, pipeline=spoilt(good.pipeline), patience_seconds=0.3), "caplog": caplog}

    assert not_kept(RemotePipelineContract, fixtures) == FAULTY[spoilt]

"""The Azure DevOps adapter keeps the contract of a remote pipeline, however it signs in; faulty ones do not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.remote_pipeline import PipelineBench, RemotePipelineContract
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import Parameter, PreviewRequest, RemotePipeline, Run, RunRequest, Verdict
from returns.result import Failure, Success

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


CONTRACT = RemotePipelineContract()


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [
        pytest.param(AsksToDescribe, CONTRACT.test_check_and_describe_send_nothing, id="asks-to-describe"),
        pytest.param(
            ShowsSecretParameters, CONTRACT.test_describe_shows_what_would_be_sent_and_hides_secrets, id="shows-secrets"
        ),
        pytest.param(StartsAgain, CONTRACT.test_start_starts_one_run_with_exactly_the_parameters, id="starts-twice"),
        pytest.param(TrimsParameters, CONTRACT.test_start_starts_one_run_with_exactly_the_parameters, id="trims"),
        pytest.param(StartsAgain, CONTRACT.test_a_lost_answer_never_starts_a_second_run, id="starts-blindly"),
        pytest.param(NeverListens, CONTRACT.test_work_that_was_stopped_before_starts_nothing, id="never-listens"),
        pytest.param(LosesLines, CONTRACT.test_lines_arrive_once_and_in_order_with_their_timestamps, id="loses-lines"),
        pytest.param(DoublesLines, CONTRACT.test_an_outage_is_survived, id="doubles-lines"),
        pytest.param(
            CancelsWhenItStopsFollowing,
            CONTRACT.test_an_interruption_ends_following_and_cancels_nothing_by_itself,
            id="cancels-by-itself",
        ),
        pytest.param(
            DoublesLines, CONTRACT.test_lines_arrive_once_and_in_order_with_their_timestamps, id="prints-twice"
        ),
        pytest.param(
            ReportsEveryCancellationAsDone, CONTRACT.test_somebody_elses_run_is_never_canceled, id="cancels-strangers"
        ),
        pytest.param(NeverCancels, CONTRACT.test_cancel_ends_the_run_and_is_sent_once, id="never-cancels"),
        pytest.param(TellsAllAtTheEnd, CONTRACT.test_lines_arrive_while_the_run_goes_on, id="tells-at-the-end"),
        pytest.param(RunsToPreview, CONTRACT.test_preview_expands_and_starts_nothing, id="runs-to-preview"),
        pytest.param(KeepsCarriageReturns, CONTRACT.test_preview_expands_and_starts_nothing, id="carriage-returns"),
    ],
)
def test_a_faulty_pipeline_is_seen(spoilt: type[Spoilt], clause: Callable[[PipelineBench], None]) -> None:
    with staged(spoilt) as made, pytest.raises(Exception, match=r".") as seen:
        clause(made)
    assert "This clause of the port RemotePipeline is not kept" in "".join(seen.value.__notes__)


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.CANCELED])
def test_an_end_that_is_called_success_is_seen(verdict: Verdict) -> None:
    with staged(CallsEverythingSuccess) as made, pytest.raises(AssertionError):
        CONTRACT.test_a_run_ends_as_the_service_says(made, verdict)


@contextmanager
def staged(spoilt: type[Spoilt]) -> Iterator[PipelineBench]:
    with stage() as made:
        good = bench(made)
        yield replace(good, pipeline=spoilt(good.pipeline))

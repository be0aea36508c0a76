"""The contract of remote pipelines says no to adapters that do what must not be done."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from image_builder_contracts.remote_pipeline import PipelineBench, RemotePipelineContract
from image_builder_domain.ports import Cancellation, OutputSink
from image_builder_domain.remote_pipeline import (
    CancelFailed,
    FinishedRun,
    FollowFailure,
    PipelineMisconfigured,
    PreviewFailure,
    PreviewRequest,
    RemotePipeline,
    Run,
    RunRequest,
    StartFailure,
    Verdict,
)
from returns.result import Result, Success

from tests.contract.pipeline_bench import bench, stage


class Wrapped:
    """Hands everything on to a good adapter."""

    def __init__(self, inner: RemotePipeline) -> None:
        self.inner = inner

    def check(self) -> Result[None, PipelineMisconfigured]:
        return self.inner.check()

    def describe(self, request: RunRequest | PreviewRequest) -> str:
        return self.inner.describe(request)

    def start(self, request: RunRequest, cancellation: Cancellation) -> Result[Run, StartFailure]:
        return self.inner.start(request, cancellation)

    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        return self.inner.follow(run, output, cancellation)

    def cancel(self, run: Run) -> Result[None, CancelFailed]:
        return self.inner.cancel(run)

    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Result[str, PreviewFailure]:
        return self.inner.preview(request, cancellation)

    def close(self) -> None:
        self.inner.close()


class StartsTwice(Wrapped):
    def start(self, request: RunRequest, cancellation: Cancellation) -> Result[Run, StartFailure]:
        self.inner.start(request, cancellation)
        return self.inner.start(request, cancellation)


class TakesCanceledForSuccess(Wrapped):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        found = self.inner.follow(run, output, cancellation)
        return found.map(lambda finished: replace(finished, verdict=Verdict.SUCCEEDED))


class PrintsTwice(Wrapped):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        def twice(lines: bytes) -> None:
            output(lines)
            output(lines)

        return self.inner.follow(run, twice, cancellation)


class CancelsBySelf(Wrapped):
    def follow(self, run: Run, output: OutputSink, cancellation: Cancellation) -> Result[FinishedRun, FollowFailure]:
        found = self.inner.follow(run, output, cancellation)
        self.inner.cancel(run)
        return found


class SaysYesToEveryCancellation(Wrapped):
    def cancel(self, run: Run) -> Result[None, CancelFailed]:
        self.inner.cancel(run)
        return Success(None)


class ShowsSecrets(Wrapped):
    def describe(self, request: RunRequest | PreviewRequest) -> str:
        return str({each.name: each.value for each in request.parameters})


class PreviewsWindows(Wrapped):
    def preview(self, request: PreviewRequest, cancellation: Cancellation) -> Result[str, PreviewFailure]:
        return self.inner.preview(request, cancellation).map(lambda text: text.replace("\n", "\r\n"))


CONTRACT = RemotePipelineContract()
SPOILT: list[tuple[Callable[[RemotePipeline], RemotePipeline], Callable[[PipelineBench], Any]]] = [
    (StartsTwice, CONTRACT.test_start_starts_one_run_with_exactly_the_parameters),
    (StartsTwice, CONTRACT.test_a_lost_answer_never_starts_a_second_run),
    (TakesCanceledForSuccess, lambda bench: CONTRACT.test_a_run_ends_as_the_service_says(bench, Verdict.CANCELED)),
    (PrintsTwice, CONTRACT.test_lines_arrive_once_and_in_order_with_their_timestamps),
    (CancelsBySelf, CONTRACT.test_an_interruption_ends_following_and_cancels_nothing_by_itself),
    (SaysYesToEveryCancellation, CONTRACT.test_somebody_elses_run_is_never_canceled),
    (ShowsSecrets, CONTRACT.test_describe_shows_what_would_be_sent_and_hides_secrets),
    (PreviewsWindows, CONTRACT.test_preview_expands_and_starts_nothing),
]


@pytest.fixture
def good() -> Iterator[PipelineBench]:
    with stage() as made:
        yield bench(made)


@pytest.mark.parametrize(("spoil", "clause"), SPOILT)
def test_a_faulty_adapter_is_seen(
    good: PipelineBench,
    spoil: Callable[[RemotePipeline], RemotePipeline],
    clause: Callable[[PipelineBench], Any],
) -> None:
    clause(good)
    with stage() as made:
        bad = bench(made)
        with pytest.raises(AssertionError):
            clause(replace(bad, pipeline=spoil(bad.pipeline)))

"""A build in a pipeline: which interruptions cancel its run."""

from typing import Any

import pytest
from image_builder.workflows.remote_build import RemotePorts, build_remotely
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.remote import RemotePlan
from image_builder_domain.remote_pipeline import PipelineInterrupted, Run, RunRequest
from returns.result import Failure, Success

from tests.jobs import as_claimed
from tests.unit.listener import Heard

PUSH = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo")
SETTINGS = AdoSettings("https://dev.azure.example/acme", "images", 42)
PLAN = RemotePlan("app", as_claimed(PUSH), SETTINGS, RunRequest(()), (), ())
RUN = Run(901, "https://dev.azure.example/901")


class InterruptedPipeline:
    """A pipeline whose run is interrupted while it is followed."""

    def __init__(self, is_over: bool) -> None:
        self.is_over = is_over
        self.canceled = list[Run]()

    def start(self, *_: Any) -> Any:
        return Success(RUN)

    def follow(self, *_: Any) -> Any:
        return Failure(PipelineInterrupted(Interruption.SIGTERM, self.is_over))

    def cancel(self, run: Run) -> Any:
        self.canceled.append(run)
        return Success(None)

    def close(self) -> None:
        pass


class NoFiles:
    """Artifacts without a log folder."""

    def open_log(self, name: str) -> Any:
        del name
        return Success(None)


@pytest.mark.parametrize("is_over", [False, True])
def test_only_a_run_that_goes_on_is_canceled_by_a_signal(is_over: bool) -> None:
    pipeline = InterruptedPipeline(is_over)
    ports: Any = RemotePorts(pipeline, NoFiles())  # type: ignore[arg-type]  # only what this workflow calls
    outcome = build_remotely(PLAN, RunRequest(()), ports, Heard(), ManualCancellation())
    assert pipeline.canceled == ([] if is_over else [RUN])
    assert outcome.exit_code() is ExitCode.SIGTERM
    assert (outcome.canceled == "") == is_over

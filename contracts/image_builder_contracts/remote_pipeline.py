"""The contract of ``RemotePipeline``: what every adapter of a remote pipeline keeps (specification, section 7).

Subclass :class:`RemotePipelineContract` and give it a :class:`PipelineBench`: an adapter under test, and a view of the
service behind it. Our own stand-in is in :mod:`image_builder_stand_ins.azure_devops`.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, final

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.remote_pipeline import (
    FinishedRun,
    Parameter,
    PipelineInterrupted,
    PipelineRefused,
    PreviewRequest,
    RemotePipeline,
    Run,
    RunRequest,
    Verdict,
)
from image_builder_domain.report.pipeline_log import FIRST_LINE, LAST_LINE, without_timestamps
from returns.pipeline import is_successful

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of

RunScript: TypeAlias = Callable[[Callable[[str], None], Callable[[float], bool]], Verdict]
"""What a run does: it takes a function that prints a line and one that waits so many seconds for a cancellation."""


@final
@dataclass(frozen=True, slots=True)
class PipelineBench:
    """An adapter and the service behind it.

    ``cancellation`` keeps the time that the adapter goes by. ``will`` says what the next run does; everything it prints
    stands in the log of the task that prints the build report. ``started`` gives the parameters of every run so far,
    ``requests`` and ``cancels`` count what the service heard. ``lose_answer`` lets the next start happen with its
    answer lost, ``be_down`` lets so many requests fail while a run is followed. ``foreign_run`` starts a run for
    somebody else. ``definition`` is one that can be expanded, ``broken_definition`` one that cannot. ``secret``
    must never be shown; ``declared`` is a parameter that the pipeline knows. ``patience_seconds`` of real time is how
    long a run waits for somebody to hear it.
    """

    pipeline: RemotePipeline
    cancellation: ManualCancellation
    declared: str
    will: Callable[[RunScript], None]
    started: Callable[[], list[Mapping[str, str]]]
    requests: Callable[[], int]
    cancels: Callable[[], int]
    lose_answer: Callable[[], None]
    be_down: Callable[[int], None]
    foreign_run: Callable[[], Run]
    definition: str
    broken_definition: str
    secret: str = field(repr=False)
    patience_seconds: float = 8.0


def _succeed(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
    write("one")
    return Verdict.SUCCEEDED


def _until_canceled(_write: Callable[[str], None], canceled: Callable[[float], bool]) -> Verdict:
    return Verdict.CANCELED if canceled(20) else Verdict.FAILED


@contract_of("RemotePipeline")
class RemotePipelineContract:
    """What every remote pipeline keeps. A subclass overrides the fixture ``bench``."""

    @pytest.fixture
    def bench(self) -> PipelineBench:
        """The adapter under test and its service."""
        pytest.fail("override the 'bench' fixture so that it returns your adapter and a view of its service")

    # --- before anything is done ----------------------------------------------------------------------------------

    def test_check_and_describe_send_nothing(self, bench: PipelineBench) -> None:
        """A plan touches nothing (specification, section 9)."""
        assert is_successful(bench.pipeline.check())
        bench.pipeline.describe(_request(bench))
        bench.pipeline.describe(PreviewRequest((), bench.definition))
        assert bench.requests() == 0

    def test_describe_shows_what_would_be_sent_and_hides_secrets(self, bench: PipelineBench) -> None:
        """The plan prints the exact request with secrets hidden (specification, sections 7 and 9)."""
        parameters = (Parameter.of(bench.declared, "visible"), Parameter.secret("Token", "very-hidden"))
        shown = bench.pipeline.describe(RunRequest(parameters))
        assert "visible" in shown
        assert "very-hidden" not in shown
        assert bench.secret not in shown

    # --- starting -------------------------------------------------------------------------------------------------

    def test_start_starts_one_run_with_exactly_the_parameters(self, bench: PipelineBench) -> None:
        """Parameters arrive as they were given, all of them text."""
        bench.will(_succeed)
        run = bench.pipeline.start(_request(bench, "a,b=c \N{SNOWMAN}"), bench.cancellation).unwrap()
        assert [dict(each) for each in bench.started()] == [{bench.declared: "a,b=c \N{SNOWMAN}"}]
        assert str(run.number) in run.url

    def test_a_lost_answer_never_starts_a_second_run(self, bench: PipelineBench) -> None:
        """Starting is never repeated blindly: the run that was started is found."""
        bench.will(_succeed)
        bench.lose_answer()
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        assert len(bench.started()) == 1
        assert _follow(bench, run, []).verdict is Verdict.SUCCEEDED

    def test_what_the_service_refuses_is_told_and_starts_nothing(self, bench: PipelineBench) -> None:
        """A parameter that the pipeline does not declare fails the start, with its name."""
        found = bench.pipeline.start(RunRequest((Parameter.of("Unheard", "x"),)), bench.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert "Unheard" in str(found)
        assert bench.started() == []

    def test_work_that_was_stopped_before_starts_nothing(self, bench: PipelineBench) -> None:
        """An interruption before the start leaves nothing behind."""
        bench.cancellation.cancel(Interruption.SIGINT)
        found = bench.pipeline.start(_request(bench), bench.cancellation).failure()
        assert found == PipelineInterrupted(Interruption.SIGINT)
        assert bench.started() == []

    # --- following ------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.UNKNOWN])
    def test_a_run_ends_as_the_service_says(self, bench: PipelineBench, verdict: Verdict) -> None:
        """Only ``succeeded`` is success; every other end has its own name."""
        bench.will(lambda _write, _canceled: verdict)
        assert _run(bench, []).verdict is verdict

    def test_lines_arrive_once_and_in_order_with_their_timestamps(self, bench: PipelineBench) -> None:
        """Log lines reach the sink each once, in order, as whole lines."""
        lines = [f"line {number} of many" for number in range(3000)]

        def talk(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
            for line in lines:
                write(line)
            return Verdict.SUCCEEDED

        bench.will(talk)
        blocks: list[bytes] = []
        _run(bench, blocks)
        assert all(block.endswith(b"\n") for block in blocks)
        stamped = b"".join(blocks)
        found = [line for line in without_timestamps(stamped).decode().splitlines() if line.endswith(" of many")]
        assert found == lines
        assert without_timestamps(stamped) != stamped

    def test_lines_arrive_while_the_run_goes_on(self, bench: PipelineBench) -> None:
        """Nobody waits for the end to see the beginning."""
        heard = threading.Event()

        def talk(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
            write("are you there?")
            return Verdict.SUCCEEDED if heard.wait(bench.patience_seconds) else Verdict.FAILED

        def sink(block: bytes) -> None:
            if b"are you there?" in block:
                heard.set()

        bench.will(talk)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        assert bench.pipeline.follow(run, sink, bench.cancellation).unwrap().verdict is Verdict.SUCCEEDED

    def test_the_report_task_is_told_apart(self, bench: PipelineBench) -> None:
        """The build report comes from the task that prints it, without the service's timestamps."""

        def talk(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
            for line in (FIRST_LINE, "{}", LAST_LINE):
                write(line)
            return Verdict.SUCCEEDED

        bench.will(talk)
        assert f"{FIRST_LINE}\n{{}}\n{LAST_LINE}\n" in _run(bench, []).report_log

    def test_an_outage_is_survived(self, bench: PipelineBench) -> None:
        """Reads survive an outage of ten minutes; no line is lost or doubled by it."""
        bench.will(_succeed)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        bench.be_down(8)
        blocks: list[bytes] = []
        assert _follow(bench, run, blocks).verdict is Verdict.SUCCEEDED
        assert b"".join(blocks).count(b"one\n") == 1

    def test_an_interruption_ends_following_and_cancels_nothing_by_itself(self, bench: PipelineBench) -> None:
        """Following stops at once; whether the run is canceled is decided elsewhere, once."""
        bench.will(_until_canceled)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()

        def sink(_block: bytes) -> None:
            pass

        bench.cancellation.cancel(Interruption.SIGTERM)
        assert bench.pipeline.follow(run, sink, bench.cancellation).failure() == PipelineInterrupted(
            Interruption.SIGTERM
        )
        assert bench.cancels() == 0

    # --- canceling ------------------------------------------------------------------------------------------------

    def test_cancel_ends_the_run_and_is_sent_once(self, bench: PipelineBench) -> None:
        """The run is canceled although work must stop, and however often it is asked for."""
        bench.will(_until_canceled)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        assert is_successful(bench.pipeline.cancel(run))
        assert is_successful(bench.pipeline.cancel(run))
        assert bench.cancels() == 1
        assert _follow(bench, run, []).verdict is Verdict.CANCELED

    def test_canceling_a_run_that_is_over_is_no_failure(self, bench: PipelineBench) -> None:
        """It came too late, and that is all."""
        bench.will(_succeed)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        _follow(bench, run, [])
        assert is_successful(bench.pipeline.cancel(run))

    def test_somebody_elses_run_is_never_canceled(self, bench: PipelineBench) -> None:
        """A run that this process did not start is not asked to stop."""
        run = bench.foreign_run()
        before = bench.requests()
        assert not is_successful(bench.pipeline.cancel(run))
        assert bench.requests() == before

    # --- preview --------------------------------------------------------------------------------------------------

    def test_preview_expands_and_starts_nothing(self, bench: PipelineBench) -> None:
        """The expanded definition comes back as YAML with LF line ends."""
        found = bench.pipeline.preview(PreviewRequest((), bench.definition), bench.cancellation).unwrap()
        assert "steps:" in found
        assert "\r" not in found
        assert bench.started() == []

    @pytest.mark.parametrize("definition", ["", " \n\t"])
    def test_preview_of_nothing_is_refused_and_sends_nothing(self, bench: PipelineBench, definition: str) -> None:
        """An empty definition would be taken for the one in the repository."""
        found = bench.pipeline.preview(PreviewRequest((), definition), bench.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert bench.requests() == 0

    def test_preview_says_where_a_definition_is_wrong(self, bench: PipelineBench) -> None:
        """The service's reasons come with file, line and column."""
        found = bench.pipeline.preview(PreviewRequest((), bench.broken_definition), bench.cancellation).failure()
        assert isinstance(found, PipelineRefused)
        assert any(":" in detail for detail in found.details), found

    # --- always ---------------------------------------------------------------------------------------------------

    def test_the_secret_is_never_shown(self, bench: PipelineBench, caplog: pytest.LogCaptureFixture) -> None:
        """Not in failures, logs or representations."""
        caplog.set_level(logging.DEBUG)
        bench.will(_succeed)
        run = bench.pipeline.start(_request(bench), bench.cancellation).unwrap()
        refused = bench.pipeline.start(RunRequest((Parameter.of("Unheard", "x"),)), bench.cancellation)
        shown = [repr(bench.pipeline), repr(run), repr(refused), repr(_follow(bench, run, [])), caplog.text]
        assert bench.secret not in "\n".join(shown)

    def test_close_can_be_called_twice(self, bench: PipelineBench) -> None:
        """Cleaning up is always safe."""
        bench.pipeline.close()
        bench.pipeline.close()


def _request(bench: PipelineBench, value: str = "value") -> RunRequest:
    return RunRequest((Parameter.of(bench.declared, value),))


def _run(bench: PipelineBench, blocks: list[bytes]) -> FinishedRun:
    return _follow(bench, bench.pipeline.start(_request(bench), bench.cancellation).unwrap(), blocks)


def _follow(bench: PipelineBench, run: Run, blocks: list[bytes]) -> FinishedRun:
    return bench.pipeline.follow(run, blocks.append, bench.cancellation).unwrap()

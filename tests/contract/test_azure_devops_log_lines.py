"""When log lines of a run appear, and how long is waited for them at its end: on virtual time."""

import threading
from collections.abc import Callable

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.remote_pipeline import PipelineInterrupted, Verdict
from image_builder_stand_ins.azure_devops.fault import Cut, HangUp, Replace, front_door, throttled
from image_builder_stand_ins.azure_devops.message import Answer, Operation, text_answer
from returns.result import Failure

from tests.contract.pipeline_bench import stage
from tests.contract.pipeline_scripts import LINES, own_lines, talk

LATE = ["log-line-counts-early", "log-line-counts-zero", "log-line-counts-missing", "log-line-counts-high"]


@pytest.mark.parametrize("fault", LATE)
def test_a_line_appears_within_two_refresh_intervals_whatever_the_service_says_of_their_number(fault: str) -> None:
    """The sink writes the next line as soon as it sees the one before, so no other thread decides the time."""
    written, done = threading.Event(), threading.Event()
    writers: list[Callable[[str], None]] = []
    seen: list[float] = []

    def script(write: Callable[[str], None], _canceled: Callable[[float], bool]) -> Verdict:
        writers.append(write)
        write("line 0")
        written.set()
        done.wait(10)
        return Verdict.SUCCEEDED

    with stage() as made:
        made.script = script
        made.service.fail(fault)
        run = made.start()
        assert written.wait(10)

        def sink(block: bytes) -> None:
            if own_lines([block]):
                seen.append(made.cancellation.elapsed)
                if len(seen) < 8:
                    writers[0](f"line {len(seen)}")
                else:
                    done.set()

        assert made.adapter.follow(run, sink, made.cancellation).unwrap().verdict is Verdict.SUCCEEDED
    assert len(seen) == 8
    assert max(later - earlier for earlier, later in zip([0, *seen], seen, strict=False)) <= 30


BROKEN = [
    pytest.param([Operation.GET_LOG], Replace(front_door()), id="log-503"),
    pytest.param([Operation.GET_LOG], Replace(throttled("300")), id="log-429"),
    pytest.param([Operation.GET_LOG], HangUp(), id="log-hang-up"),
    pytest.param([Operation.GET_LOG], Replace(Answer(401)), id="log-401"),
    pytest.param([Operation.GET_LOG], Replace(text_answer(404, "gone")), id="log-404"),
    pytest.param([Operation.GET_LOG], Replace(Answer(204)), id="log-204"),
    pytest.param([Operation.TIMELINE], Replace(front_door()), id="timeline-503"),
    pytest.param([Operation.TIMELINE], Replace(Answer(204)), id="timeline-204"),
    pytest.param([Operation.TIMELINE], Cut(40), id="timeline-cut"),
    pytest.param([Operation.TIMELINE, Operation.GET_LOG, Operation.LIST_LOGS], HangUp(), id="all"),
]


@pytest.mark.parametrize(("operations", "fault"), BROKEN)
def test_logs_of_a_completed_run_are_waited_for_at_most_a_minute(
    operations: list[Operation], fault: Replace | HangUp | Cut
) -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        assert made.service.runs[0].completed.wait(10)
        made.service.inject(fault, on=operations, times=None)
        found = made.adapter.follow(run, lambda _: None, made.cancellation).unwrap()
        assert found.verdict is Verdict.SUCCEEDED
        waited = made.cancellation.elapsed - 15
        is_throttled = isinstance(fault, Replace) and fault.answer.status == 429
        assert waited <= (300 if is_throttled else 60)  # the result is asked for when the service says
        assert any("could not be read to their end" in note for note in found.notes) == (waited > 10)


def test_logs_that_make_progress_are_read_for_longer_than_a_minute() -> None:
    """Each answer ends early, and a later one gives the next piece."""
    with stage() as made:
        made.script = talk
        run = made.start()
        assert made.service.runs[0].completed.wait(10)
        made.service.inject(Cut(400), on=[Operation.GET_LOG], times=20)
        blocks = list[bytes]()
        found = made.adapter.follow(run, blocks.append, made.cancellation).unwrap()
        assert (found.verdict, own_lines(blocks), found.notes) == (Verdict.SUCCEEDED, LINES, ())
        assert made.cancellation.elapsed > 75


@pytest.mark.parametrize("operation", [Operation.GET_LOG, Operation.GET_BUILD])
def test_a_signal_after_the_end_of_a_run_says_that_it_is_over(operation: Operation) -> None:
    with stage() as made:
        made.script = talk
        run = made.start()
        assert made.service.runs[0].completed.wait(10)
        made.service.inject(Replace(front_door()), on=[operation], times=None)
        made.cancellation = type(made.cancellation)(deadline_seconds=20)
        found = made.adapter.follow(run, lambda _: None, made.cancellation)
        assert found == Failure(PipelineInterrupted(Interruption.DEADLINE, is_over=True))
        assert made.service.count(Operation.CANCEL) == 0

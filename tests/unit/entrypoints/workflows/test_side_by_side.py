"""Work side by side: in order, bounded, and never deaf to a signal."""

import signal
import threading
import time

import pytest
from image_builder.workflows.side_by_side import side_by_side
from image_builder_adapters.cancellation import SignalCancellation
from image_builder_domain.exit_code import Interruption


def test_answers_come_in_the_order_of_their_items() -> None:
    last = threading.Event()

    def work(number: int) -> int:
        assert number == 1 or last.wait(60)
        last.set()
        return number * 2

    assert side_by_side(work, (0, 1), 2) == (0, 2)
    assert side_by_side(work, (), 2) == ()


def test_no_more_threads_work_than_allowed() -> None:
    def work(_item: int) -> str:
        time.sleep(0.01)
        return threading.current_thread().name

    assert set(side_by_side(work, range(9), 2)) <= {"side-by-side_0", "side-by-side_1"}


def test_a_bug_in_one_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, (1, 0), 2)


def test_a_signal_that_another_thread_took_is_heard_at_once() -> None:
    cancellation = SignalCancellation()

    def work(_item: None) -> Interruption | None:
        time.sleep(0.5)  # until the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        cancellation.wait(30)
        return cancellation.reason()

    with cancellation.install():
        started = time.monotonic()
        assert side_by_side(work, (None,), 1) == (Interruption.SIGTERM,)
    assert time.monotonic() - started < 20

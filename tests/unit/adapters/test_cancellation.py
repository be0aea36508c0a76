"""The one signal to stop."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable

import pytest
from image_builder_adapters.cancellation import Interrupted, ScopedCancellation, SignalCancellation
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.exit_code import Interruption


def test_without_deadline_or_signal_work_may_go_on() -> None:
    cancellation = SignalCancellation()
    assert not cancellation.wait(0.01)
    assert (cancellation.reason(), cancellation.remaining()) == (None, None)


def test_deadline_ends_the_wait_early() -> None:
    start = time.monotonic()
    cancellation = SignalCancellation(0.1)
    assert cancellation.wait(30)
    assert time.monotonic() - start < 5
    assert (cancellation.reason(), cancellation.remaining()) == (Interruption.DEADLINE, 0.0)


def test_first_signal_gives_the_reason_and_later_ones_are_only_noted() -> None:
    cancellation = SignalCancellation(60)
    with cancellation.install():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert cancellation.wait(5)
    assert cancellation.reason() is Interruption.SIGINT
    assert cancellation.signals == (signal.SIGINT, signal.SIGTERM, signal.SIGINT)


def test_signal_that_the_parent_blocked_is_heard() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        cancellation = SignalCancellation()
        with cancellation.install():
            os.kill(os.getpid(), signal.SIGTERM)
            assert cancellation.wait(5)
        assert cancellation.reason() is Interruption.SIGTERM
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_signal_after_the_deadline_does_not_change_the_reason() -> None:
    cancellation = SignalCancellation(0)
    with cancellation.install():
        os.kill(os.getpid(), signal.SIGTERM)
    assert cancellation.reason() is Interruption.DEADLINE


def test_signal_wakes_every_waiting_thread() -> None:
    cancellation = SignalCancellation()
    heard: list[bool] = []
    threads = [threading.Thread(target=lambda: heard.append(cancellation.wait(30))) for _ in range(3)]
    start = time.monotonic()
    with cancellation.install():
        for thread in threads:
            thread.start()
        os.kill(os.getpid(), signal.SIGTERM)
        for thread in threads:
            thread.join(5)
    assert heard == [True] * 3
    assert time.monotonic() - start < 5


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with SignalCancellation().install():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_part_of_a_run_hears_the_run_first() -> None:
    run = ManualCancellation(deadline_seconds=5)
    part = ScopedCancellation(run, 60)
    assert part.remaining() == 5
    assert not part.wait(0.01)
    part.stop(Interruption.ANOTHER_BUILD_FAILED)
    run.cancel(Interruption.SIGTERM)
    assert part.wait(30)
    assert part.reason() is Interruption.SIGTERM


def test_a_part_that_is_stopped_does_not_stop_the_run() -> None:
    run = ManualCancellation()
    part = ScopedCancellation(run)
    part.stop(Interruption.ANOTHER_BUILD_FAILED)
    assert (part.reason(), run.reason()) == (Interruption.ANOTHER_BUILD_FAILED, None)


def test_the_earlier_deadline_counts() -> None:
    remaining = ScopedCancellation(SignalCancellation(60), 3600).remaining()
    assert remaining is not None
    assert 0 < remaining <= 60


def test_a_deadline_counts_from_when_the_run_began() -> None:
    assert SignalCancellation(60, time.monotonic() - 61).reason() is Interruption.DEADLINE


def loop_forever() -> None:
    while True:
        pass


def match_forever() -> None:
    re.fullmatch(r"(a|a)*b", "a" * 60)  # exponential, and without a single bytecode


@pytest.mark.parametrize("work", [loop_forever, match_forever])
def test_a_deadline_interrupts_work_that_asks_nobody(work: Callable[[], None]) -> None:
    start = time.monotonic()
    cancellation = SignalCancellation(0.1)
    with pytest.raises(Interrupted) as stopped, cancellation.interrupting():
        work()
    assert stopped.value.reason is Interruption.DEADLINE
    assert time.monotonic() - start < 5
    assert not isinstance(stopped.value, Exception)


def test_a_second_signal_does_not_interrupt_the_cleaning_up() -> None:
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            loop_forever()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
            cleaned.append(True)

    with pytest.raises(Interrupted) as stopped, SignalCancellation(60).interrupting():
        work()
    assert cleaned == [True]
    assert stopped.value.reason is Interruption.SIGINT


def test_work_that_asks_is_not_interrupted() -> None:
    cancellation = SignalCancellation(60)
    with cancellation.interrupting(), cancellation.install():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGALRM)
        time.sleep(0.01)
    assert cancellation.reason() is Interruption.SIGTERM


def test_nothing_comes_after_interrupting() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    with SignalCancellation(0.05).interrupting():
        pass
    time.sleep(0.1)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)] == before

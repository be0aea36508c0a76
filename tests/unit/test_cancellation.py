"""The one signal to stop."""

import os
import signal
import threading
import time

from image_builder_adapters.cancellation import SignalCancellation, TimeLimit
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.interruption import Interruption


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


def test_a_time_limit_is_a_deadline_of_its_own() -> None:
    limit = TimeLimit(0.1)
    assert limit.reason() is None
    assert limit.wait(30)
    assert (limit.reason(), limit.remaining()) == (Interruption.DEADLINE, 0.0)


def test_a_time_limit_hears_what_is_above_it_first() -> None:
    above = ManualCancellation(deadline_seconds=5)
    limit = TimeLimit(60, above)
    assert limit.remaining() == 5
    assert not limit.wait(0.01)
    above.cancel(Interruption.SIGTERM)
    assert limit.wait(30)
    assert limit.reason() is Interruption.SIGTERM

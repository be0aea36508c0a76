"""Our cancellations keep the contract; faulty ones do not."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from image_builder_adapters.cancellation import ScopedCancellation, SignalCancellation
from image_builder_contracts import cancellation as contract
from image_builder_contracts.cancellation import CancellationContract, CancellationFactory, ManualCancellation, Stop
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation

from tests.contract.clauses import not_kept

SIGNALS = {Interruption.SIGINT: signal.SIGINT, Interruption.SIGTERM: signal.SIGTERM}


class TestSignals(CancellationContract):
    @pytest.fixture
    def make(self) -> Iterator[CancellationFactory]:
        with ExitStack() as stack:

            def make(seconds: float | None) -> Cancellation:
                cancellation = SignalCancellation(seconds)
                stack.enter_context(cancellation.install())
                return cancellation

            yield make

    @pytest.fixture
    def stop(self) -> Stop:
        def stop(_: Cancellation, reason: Interruption) -> None:
            os.kill(os.getpid(), SIGNALS[reason])
            time.sleep(0.01)  # between two bytecodes of this thread the handler runs

        return stop


def pull(cancellation: Cancellation, reason: Interruption) -> None:
    assert isinstance(cancellation, ManualCancellation)
    cancellation.cancel(reason)


class TestVirtualTime(CancellationContract):
    @pytest.fixture
    def make(self) -> CancellationFactory:
        return ManualCancellation

    @pytest.fixture
    def stop(self) -> Stop:
        return pull


class TestScoped(CancellationContract):
    """One with a deadline of its own, which is stopped by its method."""

    @pytest.fixture
    def make(self) -> CancellationFactory:
        return lambda seconds: ScopedCancellation(seconds=seconds)

    @pytest.fixture
    def stop(self) -> Stop:
        def stop(cancellation: Cancellation, reason: Interruption) -> None:
            assert isinstance(cancellation, ScopedCancellation)
            cancellation.stop(reason)

        return stop


class TestScopedBelowAnother(CancellationContract):
    """One that stops when its parent does."""

    @pytest.fixture
    def parents(self) -> dict[int, ScopedCancellation]:
        return {}

    @pytest.fixture
    def make(self, parents: dict[int, ScopedCancellation]) -> CancellationFactory:
        def make(seconds: float | None) -> Cancellation:
            parent = ScopedCancellation(seconds=seconds)
            child = ScopedCancellation(parent)
            parents[id(child)] = parent
            return child

        return make

    @pytest.fixture
    def stop(self, parents: dict[int, ScopedCancellation]) -> Stop:
        return lambda cancellation, reason: parents[id(cancellation)].stop(reason)


# --- faulty ones ------------------------------------------------------------------------------------------------------


class Faulty:
    """A good cancellation, of which each fault overrides one thing."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds
        self._stopped = threading.Event()
        self.heard: Interruption | None = None

    def stop(self, reason: Interruption) -> None:
        self.heard = self.reason() or reason
        self._stopped.set()

    def reason(self) -> Interruption | None:
        if self.heard is None and self._end is not None and time.monotonic() >= self._end:
            self.heard = Interruption.DEADLINE
        return self.heard

    def wait(self, seconds: float) -> bool:
        left = self.remaining()
        self._stopped.wait(seconds if left is None else min(seconds, left))
        return self.reason() is not None

    def remaining(self) -> float | None:
        return None if self._end is None else max(0.0, self._end - time.monotonic())


class IgnoresItsDeadline(Faulty):
    def reason(self) -> Interruption | None:
        return self.heard


class AlwaysStops(Faulty):
    def reason(self) -> Interruption | None:
        return self.heard or Interruption.SIGTERM


class SleepsTooLong(Faulty):
    def wait(self, seconds: float) -> bool:
        if threading.current_thread() is threading.main_thread():  # else a clause that joins threads may fail too
            time.sleep(1.2)
        return super().wait(seconds)


class GoesBelowZero(Faulty):
    def remaining(self) -> float | None:
        return None if self._end is None else self._end - time.monotonic()

    def wait(self, seconds: float) -> bool:
        self._stopped.wait(min(seconds, max(0.0, self.remaining() or 0.0)))
        return self.reason() is not None


class CallsEverythingSigterm(Faulty):
    def reason(self) -> Interruption | None:
        return Interruption.SIGTERM if super().reason() is not None else None


class TakesTheLastReason(Faulty):
    def stop(self, reason: Interruption) -> None:
        self.heard = reason
        self._stopped.set()


class ForgetsTheReason(Faulty):
    def reason(self) -> Interruption | None:
        found, self.heard = super().reason(), None
        return found


class DoesNotSayWhy(Faulty):
    def wait(self, seconds: float) -> bool:
        super().wait(seconds)
        return False


class PausesAllTheSame(Faulty):
    def wait(self, seconds: float) -> bool:
        time.sleep(min(seconds, 0.4))
        return self.reason() is not None


def _stop(cancellation: Cancellation, reason: Interruption) -> None:
    assert isinstance(cancellation, Faulty)
    cancellation.stop(reason)


FAULTY: dict[type[Faulty], set[str]] = {
    Faulty: set(),
    IgnoresItsDeadline: {"a_deadline_ends_a_wait_and_is_the_reason", "a_stop_after_the_deadline_changes_nothing"},
    AlwaysStops: {
        "a_deadline_ends_a_wait_and_is_the_reason",
        "a_stop_after_the_deadline_changes_nothing",
        "a_stop_is_reported_with_its_reason",
        "a_wait_lasts_at_most_as_long_as_it_was_asked_to",
        "without_a_reason_work_may_go_on",
    },
    SleepsTooLong: {
        "a_deadline_ends_a_wait_and_is_the_reason",
        "a_wait_after_a_stop_returns_at_once",
        "a_wait_lasts_at_most_as_long_as_it_was_asked_to",
    },
    GoesBelowZero: {"what_remains_shrinks_and_is_never_below_zero"},
    CallsEverythingSigterm: {
        "a_deadline_ends_a_wait_and_is_the_reason",
        "a_stop_after_the_deadline_changes_nothing",
        "a_stop_is_reported_with_its_reason",
    },
    TakesTheLastReason: {"a_stop_after_the_deadline_changes_nothing", "the_first_reason_stays"},
    ForgetsTheReason: {
        "a_stop_is_heard_by_every_thread",
        "a_stop_is_reported_with_its_reason",
        "a_wait_after_a_stop_returns_at_once",
        "the_first_reason_stays",
    },
    DoesNotSayWhy: {
        "a_deadline_ends_a_wait_and_is_the_reason",
        "a_stop_after_the_deadline_changes_nothing",
        "a_stop_is_heard_by_every_thread",
        "a_stop_is_reported_with_its_reason",
        "a_wait_after_a_stop_returns_at_once",
    },
    PausesAllTheSame: {"a_wait_after_a_stop_returns_at_once"},
}
"""Cancellations with one fault each (the first has none), and the clauses that they do not keep."""


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_cancellation_is_rejected(faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "_SOON", 1.0)  # seconds; a slow cancellation must not make the test slow

    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        yield {"make": faulty, "stop": _stop}

    assert not_kept(CancellationContract, fixtures) == FAULTY[faulty]

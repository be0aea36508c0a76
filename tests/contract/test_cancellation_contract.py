"""Our cancellations keep the contract; faulty ones do not."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from image_builder_adapters.cancellation import ScopedCancellation, SignalCancellation
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.cancellation_contract import CancellationContract, CancellationFactory, Stop
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation

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


class SleepsThroughASecond(Faulty):
    def wait(self, seconds: float) -> bool:
        time.sleep(max(seconds, 5.5))
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
        time.sleep(min(seconds, 2.0))
        return self.reason() is not None


def test_the_unspoilt_one_is_good() -> None:
    contract = CancellationContract()
    contract.test_without_a_reason_work_may_go_on(Faulty)
    contract.test_a_deadline_ends_a_wait_and_is_the_reason(Faulty)
    contract.test_what_remains_shrinks_and_is_never_below_zero(Faulty)
    contract.test_a_stop_is_heard_by_every_thread(Faulty, _stop)


def _stop(cancellation: Cancellation, reason: Interruption) -> None:
    assert isinstance(cancellation, Faulty)
    cancellation.stop(reason)


CONTRACT = CancellationContract()


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [
        pytest.param(AlwaysStops, CONTRACT.test_without_a_reason_work_may_go_on, id="always-stops"),
        pytest.param(SleepsThroughASecond, CONTRACT.test_a_wait_lasts_at_most_as_long_as_it_was_asked_to, id="sleeps"),
        pytest.param(IgnoresItsDeadline, CONTRACT.test_a_deadline_ends_a_wait_and_is_the_reason, id="no-deadline"),
        pytest.param(DoesNotSayWhy, CONTRACT.test_a_deadline_ends_a_wait_and_is_the_reason, id="says-false"),
        pytest.param(GoesBelowZero, CONTRACT.test_what_remains_shrinks_and_is_never_below_zero, id="below-zero"),
    ],
)
def test_a_faulty_cancellation_is_seen(spoilt: type[Faulty], clause: Callable[[CancellationFactory], None]) -> None:
    with pytest.raises(AssertionError):
        clause(spoilt)


@pytest.mark.parametrize(
    ("spoilt", "clause"),
    [
        pytest.param(TakesTheLastReason, CONTRACT.test_the_first_reason_stays, id="last-reason"),
        pytest.param(TakesTheLastReason, CONTRACT.test_a_stop_after_the_deadline_changes_nothing, id="late-reason"),
        pytest.param(PausesAllTheSame, CONTRACT.test_a_wait_after_a_stop_returns_at_once, id="pauses"),
        pytest.param(DoesNotSayWhy, CONTRACT.test_a_stop_is_heard_by_every_thread, id="unheard"),
    ],
)
def test_a_cancellation_that_is_stopped_badly_is_seen(
    spoilt: type[Faulty], clause: Callable[[CancellationFactory, Stop], None]
) -> None:
    with pytest.raises(AssertionError):
        clause(spoilt, _stop)


@pytest.mark.parametrize("spoilt", [CallsEverythingSigterm, ForgetsTheReason])
def test_a_wrong_or_forgotten_reason_is_seen(spoilt: type[Faulty]) -> None:
    with pytest.raises(AssertionError):
        CONTRACT.test_a_stop_is_told_with_its_reason(spoilt, _stop, Interruption.SIGINT)

"""What every ``Cancellation`` keeps, and one that a test controls, on virtual time.

Subclass :class:`CancellationContract` and override ``make`` and ``stop``. A cancellation on virtual time can pass too:
no clause needs a wait to take long, only not to take too long.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeAlias, final

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation

from image_builder_contracts.clause import contract_of


@final
class ManualCancellation:
    """Implements ``Cancellation`` on virtual time: waiting adds to ``elapsed`` (seconds) and returns at once.

    Time passes only in :meth:`wait` (and :meth:`pass_time`). ``deadline_seconds`` after the start the reason becomes
    ``DEADLINE``; :meth:`cancel` sets one at once. ``waits`` keeps what each caller asked for, in seconds.
    """

    def __init__(self, deadline_seconds: float | None = None) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []
        self._deadline = deadline_seconds
        self._reason: Interruption | None = None

    def cancel(self, reason: Interruption = Interruption.SIGTERM) -> None:
        """Stop the work now; the first reason stays."""
        self._reason = self._reason or reason

    def pass_time(self, seconds: float) -> None:
        """Let so many virtual seconds go by."""
        self.elapsed += seconds
        if self._deadline is not None and self.elapsed >= self._deadline:
            self.cancel(Interruption.DEADLINE)

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``: the wait ends at the deadline, as a real one does."""
        self.waits.append(seconds)
        if self._reason is None:
            left = self.remaining()
            self.pass_time(seconds if left is None else min(seconds, left))
        return self._reason is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        return None if self._deadline is None else max(0.0, self._deadline - self.elapsed)


CancellationFactory: TypeAlias = Callable[[float | None], Cancellation]
"""Makes a cancellation with a deadline so many seconds from now, or without one."""

Stop: TypeAlias = Callable[[Cancellation, Interruption], None]
"""Says to a cancellation, from outside, that work must stop: ``SIGINT`` or ``SIGTERM``."""

_SOON = 5.0


@contract_of("Cancellation")
class CancellationContract:
    """Clauses of the ``Cancellation`` port."""

    @pytest.fixture
    def make(self) -> CancellationFactory:
        """Makes cancellations under test."""
        pytest.fail("override the 'make' fixture so that it makes your adapter")

    @pytest.fixture
    def stop(self) -> Stop:
        """Stops one."""
        pytest.fail("override the 'stop' fixture so that it stops your adapter from outside")

    def test_without_a_reason_work_may_go_on(self, make: CancellationFactory) -> None:
        """No deadline, no signal: nothing to tell, and a wait is just a wait."""
        cancellation = make(None)
        assert cancellation.wait(0.01) is False
        assert (cancellation.reason(), cancellation.remaining()) == (None, None)

    def test_a_wait_lasts_at_most_as_long_as_it_was_asked_to(self, make: CancellationFactory) -> None:
        """In seconds, also with a deadline that is far away."""
        start = time.monotonic()
        assert make(3600).wait(0.05) is False
        assert time.monotonic() - start < _SOON

    def test_a_deadline_ends_a_wait_and_is_the_reason(self, make: CancellationFactory) -> None:
        """A wait that outlasts the deadline ends there (section 1, ``--timeout``)."""
        start, cancellation = time.monotonic(), make(0.1)
        assert cancellation.wait(60) is True
        assert time.monotonic() - start < _SOON
        assert cancellation.reason() is Interruption.DEADLINE

    def test_what_remains_shrinks_and_is_never_below_zero(self, make: CancellationFactory) -> None:
        """Seconds that are left; children get them as their own limit."""
        cancellation = make(0.2)
        first = cancellation.remaining()
        cancellation.wait(0.05)
        second = cancellation.remaining()
        assert first is not None
        assert second is not None
        assert 0.2 >= first > second >= 0
        cancellation.wait(60)
        time.sleep(0.05)
        assert cancellation.remaining() == 0

    @pytest.mark.parametrize("reason", [Interruption.SIGINT, Interruption.SIGTERM])
    def test_a_stop_is_reported_with_its_reason(
        self, make: CancellationFactory, stop: Stop, reason: Interruption
    ) -> None:
        """It becomes the exit code (section 1), and it stays."""
        cancellation = make(None)
        stop(cancellation, reason)
        assert cancellation.wait(60) is True
        assert [cancellation.reason(), cancellation.reason()] == [reason, reason]

    def test_the_first_reason_stays(self, make: CancellationFactory, stop: Stop) -> None:
        """CI systems send several signals; what came first is why the work stopped."""
        cancellation = make(None)
        stop(cancellation, Interruption.SIGTERM)
        stop(cancellation, Interruption.SIGINT)
        cancellation.wait(0.01)
        assert cancellation.reason() is Interruption.SIGTERM

    def test_a_stop_after_the_deadline_changes_nothing(self, make: CancellationFactory, stop: Stop) -> None:
        """The deadline was first."""
        cancellation = make(0.05)
        assert cancellation.wait(60) is True
        stop(cancellation, Interruption.SIGINT)
        assert cancellation.reason() is Interruption.DEADLINE

    def test_a_wait_after_a_stop_returns_at_once(self, make: CancellationFactory, stop: Stop) -> None:
        """Cleaning up has no time for pauses."""
        cancellation = make(None)
        stop(cancellation, Interruption.SIGINT)
        start = time.monotonic()
        assert all(cancellation.wait(60) for _ in range(3))
        assert time.monotonic() - start < _SOON

    def test_a_stop_is_heard_by_every_thread(self, make: CancellationFactory, stop: Stop) -> None:
        """Builds, signers and requests wait side by side, and none of them outlives the run."""
        cancellation, heard = make(None), list[bool]()
        threads = [threading.Thread(target=lambda: heard.append(_until_stopped(cancellation))) for _ in range(3)]
        for thread in threads:
            thread.start()
        stop(cancellation, Interruption.SIGTERM)
        for thread in threads:
            thread.join(_SOON)
        assert heard == [True] * 3


def _until_stopped(cancellation: Cancellation) -> bool:
    """On virtual time a wait ends at once, so it is asked again for a while."""
    end = time.monotonic() + _SOON
    while time.monotonic() < end:
        if cancellation.wait(_SOON):
            return True
    return False

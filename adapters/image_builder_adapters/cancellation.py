"""The one signal to stop a run: SIGINT, SIGTERM or a deadline, whichever comes first.

Prow sends SIGINT and SIGTERM at nearly the same time and kills 15 s later, so the first signal decides the reason and
the others only get noted: cleaning up must not be cut short by them.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation

_REASONS: Final = {signal.SIGINT: Interruption.SIGINT, signal.SIGTERM: Interruption.SIGTERM}
_HEARD: Final = (*_REASONS, signal.SIGALRM)
_NAP: Final = 0.05


class Interrupted(BaseException):
    """Raised where work does not check for cancellation itself: see :meth:`SignalCancellation.interrupting`."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(reason.name)
        self.reason = reason


@final
class TimeLimit:
    """Implements ``Cancellation``: ``parent``'s, and so many seconds from now as a deadline of its own."""

    def __init__(self, seconds: float, parent: Cancellation | None = None) -> None:
        self._end = time.monotonic() + seconds
        self._parent = parent
        self._reason: Interruption | None = None

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``; what was heard first stays, and of two at once the parent's."""
        if self._reason is None and self._parent is not None:
            self._reason = self._parent.reason()
        if self._reason is None and time.monotonic() >= self._end:
            self._reason = Interruption.DEADLINE
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        end = min(time.monotonic() + seconds, self._end)
        while self.reason() is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _NAP))
        return self.reason() is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        left = max(0.0, self._end - time.monotonic())
        above = self._parent.remaining() if self._parent is not None else None
        return left if above is None else min(left, above)


@final
class SignalCancellation:
    """Implements ``Cancellation`` for one run of the tool.

    ``timeout`` is in seconds from ``started``, a time of ``time.monotonic``; None is now.
    """

    def __init__(self, timeout: float | None = None, started: float | None = None) -> None:
        begin = time.monotonic() if started is None else started
        self._deadline = None if timeout is None else begin + timeout
        self._reason: Interruption | None = None
        self._signals: list[int] = []
        self._raises = False

    @property
    def signals(self) -> tuple[int, ...]:
        """Every signal that came while installed, in order; the first one gave the reason."""
        return tuple(self._signals)

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``; what was first stays the reason."""
        if self._reason is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self._reason = Interruption.DEADLINE
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        end = time.monotonic() + seconds
        while self.reason() is None and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _NAP))
        return self.reason() is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``; never below zero."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    @contextmanager
    def install(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM inside the ``with``; only the main thread may do this.

        From here on work checks for cancellation itself, so nothing is raised any more, not even after the ``with``.
        """
        self._raises = False
        before = {number: signal.signal(number, self._heard) for number in _REASONS}
        try:
            yield
        finally:
            self._restore(before)

    def ignore(self) -> None:
        """Ignore SIGINT and SIGTERM from now on, also after :meth:`install` and :meth:`interrupting` have ended."""
        self._raises = False
        for number in _REASONS:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise :class:`Interrupted` out of the ``with``, once, when a signal comes or the deadline passes.

        For reading and deciding, which do not check for cancellation: no foreign text keeps the run beyond its
        deadline. Only the main thread may do this. :meth:`install` inside of it ends it.
        """
        before = {number: signal.signal(number, self._heard) for number in _HEARD}
        try:
            self._raises = True
            left = self.remaining()
            if left is not None:
                signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6))
            yield
        finally:
            self._raises = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._restore(before)

    def _restore(self, before: Mapping[signal.Signals, Any]) -> None:
        for number, handler in before.items():
            if signal.getsignal(number) == self._heard:  # else :meth:`ignore` was called meanwhile
                signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        # Runs between two bytecodes of the main thread, which may hold any lock just then: nothing here takes one. That
        # is why `wait` takes naps instead of waiting for a `threading.Event`, whose `set` could deadlock here.
        if number != signal.SIGALRM:
            self._signals.append(number)
        if self.reason() is None:
            # The timer of the kernel and the clock may differ by a little.
            self._reason = _REASONS.get(signal.Signals(number), Interruption.DEADLINE)
        if self._raises and self._reason is not None:
            self._raises = False  # a second signal must not interrupt the cleaning up after the first
            raise Interrupted(self._reason)

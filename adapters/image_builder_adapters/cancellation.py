"""When to stop a run or a part of it: SIGINT, SIGTERM or a deadline, the first of them.

Prow sends SIGINT and SIGTERM at nearly the same time and kills 15 s later, so the first signal decides the reason and
the others only get noted: cleaning up must not be cut short by them.
"""

import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_domain.exit_code import Interruption

if TYPE_CHECKING:
    from image_builder_domain.ports import Cancellation

_REASONS: Final = {signal.SIGINT: Interruption.SIGINT, signal.SIGTERM: Interruption.SIGTERM}
_SIGNALS: Final = (*_REASONS, signal.SIGALRM)
_NAP: Final = 0.05


class Interrupted(BaseException):
    """Raised where work does not check for cancellation itself: see :meth:`SignalCancellation.interrupting`."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(reason.name)
        self.reason = reason


class ScopedCancellation:
    """Implements ``Cancellation`` for a part of a run, which stops with ``parent``, at its deadline or by :meth:`stop`.

    The deadline is ``seconds`` after ``started``, a time of ``time.monotonic``; None is now.
    """

    def __init__(
        self, parent: "Cancellation | None" = None, seconds: float | None = None, started: float | None = None
    ) -> None:
        begin = time.monotonic() if started is None else started
        self._parent = parent
        self._end = None if seconds is None else begin + seconds
        self._stopped: Interruption | None = None
        self._reason: Interruption | None = None

    def stop(self, reason: Interruption) -> None:
        """Stop this part of the run, from any thread or a signal handler; an earlier reason stays."""
        if self.reason() is None:
            self._stopped = reason

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``. The first reason stays; of two at once the parent's is taken."""
        if self._reason is None:
            is_late = self._end is not None and time.monotonic() >= self._end
            above = self._parent.reason() if self._parent is not None else None
            self._reason = above or self._stopped or (Interruption.DEADLINE if is_late else None)
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        # Short sleeps instead of a `threading.Event`: its lock could deadlock in a signal handler that calls `stop`.
        sleep = time.sleep if self._parent is None else self._parent.wait
        remaining = self.remaining()
        left = seconds if remaining is None else min(seconds, remaining)
        while self.reason() is None and left > 0:
            sleep(min(left, _NAP))
            left -= _NAP
        return self.reason() is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``; never below zero."""
        above = self._parent.remaining() if self._parent is not None else None
        own = None if self._end is None else max(0.0, self._end - time.monotonic())
        return above if own is None else own if above is None else min(own, above)


@final
class SignalCancellation(ScopedCancellation):
    """Implements ``Cancellation`` for one run of the tool: it stops at its deadline or by a signal.

    ``timeout`` is in seconds from ``started``, a time of ``time.monotonic``; None is now.
    """

    def __init__(self, timeout: float | None = None, started: float | None = None) -> None:
        super().__init__(seconds=timeout, started=started)
        self._signals: list[int] = []
        self._raises = False

    @property
    def signals(self) -> tuple[int, ...]:
        """Every signal that came while installed, in order; the first one gave the reason."""
        return tuple(self._signals)

    @contextmanager
    def install(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM inside the ``with``; only the main thread may do this.

        From here on work checks for cancellation itself, so nothing is raised any more, not even after the ``with``.
        """
        self._raises = False
        before = self._listen(_REASONS)
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
        before = self._listen(_SIGNALS)
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

    def _listen(self, numbers: Iterable[signal.Signals]) -> Mapping[signal.Signals, Any]:
        before = {number: signal.signal(number, self._handle) for number in numbers}
        # A process inherits what its parent blocked, and children of ours would: none of them could be stopped.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)
        return before

    def _restore(self, before: Mapping[signal.Signals, Any]) -> None:
        for number, handler in before.items():
            if signal.getsignal(number) == self._handle:  # else :meth:`ignore` was called meanwhile
                signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        # Runs between two bytecodes of the main thread, which may hold any lock just then: nothing here takes one.
        if number != signal.SIGALRM:
            self._signals.append(number)
        # The timer of the kernel and the clock may differ by a little.
        self.stop(_REASONS.get(signal.Signals(number), Interruption.DEADLINE))
        reason = self.reason()
        if self._raises and reason is not None:
            self._raises = False  # a second signal must not interrupt the cleaning up after the first
            raise Interrupted(reason)

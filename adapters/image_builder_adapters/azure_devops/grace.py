"""Cancellations that let a few seconds pass: for what must still be said, or heard, when work stops."""

import time
from collections.abc import Callable
from typing import final

from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Cancellation


@final
class Postponed:
    """Implements ``Cancellation``: hears the inner one ``seconds`` late, once it was heard at all."""

    def __init__(self, inner: Cancellation, seconds: float, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._seconds = seconds
        self._stopwatch = stopwatch
        self._heard_at: float | None = None

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        reason = self._inner.reason()
        if reason is None:
            return None
        now = self._stopwatch()
        if self._heard_at is None:
            self._heard_at = now
        return reason if now - self._heard_at >= self._seconds else None

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``: no wait is worth the few seconds that are left."""
        return self._inner.wait(seconds)

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        left = self._inner.remaining()
        return None if left is None else left + self._seconds


@final
class Within:
    """Implements ``Cancellation``: nothing stops it but the end of its ``seconds``."""

    def __init__(self, seconds: float, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._stopwatch = stopwatch
        self._end = stopwatch() + seconds

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        return None if self._stopwatch() < self._end else Interruption.DEADLINE

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        time.sleep(max(0.0, min(seconds, self._end - self._stopwatch())))
        return self.reason() is not None

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        return max(0.0, self._end - self._stopwatch())

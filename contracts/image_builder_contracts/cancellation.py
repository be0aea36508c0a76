"""A cancellation that a test pulls by hand, with a clock that never makes anybody wait."""

from typing import final

from image_builder_domain.exit_code import Interruption


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

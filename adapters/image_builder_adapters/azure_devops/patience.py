"""A limit for work that may take long as long as it makes progress."""

from collections.abc import Callable
from typing import final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation


@final
class Patience:
    """Implements ``Cancellation``: ``inner``, or ``DEADLINE`` once ``seconds`` went by since the last :meth:`renew`."""

    def __init__(self, inner: Cancellation, seconds: float, stopwatch: Callable[[], float]) -> None:
        self._inner = inner
        self._seconds = seconds
        self._stopwatch = stopwatch
        self._since = stopwatch()

    def renew(self) -> None:
        """Something was achieved: the time begins anew."""
        self._since = self._stopwatch()

    @property
    def _left(self) -> float:
        return max(0.0, self._since + self._seconds - self._stopwatch())

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        return self._inner.reason() or (None if self._left > 0 else Interruption.DEADLINE)

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        return self._inner.wait(min(seconds, self._left)) or self._left <= 0

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``: of the inner one, because progress can prolong this one at any time."""
        return self._inner.remaining()

"""Outages: since when nothing usable comes, how long to wait before the next attempt, and when patience ends."""

from collections.abc import Callable
from typing import Final, final

from image_builder_adapters.azure_devops.service import Trouble, Unsettled
from image_builder_adapters.http.retry import RetryPolicy

OUTAGE_SECONDS: Final = 600.0
"""How long an outage may last; longer only if the configuration asks for more attempts."""

EARLY_SECONDS: Final = 60.0
"""How long something may be missing, or refused, that should be there."""


@final
class Outage:
    """One outage at a time; ``notify`` hears of its beginning (at the second failure) and of its end."""

    def __init__(
        self, what: str, policy: RetryPolicy, stopwatch: Callable[[], float], notify: Callable[[str], None]
    ) -> None:
        self._what = what
        self._policy = policy
        self._stopwatch = stopwatch
        self._notify = notify
        self._since: float | None = None
        self._failures = 0
        self._pause = 0.0
        self._last: Trouble | None = None

    def begin(self, trouble: Trouble) -> None:
        """Another attempt failed."""
        if self._since is None:
            self._since = self._stopwatch()
        self._failures += 1
        self._last = trouble
        asked = trouble.asked_seconds if isinstance(trouble, Unsettled) else None
        self._pause = self._policy.pause(self._failures, asked)
        if self._failures == 2:
            self._notify(f"{self._what} cannot be read: {trouble}; trying again while the run goes on")

    def end(self) -> None:
        """An answer came."""
        if self._failures > 1:
            self._notify(f"{self._what} can be read again")
        self._since, self._failures, self._pause, self._last = None, 0, 0.0, None

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next attempt; 0 without an outage."""
        return self._pause

    @property
    def lasted_seconds(self) -> float:
        """How long it has lasted."""
        return 0.0 if self._since is None else self._stopwatch() - self._since

    @property
    def is_hopeless(self) -> bool:
        """Whether it has lasted too long."""
        if self._since is None:
            return False
        if not isinstance(self._last, Unsettled) or self._last.is_missing:
            return self.lasted_seconds >= EARLY_SECONDS
        return self.lasted_seconds >= OUTAGE_SECONDS and self._failures >= self._policy.attempts

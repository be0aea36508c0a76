"""What is shown of one build: its own words and its engine's, each line with its variant in front."""

from collections.abc import Callable
from typing import Protocol, final


class Speaker(Protocol):
    """The console, as far as one build uses it."""

    def info(self, text: str) -> None: ...  # noqa: D102
    def error(self, text: str) -> None: ...  # noqa: D102
    def engine_lines(self, lines: bytes, prefix: bytes) -> None: ...  # noqa: D102
    def indented(self, lines: tuple[str, ...], prefix: str) -> None: ...  # noqa: D102


@final
class BuildVoice:
    """Implements ``Follower``. Without a ``variant`` nothing is put in front.

    ``show`` takes engine output for a live line instead of the engine's own lines; ``end`` takes that line away.
    """

    def __init__(
        self,
        console: Speaker,
        variant: str | None,
        show: Callable[[bytes], None] | None,
        end: Callable[[], None],
    ) -> None:
        self._console = console
        self._prefix = f"[{variant}] " if variant is not None else ""
        self._show = show
        self._end = end

    def info(self, text: str) -> None:
        """Tell what is done."""
        self._console.info(f"{self._prefix}{text}")

    def error(self, text: str) -> None:
        """Tell what went wrong."""
        self._console.error(f"{self._prefix}{text}")

    def engine(self, lines: bytes) -> None:
        """Show whole lines of engine output, or the step they belong to on a terminal."""
        if self._show is not None:
            self._show(lines)
        else:
            self._console.engine_lines(lines, self._prefix.encode())

    def failing_step(self, lines: tuple[str, ...]) -> None:
        """Repeat the last lines of a failing step."""
        self._console.indented(lines, self._prefix)

    def stop(self) -> None:
        """Take the live line away."""
        self._end()

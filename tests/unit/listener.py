"""A listener that keeps what it receives."""

from typing import final

from image_builder_domain.build_steps import SourceLine


@final
class Heard:
    """Implements ``Listener``: the errors, each with its variant in front, and the variants of builds that ended.

    ``warnings`` and ``steps`` (the lines of failing steps) are kept in the same way, and ``lines`` has
    the lines of files that messages are about.
    """

    def __init__(self, variant: str | None = None, parent: "Heard | None" = None) -> None:
        self._prefix = f"{variant}: " if variant is not None else ""
        self._variant = variant
        self.errors: list[str] = parent.errors if parent is not None else []
        self.warnings: list[str] = parent.warnings if parent is not None else []
        self.lines: list[SourceLine] = parent.lines if parent is not None else []
        self.steps: list[str] = parent.steps if parent is not None else []
        self.closed: list[str | None] = parent.closed if parent is not None else []

    def info(self, text: str) -> None: ...
    def output(self, lines: bytes) -> None: ...
    def at(self, position: str) -> None: ...

    def warning(self, text: str, at: SourceLine | None = None) -> None:
        self.lines += [at] if at is not None else []
        self.warnings.append(f"{self._prefix}{text}")

    def failing_step(self, lines: tuple[str, ...]) -> None:
        self.steps.extend(f"{self._prefix}{line}" for line in lines)

    def error(self, text: str, at: SourceLine | None = None) -> None:
        self.lines += [at] if at is not None else []
        self.errors.append(f"{self._prefix}{text}")

    def follow(self, _name: str, variant: str | None) -> "Heard":
        return Heard(variant, self)

    def close(self) -> None:
        self.closed.append(self._variant)

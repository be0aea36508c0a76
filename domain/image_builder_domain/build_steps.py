"""The steps of one build as the engine reports them: cached or not, how long each took, warnings, and the failure.

A step is an instruction of the Dockerfile that makes a layer or sets the working directory. ``FROM`` and what the
engine does by itself (load the context, export, push) are not steps.
"""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    ``number`` of ``total`` is its position in one stage for one platform; ``FROM`` is number 1 there. ``stage`` and
    ``platform`` are empty if the engine names none. ``is_cached`` is None for a step that did not run to its end.
    ``duration_seconds`` is None for a step that never started. ``error`` is empty without one.
    """

    name: str
    number: int
    total: int
    stage: str = ""
    platform: str = ""
    is_cached: bool | None = None
    duration_seconds: float | None = None
    error: str = ""

    @property
    def position(self) -> str:
        """Where the step stands: ``build 3/4``, or ``linux/arm64 build 3/4``."""
        return " ".join(part for part in (self.platform, self.stage, f"{self.number}/{self.total}") if part)

    def __str__(self) -> str:
        return f"[{self.position}] {self.name}"


@final
@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a source file, which CI systems show a message at. ``path`` is absolute; lines count from 1."""

    path: str
    number: int


@final
@dataclass(frozen=True, slots=True)
class BuildWarning:
    """What the engine warns of. ``line`` counts from 1; it is None, and ``file`` is empty, if the engine names none."""

    text: str
    file: str = ""
    line: int | None = None
    url: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        more = f" ({self.url})" if self.url else ""
        return f"{place}: {self.text}{more}" if place else f"{self.text}{more}"


@final
@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """A line of a source file; ``is_marked`` if it belongs to the instruction that failed."""

    number: int
    text: str
    is_marked: bool = False

    def __str__(self) -> str:
        return f"{self.number:4} | {'>>>' if self.is_marked else '   '} {self.text}"


@final
@dataclass(frozen=True, slots=True)
class FailurePlace:
    """Where in the Dockerfile the build failed: the instruction's first line, and the lines around it."""

    file: str
    line: int
    excerpt: tuple[ExcerptLine, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@final
@dataclass(frozen=True, slots=True)
class BuildSteps:
    """All that an engine reports of a build's steps, in the order in which it first named them.

    Empty for engines that cannot report steps. ``is_clipped``: the engine left out a part of a step's output.
    """

    steps: tuple[Step, ...] = ()
    warnings: tuple[BuildWarning, ...] = ()
    failed_at: FailurePlace | None = None
    is_clipped: bool = False

    @property
    def first_miss(self) -> Step | None:
        """The first step that the cache did not have."""
        return next((step for step in self.steps if step.is_cached is False or step.error), None)

    def __str__(self) -> str:
        """``7 of 9 steps cached; first miss: [build 3/4] COPY . .``; empty without steps."""
        if not self.steps:
            return ""
        cached = sum(step.is_cached is True for step in self.steps)
        miss = self.first_miss
        text = f"{cached} of {len(self.steps)} steps cached"
        return text if miss is None else f"{text}; first miss: {miss}"

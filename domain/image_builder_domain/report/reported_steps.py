"""The steps of a build as members of the report; the fields have the names and the order of the JSON members."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.build_steps import BuildWarning, FailurePlace, Step


@final
@dataclass(frozen=True, slots=True)
class ReportedStep:
    """One step of the Dockerfile.

    ``cached`` is None if it did not run to its end, ``duration_seconds`` if it never started.
    """

    name: str = ""
    stage: str = ""
    platform: str = ""
    number: int = 0
    total: int = 0
    cached: bool | None = None
    duration_seconds: int | float | None = None
    error: str = ""

    @classmethod
    def of(cls, step: Step) -> "ReportedStep":
        """A step as the engine reported it."""
        return cls(
            step.name,
            step.stage,
            step.platform,
            step.number,
            step.total,
            step.is_cached,
            step.duration_seconds,
            step.error,
        )


@final
@dataclass(frozen=True, slots=True)
class ReportedWarning:
    """A warning of the engine; ``file`` is empty and ``line`` None if it names no place."""

    text: str = ""
    file: str = ""
    line: int | None = None
    url: str = ""

    @classmethod
    def of(cls, warning: BuildWarning) -> "ReportedWarning":
        """A warning as the engine reported it."""
        return cls(warning.text, warning.file, warning.line, warning.url)


@final
@dataclass(frozen=True, slots=True)
class ReportedLine:
    """A line of a file; ``marked`` if it belongs to the instruction that failed."""

    number: int = 0
    text: str = ""
    marked: bool = False


@final
@dataclass(frozen=True, slots=True)
class ReportedPlace:
    """Where in the Dockerfile a build failed."""

    file: str = ""
    line: int = 0
    excerpt: tuple[ReportedLine, ...] = ()

    @classmethod
    def of(cls, place: FailurePlace) -> "ReportedPlace":
        """A place as the engine reported it."""
        lines = (ReportedLine(line.number, line.text, line.is_marked) for line in place.excerpt)
        return cls(place.file, place.line, tuple(lines))

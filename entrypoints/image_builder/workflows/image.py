"""One image of a plan: build it, and have the engine push it by digest. What a registry holds is checked afterwards."""

import os
import time
from dataclasses import replace
from typing import Protocol, final

from image_builder_domain.artifacts import Artifacts, LogFile
from image_builder_domain.build import (
    NO_STEPS,
    BuildFailed,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    PlannedBuild,
    PushFailed,
)
from image_builder_domain.build_steps import BuildSteps, SourceLine
from image_builder_domain.exit_code import Interruption
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.ports import Cancellation, ImageEngine, Listener
from image_builder_domain.report.build_outcome import ImageOutcome
from returns.methods import unwrap_or_failure


class Ports(Protocol):
    """What building one image needs of the outside world."""

    @property
    def engine(self) -> ImageEngine: ...  # noqa: D102
    @property
    def artifacts(self) -> Artifacts: ...  # noqa: D102


def build_image(
    build: PlannedBuild, ports: Ports, listener: Listener, building: Cancellation, lost: list[str]
) -> ImageOutcome:
    """Build and push by digest. Files that could not be written are added to ``lost``.

    ``building`` stops the engine alone: what is pushed already is checked unless the whole run stops.
    """
    started, request = time.monotonic(), build.request
    log, log_path = _open_log(request, ports.artifacts, lost)
    try:
        built = unwrap_or_failure(ports.engine.build(request, _Progress(log, listener), building))
    finally:
        listener.close()
        _close(log, lost)
    steps = built.steps if isinstance(built, BuiltImage | BuildFailed | PushFailed) else NO_STEPS
    outcome = ImageOutcome(build, log_path=log_path, duration_seconds=time.monotonic() - started, steps=steps)
    _show_warnings(steps, request, listener)
    if isinstance(built, BuiltImage):
        own = (str(built.platform),) if built.platform is not None else ()
        return replace(outcome, image=built.descriptor, platforms=tuple(map(str, request.platforms)) or own)
    _show_failure(built, steps, request, listener)
    return replace(outcome, failure=built)


def never_started(build: PlannedBuild, reason: Interruption) -> ImageOutcome:
    """The outcome of a build that was stopped before its turn came."""
    return ImageOutcome(build, failure=BuildInterrupted(reason))


@final
class _Progress:
    """Implements ``BuildProgress``: the log file gets all output, and people see it."""

    def __init__(self, log: LogFile | None, listener: Listener) -> None:
        self._log = log
        self._listener = listener

    def output(self, lines: bytes) -> None:
        """Implement ``BuildProgress.output``."""
        if self._log is not None:
            self._log.write(lines)
        self._listener.output(lines)

    def at(self, position: str) -> None:
        """Implement ``BuildProgress.at``."""
        self._listener.at(position)


def _open_log(request: BuildRequest, artifacts: Artifacts, lost: list[str]) -> tuple[LogFile | None, str | None]:
    variant = f"_{request.variant}" if request.variant is not None else ""
    opened = unwrap_or_failure(artifacts.open_log(f"build_{request.name}{variant}.log".replace("/", "-")))
    if isinstance(opened, ArtifactFailure):
        lost.append(str(opened))
        return None, None
    return opened, opened.path


def _close(log: LogFile | None, lost: list[str]) -> None:
    closed = unwrap_or_failure(log.close()) if log is not None else None
    if isinstance(closed, ArtifactFailure):
        lost.append(str(closed))


def _line(request: BuildRequest, file: str, number: int | None) -> SourceLine | None:
    """A line of a file that the engine named, which is the Dockerfile by its name or a path in the build context."""
    if not file or number is None:
        return None
    path = request.dockerfile if file == os.path.basename(request.dockerfile) else file
    return SourceLine(os.path.normpath(os.path.join(request.context, path)), number)


def _show_warnings(steps: BuildSteps, request: BuildRequest, listener: Listener) -> None:
    for warning in steps.warnings:
        listener.warning(str(warning), _line(request, warning.file, warning.line))
    if steps.is_clipped:
        listener.warning(
            "the log is not complete: according to a note in it, the engine left out a part of a step's output; "
            "start the daemon without limits for the output of steps (docs/buildkit.md)"
        )


def _show_failure(failure: object, steps: BuildSteps, request: BuildRequest, listener: Listener) -> None:
    """Print what leads to the cause, then the cause as the only error."""
    lines = getattr(failure, "last_lines", ())
    if lines:
        listener.info("the failing step's last lines:")
        listener.failing_step(lines)
    place = steps.failed_at
    if place is not None and place.excerpt:
        listener.info(f"{place} is the instruction that failed:")
        listener.failing_step(tuple(map(str, place.excerpt)))
    listener.error(str(failure), _line(request, place.file, place.line) if place is not None else None)

"""The outcome: what happened, step by step. The report, the exit code and the summary are views of it."""

from dataclasses import dataclass
from typing import assert_never, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.interruption import Interruption
from image_builder_domain.signing import SignatureResult, SignatureStatus

# Several failures: the first of these is told.
_PRECEDENCE = (130, 143, 7, 1, 3, 6, 4, 5, 8)


@final
@dataclass(frozen=True, slots=True)
class DestinationOutcome:
    """What one destination answered when it was asked for its digest; ``reason`` is empty when it holds the image."""

    reference: ImageReference
    reason: str = ""

    @property
    def holds(self) -> bool:
        """True when it answered the digest that was built."""
        return not self.reason


@final
@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """One image: what was built, where it is, who signed it.

    ``image`` is what the engine reported, ``config`` its configuration object, as a registry that holds it says.
    """

    request: BuildRequest
    image: Descriptor | None
    failure: BuildFailure | None
    platforms: tuple[str, ...]
    destinations: tuple[DestinationOutcome, ...]
    signatures: tuple[SignatureResult, ...]
    log_path: str | None
    duration_seconds: float
    config: Descriptor | None = None

    @property
    def is_published(self) -> bool:
        """True when every destination holds the built digest."""
        return self.image is not None and bool(self.destinations) and all(found.holds for found in self.destinations)


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole run. ``interruption`` is what stopped it early; ``lost`` tells files that could not be written."""

    images: tuple[ImageOutcome, ...]
    interruption: Interruption | None = None
    lost: tuple[str, ...] = ()

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        codes = {code for image in self.images for code in _codes(image)}
        if self.interruption is not None:
            codes.add(ExitCode(self.interruption.value))
        if self.lost:
            codes.add(ExitCode.FILE_NOT_WRITTEN)
        return next((ExitCode(code) for code in _PRECEDENCE if code in codes), ExitCode.DONE)


def _codes(image: ImageOutcome) -> tuple[ExitCode, ...]:
    if image.failure is not None:
        return (_failure_code(image.failure),)
    if not image.is_published:
        return (ExitCode.PUSH_FAILED,)
    failed = any(found.status is SignatureStatus.FAILED for found in image.signatures)
    return (ExitCode.SIGNING_FAILED,) if failed else ()


def _failure_code(failure: BuildFailure) -> ExitCode:
    match failure:
        case BuildFailed() | EngineUnavailable():
            return ExitCode.BUILD_FAILED
        case PushFailed():
            return ExitCode.PUSH_FAILED
        case BuildInterrupted():
            return ExitCode(failure.interruption.value)
        case _:
            assert_never(failure)

"""One image of a plan: build it, then ask every destination for the digest that the engine reported."""

import time
from dataclasses import replace
from typing import Protocol

from image_builder_domain.build import BuildFailed, BuildInterrupted, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.exit_code import Interruption
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.image.descriptor import Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Artifacts, Cancellation, ImageEngine, Listener, LogFile, OutputSink, Registry
from image_builder_domain.report.outcome import DestinationOutcome, ImageOutcome, Unconfirmed
from returns.methods import unwrap_or_failure

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE = 8


class Ports(Protocol):
    """What one image needs of the outside world."""

    @property
    def engine(self) -> ImageEngine: ...  # noqa: D102
    @property
    def registry(self) -> Registry: ...  # noqa: D102
    @property
    def artifacts(self) -> Artifacts: ...  # noqa: D102


def build_image(
    request: BuildRequest,
    ports: Ports,
    listener: Listener,
    building: Cancellation,
    cancellation: Cancellation,
    lost: list[str],
) -> ImageOutcome:
    """Build, push and verify, without signatures. Files that could not be written are added to ``lost``.

    ``building`` stops the engine alone: what is pushed already is verified unless the whole run stops.
    """
    started = time.monotonic()
    log, log_path = _open_log(request, ports.artifacts, lost)
    try:
        built = unwrap_or_failure(ports.engine.build(request, _tee(log, listener), building))
    finally:
        listener.close()
        _close(log, lost)
    outcome = ImageOutcome(request, None, None, (), (), (), log_path, 0.0)
    if isinstance(built, BuiltImage):
        own = (str(built.platform),) if built.platform is not None else ()
        outcome = replace(outcome, image=built.descriptor, platforms=tuple(map(str, request.platforms)) or own)
        outcome = _published(outcome, built.descriptor, ports, listener, cancellation)
    else:
        _show_failure(built, listener)
        outcome = replace(outcome, failure=built, destinations=_after_failure(request, built, ports, cancellation))
    return replace(outcome, duration_seconds=time.monotonic() - started)


def never_started(request: BuildRequest, reason: Interruption) -> ImageOutcome:
    """The outcome of a build that was stopped before its turn came."""
    places = tuple(
        DestinationOutcome(reference, Unconfirmed("not asked: the build was stopped"))
        for reference in request.destinations
    )
    return ImageOutcome(request, None, BuildInterrupted(reason), (), places, (), None, 0.0)


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


def _tee(log: LogFile | None, listener: Listener) -> OutputSink:
    def both(lines: bytes) -> None:
        if log is not None:
            log.write(lines)
        listener.output(lines)

    return both


def _show_failure(failure: object, listener: Listener) -> None:
    lines = getattr(failure, "last_lines", ())
    if lines:
        listener.error("the failing step's last lines:")
        listener.failing_step(lines)
    listener.error(str(failure))


# --- verify -------------------------------------------------------------------------------------------------------


def _published(
    outcome: ImageOutcome, image: Descriptor, ports: Ports, listener: Listener, cancellation: Cancellation
) -> ImageOutcome:
    manifests, destinations = _ask(outcome.request.destinations, image.digest, ports.registry, cancellation)
    for place in destinations:
        if not place.holds:
            listener.error(f"{place.reference}: {place.reason}")
    manifest = next((found for found in manifests if found is not None), None)
    return replace(outcome, destinations=destinations, config=None if manifest is None else manifest.config)


def _ask(
    references: tuple[ImageReference, ...], digest: Digest, registry: Registry, cancellation: Cancellation
) -> tuple[tuple[Manifest | None, ...], tuple[DestinationOutcome, ...]]:
    """Ask every destination, side by side, for the digest it holds."""

    def one(reference: ImageReference) -> tuple[Manifest | None, DestinationOutcome]:
        answer = unwrap_or_failure(registry.resolve(reference, cancellation))
        if not isinstance(answer, Manifest):
            return None, DestinationOutcome(reference, answer)
        if answer.descriptor.digest != digest:
            return None, DestinationOutcome(
                reference, Unconfirmed(f"holds {answer.descriptor.digest}, but {digest} was built")
            )
        return answer, DestinationOutcome(reference)

    answers = side_by_side(one, references, _AT_ONCE)
    return tuple(manifest for manifest, _ in answers), tuple(place for _, place in answers)


def _after_failure(
    request: BuildRequest, failure: object, ports: Ports, cancellation: Cancellation
) -> tuple[DestinationOutcome, ...]:
    """What each destination holds after a failure; without a digest from the engine no registry is asked."""
    digest = failure.digest if isinstance(failure, BuildFailed | PushFailed) else None
    if digest is not None:
        return _ask(request.destinations, digest, ports.registry, cancellation)[1]
    why = "the build was stopped" if isinstance(failure, BuildInterrupted) else "the engine reported no digest"
    return _not_asked(request, why)


def _not_asked(request: BuildRequest, why: str) -> tuple[DestinationOutcome, ...]:
    return tuple(DestinationOutcome(reference, Unconfirmed(f"not asked: {why}")) for reference in request.destinations)

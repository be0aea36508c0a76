"""Carry out a plan: build, verify every destination, sign what was built.

What is signed is the digest that the engine reported, after every destination has answered with that digest.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol, final

from image_builder_domain.artifact_failure import ArtifactFailure
from image_builder_domain.build import BuildInterrupted, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.descriptor import Descriptor, Manifest
from image_builder_domain.outcome import DestinationOutcome, ImageOutcome, Outcome
from image_builder_domain.plan import Plan
from image_builder_domain.ports import Artifacts, Cancellation, ImageEngine, LogFile, OutputSink, Registry, Signer
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.reference import Digest, ImageReference
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.methods import unwrap_or_failure
from returns.result import Failure

from image_builder.workflows.preflight import unready

_AT_ONCE = 8


class Audience(Protocol):
    """Who follows a build while it runs."""

    def info(self, text: str) -> None: ...  # noqa: D102
    def error(self, text: str) -> None: ...  # noqa: D102
    def engine(self, lines: bytes) -> None: ...  # noqa: D102
    def failing_step(self, lines: tuple[str, ...]) -> None: ...  # noqa: D102
    def start(self, what: str) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102


@final
@dataclass(frozen=True, slots=True)
class Ports:
    """What a build needs of the outside world; ``signers`` are the chosen ones, by name."""

    engine: ImageEngine
    registry: Registry
    signers: Mapping[str, Signer]
    artifacts: Artifacts


def preflight(plan: Plan, ports: Ports) -> Problems:
    """What would fail later for a reason that can be seen now: missing programs, unusable secrets. Sends nothing."""
    engine = ports.engine.check()
    missing = (Problem("engine", str(engine.failure())),) if isinstance(engine, Failure) else ()
    references = (reference for build in plan.builds for reference in build.destinations)
    return (*missing, *unready(ports.registry, ports.signers, references))


def carry_out(plan: Plan, ports: Ports, audience: Audience, cancellation: Cancellation) -> Outcome:
    """Do what the plan says, as far as it goes; the engine is closed in any case."""
    lost: list[str] = []
    try:
        images = tuple(_image(request, ports, audience, cancellation, lost) for request in plan.builds)
    finally:
        ports.engine.close()
    return Outcome(images, cancellation.reason() if not _is_done(plan, images) else None, tuple(lost))


def _is_done(plan: Plan, images: tuple[ImageOutcome, ...]) -> bool:
    """True when nothing that the plan asks for is left to do."""
    published = all(image.is_published for image in images)
    return published and (bool(plan.not_signed) or all(_is_signed(image) for image in images))


def _is_signed(image: ImageOutcome) -> bool:
    results = image.signatures
    return bool(results) and all(found.status is not SignatureStatus.FAILED for found in results)


def _image(
    request: BuildRequest, ports: Ports, audience: Audience, cancellation: Cancellation, lost: list[str]
) -> ImageOutcome:
    started = time.monotonic()
    log, log_path = _open_log(request, ports.artifacts, lost)
    audience.info(f"building {request.name}")
    audience.start(f"building {request.name}")
    try:
        built = unwrap_or_failure(ports.engine.build(request, _tee(log, audience), cancellation))
    finally:
        audience.stop()
        _close(log, lost)
    outcome = ImageOutcome(request, None, None, (), (), (), log_path, 0.0)
    if isinstance(built, BuiltImage):
        own = (str(built.platform),) if built.platform is not None else ()
        outcome = replace(outcome, image=built.descriptor, platforms=tuple(map(str, request.platforms)) or own)
        outcome = _published(outcome, built.descriptor, ports, audience, cancellation)
    else:
        _tell_failure(built, audience)
        outcome = replace(outcome, failure=built, destinations=_after_failure(request, built, ports, cancellation))
    return replace(outcome, duration_seconds=time.monotonic() - started)


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


def _tee(log: LogFile | None, audience: Audience) -> OutputSink:
    def both(lines: bytes) -> None:
        if log is not None:
            log.write(lines)
        audience.engine(lines)

    return both


def _tell_failure(failure: object, audience: Audience) -> None:
    lines = getattr(failure, "last_lines", ())
    if lines:
        audience.error("the failing step's last lines:")
        audience.failing_step(lines)
    audience.error(str(failure))


# --- verify -------------------------------------------------------------------------------------------------------


def _published(
    outcome: ImageOutcome, image: Descriptor, ports: Ports, audience: Audience, cancellation: Cancellation
) -> ImageOutcome:
    manifests, destinations = _ask(outcome.request.destinations, image.digest, ports.registry, cancellation)
    for place in destinations:
        if not place.holds:
            audience.error(f"{place.reference}: {place.reason}")
    manifest = next((found for found in manifests if found is not None), None)
    outcome = replace(outcome, destinations=destinations)
    if not outcome.is_published or manifest is None or cancellation.reason() is not None:
        return outcome
    return replace(outcome, signatures=_sign(outcome, image, manifest, ports.signers, audience, cancellation))


def _ask(
    references: tuple[ImageReference, ...], digest: Digest, registry: Registry, cancellation: Cancellation
) -> tuple[tuple[Manifest | None, ...], tuple[DestinationOutcome, ...]]:
    """Ask every destination, side by side, for the digest it holds."""

    def one(reference: ImageReference) -> tuple[Manifest | None, DestinationOutcome]:
        answer = unwrap_or_failure(registry.resolve(reference, cancellation))
        if not isinstance(answer, Manifest):
            return None, DestinationOutcome(reference, str(answer))
        if answer.descriptor.digest != digest:
            return None, DestinationOutcome(reference, f"holds {answer.descriptor.digest}, but {digest} was built")
        return answer, DestinationOutcome(reference)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = tuple(pool.map(one, references))
    return tuple(manifest for manifest, _ in answers), tuple(place for _, place in answers)


def _after_failure(
    request: BuildRequest, failure: object, ports: Ports, cancellation: Cancellation
) -> tuple[DestinationOutcome, ...]:
    """After a failed push every destination is asked; without a known digest none can be said to hold the image."""
    if not isinstance(failure, PushFailed) or failure.digest is None:
        reason = "stopped" if isinstance(failure, BuildInterrupted) else "nothing was published"
        return tuple(DestinationOutcome(reference, reason) for reference in request.destinations)
    return _ask(request.destinations, failure.digest, ports.registry, cancellation)[1]


# --- sign ---------------------------------------------------------------------------------------------------------


def _sign(
    outcome: ImageOutcome,
    image: Descriptor,
    manifest: Manifest,
    signers: Mapping[str, Signer],
    audience: Audience,
    cancellation: Cancellation,
) -> tuple[SignatureResult, ...]:
    """All signers side by side; one that fails does not stop the others."""
    images = tuple(ImageToSign(reference, image, manifest.config) for reference in outcome.request.destinations)
    if not signers:
        return ()
    audience.info(f"signing {image.digest} with {', '.join(signers)}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = tuple(pool.map(lambda signer: signer.sign(images, cancellation), signers.values()))
    for found in (found for result in results for found in result if found.reason):
        audience.error(f"{found.signer}: {found.reference}: {found.reason}")
    return tuple(found for result in results for found in result)

"""Carry out a plan: build all variants at the same time, verify every destination, sign what was built.

What is signed is the digest that the engine reported, after every destination has answered with that digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_domain.build import BuildRequest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Artifacts, Cancellation, ImageEngine, Listener, Registry, Signer
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.report.outcome import ImageOutcome, Outcome
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.result import Failure

from image_builder.workflows.image import build_image, never_started
from image_builder.workflows.side_by_side import side_by_side
from image_builder.workflows.sign import signatures_of, unready


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


def carry_out(plan: Plan, ports: Ports, listener: Listener, cancellation: Cancellation) -> Outcome:
    """Do what the plan says, as far as it goes; the engine is closed in any case."""
    lost: list[str] = []
    try:
        images = _build_all(plan, ports, listener, cancellation, lost)
    finally:
        ports.engine.close()
    images = _sign(images, ports.signers, listener, cancellation)
    return Outcome(images, cancellation.reason() if not _is_done(plan, images) else None, tuple(lost))


def _is_done(plan: Plan, images: tuple[ImageOutcome, ...]) -> bool:
    """True when nothing that the plan asks for is left to do."""
    published = all(image.is_published for image in images)
    return published and (bool(plan.not_signed) or all(_is_signed(image) for image in images))


def _is_signed(image: ImageOutcome) -> bool:
    results = image.signatures
    return bool(results) and all(found.status is not SignatureStatus.FAILED for found in results)


# --- build --------------------------------------------------------------------------------------------------------


def _build_all(
    plan: Plan, ports: Ports, listener: Listener, cancellation: Cancellation, lost: list[str]
) -> tuple[ImageOutcome, ...]:
    """As many at the same time as the plan allows. Without ``keep_going`` the first that fails stops the others."""
    building = ScopedCancellation(cancellation)

    def one(request: BuildRequest) -> ImageOutcome:
        stopped = building.reason()
        if stopped is not None:
            return never_started(request, stopped)
        following = listener.follow(request.name, request.variant)
        is_good = False
        try:
            outcome = build_image(request, ports, following, building, cancellation, lost)
            is_good = outcome.is_published or plan.keep_going
        finally:
            if not is_good:
                building.stop(Interruption.ANOTHER_BUILD_FAILED)
        return outcome

    return side_by_side(one, plan.builds, plan.max_parallel)


# --- sign ---------------------------------------------------------------------------------------------------------


def _sign(
    images: tuple[ImageOutcome, ...], signers: Mapping[str, Signer], listener: Listener, cancellation: Cancellation
) -> tuple[ImageOutcome, ...]:
    """All complete images in one request of each signer, side by side; one that fails does not stop the others."""
    wanted = tuple(
        ImageToSign(reference, image.image, image.config)
        for image in images
        if image.is_published and image.image is not None
        for reference in image.request.destinations
    )
    if not signers or not wanted or cancellation.reason() is not None:
        return images
    digests = dict.fromkeys(str(image.descriptor.digest) for image in wanted)
    listener.info(f"signing {', '.join(digests)} with {', '.join(signers)}")
    found = tuple(zip(wanted, signatures_of(wanted, signers, cancellation), strict=True))
    for signature in (signature for _, signatures in found for signature in signatures if signature.reason):
        listener.error(f"{signature.signer}: {signature.reference}: {signature.reason}")
    # No two images have a destination in common, so a reference belongs to one.
    by_reference = {image.reference: signatures for image, signatures in found}
    return tuple(replace(image, signatures=_signatures(image, by_reference)) for image in images)


def _signatures(
    image: ImageOutcome, found: Mapping[ImageReference, tuple[SignatureResult, ...]]
) -> tuple[SignatureResult, ...]:
    return tuple(signature for reference in image.request.destinations for signature in found.get(reference, ()))

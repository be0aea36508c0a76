"""Sign images that exist: each reference is resolved once, and what it was then is what gets signed.

All references are resolved before anything is signed; one that cannot be resolved stops them all. Afterwards every
signed tag is asked again: a tag that moved meanwhile names an image that this run did not sign.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, final

from image_builder_domain.failure import RegistryFailure
from image_builder_domain.image.descriptor import Manifest
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.signing import SignPlan
from image_builder_domain.ports import Cancellation, Listener, Registry, Signer
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.report.outcome import SignedImage, SigningOutcome
from image_builder_domain.signing import ImageToSign, SignatureResult, SignerMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE = 16


@final
@dataclass(frozen=True, slots=True)
class SigningPorts:
    """What signing needs of the outside world; ``signers`` are the chosen ones, by name."""

    registry: Registry
    signers: Mapping[str, Signer]


class Preparable(Protocol):
    """A signer or a verifier, as far as it can be checked beforehand."""

    def prepare(self) -> Result[None, SignerMisconfigured]: ...  # noqa: D102


def unready(registry: Registry, signers: Mapping[str, Preparable], references: Iterable[ImageReference]) -> Problems:
    """Secrets, programs and credentials that cannot be used, for signers or verifiers. Sends nothing."""
    prepared = [signer.prepare() for signer in signers.values()]
    broken = tuple(Problem("sign-config", str(check.failure())) for check in prepared if isinstance(check, Failure))
    credentials = registry.check(dict.fromkeys(reference.repository for reference in references))
    unread = (Problem("credentials", str(credentials.failure())),) if isinstance(credentials, Failure) else ()
    return (*broken, *unread)


def signatures_of(
    images: tuple[ImageToSign, ...], signers: Mapping[str, Signer], cancellation: Cancellation
) -> tuple[tuple[SignatureResult, ...], ...]:
    """For each image the results of all signers, of which there is at least one, in their order.

    All images go to each signer at once. Signers run side by side, and one that fails does not stop the others.
    """
    by_signer = side_by_side(lambda signer: signer.sign(images, cancellation), signers.values(), len(signers))
    return tuple(zip(*by_signer, strict=True))


def sign_images(plan: SignPlan, ports: SigningPorts, listener: Listener, cancellation: Cancellation) -> SigningOutcome:
    """Resolve, sign, look again."""
    images = _resolved(plan, ports.registry, cancellation)
    if all(image.is_resolved for image in images):
        for image in images:
            listener.info(f"signing {image.reference} as {image.digest}")
        images = _signed(images, ports.signers, cancellation)
        images = _still_there(images, ports.registry, cancellation)
    for line in (line for image in images for line in image.failures()):
        listener.error(line)
    stopped = cancellation.reason() if not all(image.is_done for image in images) else None
    return SigningOutcome(images, stopped)


def _resolved(plan: SignPlan, registry: Registry, cancellation: Cancellation) -> tuple[SignedImage, ...]:
    answers = _ask(plan.references, registry, cancellation)
    return tuple(_judged(reference, answer, plan) for reference, answer in zip(plan.references, answers, strict=True))


def _judged(reference: ImageReference, answer: Manifest | RegistryFailure, plan: SignPlan) -> SignedImage:
    if not isinstance(answer, Manifest):
        return SignedImage(reference, None, answer.description)
    found = answer.descriptor.digest
    if reference.digest is not None and found != reference.digest:
        what = f"its tag does not name this digest, but {found}; name the one that you mean"
        return SignedImage(reference, answer, what)
    if answer.descriptor.is_index and plan.signers_without_indexes:
        name = plan.signers_without_indexes[0]
        what = f"it has several platforms, and the signer {name!r} signs one only; protocol v2 and cosign sign several"
        return SignedImage(reference, answer, what)
    return SignedImage(reference, answer)


def _ask(
    references: Iterable[ImageReference], registry: Registry, cancellation: Cancellation
) -> tuple[Manifest | RegistryFailure, ...]:
    """What the registry says each reference is, or why it cannot, side by side; the tag is asked where there is one."""

    def one(reference: ImageReference) -> Manifest | RegistryFailure:
        asked = reference.by_tag if reference.tag is not None else reference
        return unwrap_or_failure(registry.resolve(asked, cancellation))

    return side_by_side(one, references, _AT_ONCE)


def _signed(
    images: tuple[SignedImage, ...], signers: Mapping[str, Signer], cancellation: Cancellation
) -> tuple[SignedImage, ...]:
    wanted = tuple(
        ImageToSign(image.reference, image.manifest.descriptor, image.manifest.config)
        for image in images
        if image.manifest is not None
    )
    by_image = signatures_of(wanted, signers, cancellation)
    return tuple(replace(image, signatures=found) for image, found in zip(images, by_image, strict=True))


def _still_there(
    images: tuple[SignedImage, ...], registry: Registry, cancellation: Cancellation
) -> tuple[SignedImage, ...]:
    """Compare each signed tag with its digest again; a tag that moved is reported with both digests."""
    asked = tuple(image.reference for image in images if image.is_signed and image.reference.tag is not None)
    later = dict(zip(asked, _ask(asked, registry, cancellation), strict=True))
    return tuple(image.seen_again(later[image.reference]) if image.reference in later else image for image in images)

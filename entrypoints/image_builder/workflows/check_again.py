"""Check everything once more before tags are written: manifests and signatures that were lost are made again.

Registries may collect manifests without a tag within an hour. Two runs that sign one digest at the same time can lose
a signature, and no lock reaches another run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, final

from image_builder_domain.failure import NotFound, PushDenied, RegistryFailure
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, Listener, PublishingRegistry, Signer, Verifier
from image_builder_domain.report.build_outcome import RepositoryOutcome
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.methods import unwrap_or_failure
from returns.result import Failure

from image_builder.workflows.check import CheckedImage, pinned
from image_builder.workflows.side_by_side import side_by_side

_REPAIRS: Final = 3
_AT_ONCE: Final = 8

_Signature: TypeAlias = tuple[str, ImageReference]
"""A signer's name, and the digest in one repository that it signed."""


@final
@dataclass(frozen=True, slots=True)
class Checker:
    """Looks at images again. ``verifiers`` are those of the ``signers`` that can be verified, by name."""

    registry: PublishingRegistry
    signers: Mapping[str, Signer]
    verifiers: Mapping[str, Verifier]
    listener: Listener
    cancellation: Cancellation

    def check(self, images: tuple[CheckedImage, ...]) -> tuple[CheckedImage, ...]:
        """The images with what is true of them now, after at most three repairs of each."""
        for repairs in range(_REPAIRS, -1, -1):
            images, was_missing = self._manifests(images, repairs=repairs > 0)
            lost = self._lost(images)
            if self.cancellation.reason() is not None or not (was_missing or lost):
                break
            images = self._signed_again(images, lost) if repairs > 0 else _without(images, lost)
        return images

    # --- manifests ----------------------------------------------------------------------------------------------------

    def _manifests(self, images: tuple[CheckedImage, ...], *, repairs: bool) -> tuple[tuple[CheckedImage, ...], bool]:
        """The images, and whether a manifest was missing; with ``repairs`` it was pushed again."""
        asked = [
            (image, place)
            for image in images
            if image.manifest is not None
            for place in image.outcome.request.repositories
        ]
        answers = side_by_side(lambda one: self._held(*one, repairs=repairs), asked, _AT_ONCE)
        found = iter(answers)

        def renewed(image: CheckedImage) -> CheckedImage:
            if image.manifest is None:
                return image
            places = tuple(next(found)[0] for _ in image.outcome.request.repositories)
            return replace(image, outcome=replace(image.outcome, repositories=places))

        return tuple(map(renewed, images)), any(was_missing for _, was_missing in answers)

    def _held(self, image: CheckedImage, place: Repository, *, repairs: bool) -> tuple[RepositoryOutcome, bool]:
        """What a repository holds now, and whether something was missing. Children are pushed before their index."""
        was_missing = False
        for held in (*image.children, *((image.manifest,) if image.manifest is not None else ())):
            reference = pinned(place, held.descriptor.digest)
            answer: Digest | PushDenied | RegistryFailure
            answer = unwrap_or_failure(self.registry.find(reference, self.cancellation))
            if isinstance(answer, NotFound):
                was_missing = True
                answer = self._put(reference, held) if repairs else answer
            if not isinstance(answer, Digest):
                return RepositoryOutcome(place, answer), was_missing
        return RepositoryOutcome(place), was_missing

    def _put(self, reference: ImageReference, held: HeldManifest) -> Digest | PushDenied | RegistryFailure:
        self.listener.warning(f"{reference} is gone, and is pushed again")
        content, media_type = held.content, held.descriptor.media_type
        refused = unwrap_or_failure(self.registry.put(reference, content, media_type, self.cancellation))
        return held.descriptor.digest if refused is None else refused

    # --- signatures ---------------------------------------------------------------------------------------------------

    def _lost(self, images: tuple[CheckedImage, ...]) -> dict[_Signature, str]:
        """The signatures that cannot be verified, and why."""
        made = (found for image in images if image.manifest is not None for found in image.outcome.signatures)
        wanted = dict.fromkeys(
            _key(found)
            for found in made
            if found.status is not SignatureStatus.FAILED and found.signer in self.verifiers
        )
        answers = side_by_side(lambda key: self.verifiers[key[0]].verify(key[1], self.cancellation), wanted, _AT_ONCE)
        verdicts = zip(wanted, answers, strict=True)
        return {key: answer.failure() for key, answer in verdicts if isinstance(answer, Failure)}

    def _signed_again(
        self, images: tuple[CheckedImage, ...], lost: Mapping[_Signature, str]
    ) -> tuple[CheckedImage, ...]:
        """The images, whose lost signatures were made again; a valid one is never repeated."""
        for (signer, reference), reason in lost.items():
            self.listener.warning(f"{signer}: {reference}: its signature is made again: {reason}")
        made: dict[_Signature, SignatureResult] = {}
        for signer in dict.fromkeys(signer for signer, _ in lost):
            wanted = tuple(one for image in images for one in _to_sign(image, signer, lost))
            results = self.signers[signer].sign(wanted, self.cancellation)
            made |= {(found.signer, found.reference): found for found in results}
        return _with_signatures(images, lambda found: made.get((found.signer, found.reference), found))


def _key(found: SignatureResult) -> _Signature:
    return found.signer, found.reference.pinned(found.digest)


def _to_sign(image: CheckedImage, signer: str, lost: Mapping[_Signature, str]) -> Iterator[ImageToSign]:
    if image.manifest is not None:
        for found in image.outcome.signatures:
            if found.signer == signer and _key(found) in lost:
                yield ImageToSign(found.reference, image.manifest.descriptor, image.outcome.config)


def _without(images: tuple[CheckedImage, ...], lost: Mapping[_Signature, str]) -> tuple[CheckedImage, ...]:
    """The images; signatures that are still lost have failed."""

    def judged(found: SignatureResult) -> SignatureResult:
        reason = lost.get(_key(found))
        if reason is None or found.status is SignatureStatus.FAILED:
            return found
        return replace(
            found, status=SignatureStatus.FAILED, reason=f"it was made, and is lost: {reason}", transient=True
        )

    return _with_signatures(images, judged)


def _with_signatures(
    images: tuple[CheckedImage, ...], change: Callable[[SignatureResult], SignatureResult]
) -> tuple[CheckedImage, ...]:
    return tuple(
        replace(image, outcome=replace(image.outcome, signatures=tuple(map(change, image.outcome.signatures))))
        for image in images
    )

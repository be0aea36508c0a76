"""Publish what was built: check every repository, decide each tag's fate, sign, check again, and write tags last.

A tag is what people pull, so no tag is written before the image is in every repository and signed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, assert_never, final

from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Cancellation, Listener, PublishingRegistry, Signer, Verifier
from image_builder_domain.problem import Problems
from image_builder_domain.publish.descent import Descent
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.report.build_outcome import ImageOutcome
from image_builder_domain.signing import ImageToSign, SignatureResult

from image_builder.workflows.check import CheckedImage, Foreign, check_image, own, pinned
from image_builder.workflows.check_again import Checker
from image_builder.workflows.rights import Rights
from image_builder.workflows.side_by_side import side_by_side
from image_builder.workflows.tag_decision import TagDecider
from image_builder.workflows.tagging import decided, questions, withheld, write_tags

_AT_ONCE = 16
_STOPPED = "the run was stopped"


class Ports(Protocol):
    """What publishing needs of the outside world.

    ``descent`` is git's answer about our commit and another one. ``signers`` are the chosen ones, by name, and
    ``verifiers`` look up the signatures of those whose type allows it.
    """

    @property
    def publishing(self) -> PublishingRegistry: ...  # noqa: D102
    @property
    def descent(self) -> Callable[[str], Descent]: ...  # noqa: D102
    @property
    def signers(self) -> Mapping[str, Signer]: ...  # noqa: D102
    @property
    def verifiers(self) -> Mapping[str, Verifier]: ...  # noqa: D102


def publish(
    built: tuple[ImageOutcome, ...],
    plan: Plan,
    ports: Ports,
    listener: Listener,
    cancellation: Cancellation,
    foreign: Foreign = own,
) -> tuple[ImageOutcome, ...]:
    """Everything after the builds, as far as it goes. Each image's tags have a fate in any case.

    What is ``foreign`` counts as missing from its repository.
    """
    decider = tag_decider(plan, ports, cancellation)
    run = _Run(plan, ports, listener, cancellation, foreign)
    images, fates = run.asked(built, decider)
    images = run.without(images, lambda image: image.may_be_tagged, "")
    match plan.tag_order:
        case TagOrder.LATER:
            images = tuple(withheld(image, "later") if image.may_be_tagged else image for image in images)
        case TagOrder.BEFORE_SIGNING:
            images = run.decided(images, fates)
            images = write_tags(images, decider, listener, just_decided=True)
            images = run.checked_again(run.signed(images))
        case TagOrder.AFTER_SIGNING:
            images = run.decided(images, fates)
            images = run.ready(run.checked_again(run.signed(images)))
            images = write_tags(images, decider, listener, just_decided=not ports.signers)
        case unknown:
            assert_never(unknown)
    return tuple(image.outcome for image in images)


def is_done(plan: Plan, images: tuple[ImageOutcome, ...]) -> bool:
    """True when nothing that the plan asks for is left to do."""
    return all(image.is_published and (bool(plan.not_signed) or image.is_signed) for image in images)


def refusals(plan: Plan, ports: Ports, rights: Rights, cancellation: Cancellation) -> Problems:
    """Why the build must not begin: repositories that refuse the push, else immutable tags of another commit."""
    if cancellation.reason() is not None:
        return ()
    return rights.refusals or (() if rights.unanswered else tag_decider(plan, ports, cancellation).refusals())


def tag_decider(plan: Plan, ports: Ports, cancellation: Cancellation) -> TagDecider:
    """What decides the fates of the plan's tags."""
    return TagDecider(plan.tag_rules, ports.publishing, ports.descent, cancellation)


@final
@dataclass(frozen=True, slots=True)
class _Run:
    """The steps of one run, which share these."""

    plan: Plan
    ports: Ports
    listener: Listener
    cancellation: Cancellation
    foreign: Foreign

    def asked(
        self, built: tuple[ImageOutcome, ...], decider: TagDecider
    ) -> tuple[tuple[CheckedImage, ...], tuple[TagFate, ...]]:
        """What the repositories hold, and at the same time, what their tags name: both are questions to them."""
        registry, listener, cancellation = self.ports.publishing, self.listener, self.cancellation
        checks = [partial(check_image, image, registry, listener, cancellation, self.foreign) for image in built]
        tags = () if self.plan.tag_order is TagOrder.LATER else questions(built, decider)
        work: tuple[Callable[[], CheckedImage | TagFate], ...] = (*checks, *tags)
        answers = side_by_side(lambda ask: ask(), work, _AT_ONCE)
        fates = tuple(answer for answer in answers if isinstance(answer, TagFate))
        return tuple(answer for answer in answers if isinstance(answer, CheckedImage)), fates

    def without(
        self, images: tuple[CheckedImage, ...], is_good: Callable[[CheckedImage], bool], reason: str
    ) -> tuple[CheckedImage, ...]:
        """The images, of which those that are not good get no tags; without ``keep_going`` then none gets any."""
        if self.cancellation.reason() is not None:
            return tuple(image if image.manifest is None else withheld(image, _STOPPED) for image in images)
        good = [image.may_be_tagged and is_good(image) for image in images]
        others = self.plan.keep_going or all(good)
        return tuple(
            image
            if image.manifest is None or (fine and others)
            else withheld(image, "another image failed" if fine else reason)
            for image, fine in zip(images, good, strict=True)
        )

    def decided(self, images: tuple[CheckedImage, ...], fates: tuple[TagFate, ...]) -> tuple[CheckedImage, ...]:
        """Every tag's fate. An image is not tagged if one of its tags could not be asked for, or is refused."""
        images = decided(images, fates)
        for tag in (tag for image in images for tag in image.outcome.tags if tag.fate is Fate.FAILED):
            self.listener.error(f"{tag.reference}: {tag}")
        return self.without(
            images, lambda image: all(tag.fate is not Fate.FAILED for tag in image.outcome.tags), "another tag failed"
        )

    def signed(self, images: tuple[CheckedImage, ...]) -> tuple[CheckedImage, ...]:
        """The images with their signatures."""
        wanted = tuple(image for image in images if image.may_be_tagged)
        if not self.ports.signers or not wanted or self.cancellation.reason() is not None:
            return images
        digests = dict.fromkeys(str(image.manifest.descriptor.digest) for image in wanted if image.manifest is not None)
        self.listener.info(f"signing {', '.join(digests)} with {', '.join(self.ports.signers)}")
        found = self._signatures(wanted)
        for signature in (signature for signature in found if signature.reason):
            self.listener.error(f"{signature.signer}: {signature.reference}: {signature.reason}")
        return tuple(_with_signatures(image, found) if image.may_be_tagged else image for image in images)

    def checked_again(self, images: tuple[CheckedImage, ...]) -> tuple[CheckedImage, ...]:
        """The images with what is still true of them. Without signers no time has passed since the first check."""
        if not self.ports.signers or self.cancellation.reason() is not None:
            return images
        ports = self.ports
        return Checker(ports.publishing, ports.signers, ports.verifiers, self.listener, self.cancellation).check(images)

    def ready(self, images: tuple[CheckedImage, ...]) -> tuple[CheckedImage, ...]:
        """The images; those that are lost, or that a signer could not sign, get no tags."""
        images = self.without(images, lambda image: image.outcome.is_pushed, "not in every repository")
        if not self.ports.signers:
            return images
        return self.without(images, lambda image: image.outcome.is_signed, "not signed")

    def _signatures(self, images: tuple[CheckedImage, ...]) -> tuple[SignatureResult, ...]:
        """One request for each signer, side by side; one that fails does not stop the others."""
        needs_tags = {
            choice.definition.name: choice.definition.settings.needs_tags
            for choice in self.plan.signers
            if choice.chosen
        }

        def sign(name: str) -> tuple[SignatureResult, ...]:
            wanted = tuple(one for image in images for one in _to_sign(image, needs_tags=needs_tags.get(name, True)))
            return self.ports.signers[name].sign(wanted, self.cancellation) if wanted else ()

        by_signer = side_by_side(sign, self.ports.signers, len(self.ports.signers))
        return tuple(signature for signatures in by_signer for signature in signatures)


def _to_sign(image: CheckedImage, *, needs_tags: bool) -> tuple[ImageToSign, ...]:
    """The tags that will name the image; for a repository without one the digest, if the signer takes it."""
    held = image.manifest
    if held is None:
        return ()
    named = tuple(tag.reference for tag in image.outcome.tags if tag.fate.names_ours)
    with_tag = {reference.repository for reference in named}
    bare = tuple(
        pinned(repository, held.descriptor.digest)
        for repository in image.outcome.request.repositories
        if repository not in with_tag and not needs_tags
    )
    return tuple(ImageToSign(reference, held.descriptor, image.outcome.config) for reference in (*named, *bare))


def _with_signatures(image: CheckedImage, found: tuple[SignatureResult, ...]) -> CheckedImage:
    """No two images have a destination in common, so a reference and a digest belong to one."""
    mine = image.outcome
    named = {*mine.build.destinations}
    bare = (
        {pinned(place, mine.image.digest) for place in mine.request.repositories} if mine.image is not None else set()
    )
    signatures = tuple(signature for signature in found if signature.reference in named | bare)
    return replace(image, outcome=replace(mine, signatures=signatures))

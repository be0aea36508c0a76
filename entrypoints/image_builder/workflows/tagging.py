"""Decide what happens to each tag, and write it: the last step of publishing.

A tag is asked for before it is written, because a registry with immutable tags refuses even the digest that the tag has
already, and again afterwards, because another run may have written it meanwhile. Moving tags come after all others.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, final

from image_builder_domain.failure import RegistryUnreachable
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Listener
from image_builder_domain.publish.fate import Fate, TagFate
from image_builder_domain.report.build_outcome import ImageOutcome
from returns.methods import unwrap_or_failure

from image_builder.workflows.check import CheckedImage
from image_builder.workflows.side_by_side import side_by_side
from image_builder.workflows.tag_decision import TagDecider

_AT_ONCE: Final = 16
_TRIES: Final = 3
_PAUSE: Final = 0.5
"""Seconds between two questions: some registries show a new tag only after a moment."""


@final
@dataclass(frozen=True, slots=True)
class _Wanted:
    """One tag, the manifest that it shall name, and its fate so far."""

    tag: TagFate
    manifest: HeldManifest


def questions(images: Iterable[ImageOutcome], decider: TagDecider) -> tuple[Callable[[], TagFate], ...]:
    """One call for each tag of the images that were built; it gives the tag's fate. They may run side by side."""
    return tuple(
        partial(decider.decide, reference, image.image.digest)
        for image in images
        if image.image is not None and image.failure is None
        for reference in image.build.destinations
    )


def decided(images: tuple[CheckedImage, ...], fates: Iterable[TagFate]) -> tuple[CheckedImage, ...]:
    """The images with the fates of their tags; those that get no tags keep the fates that say why."""
    found = _with_fates(images, {tag.reference: tag for tag in fates})
    return tuple(
        image if image.manifest is None else with_fates for image, with_fates in zip(images, found, strict=True)
    )


def write_tags(
    images: tuple[CheckedImage, ...], decider: TagDecider, listener: Listener, *, just_decided: bool = False
) -> tuple[CheckedImage, ...]:
    """Write the tags whose fate says so, side by side. After a failure no further one is begun.

    Moving tags are begun when all others are written. Tags are asked for once more before they are written, unless
    their fate was ``just_decided``.
    """
    failed = threading.Event()
    for moving in (False, True):
        wanted = _wanted(images, decider, moving=moving)
        found = side_by_side(lambda one: _written(one, decider, failed, asks=not just_decided), wanted, _AT_ONCE)
        for tag in found:
            if tag.fate in (Fate.FAILED, Fate.UNCONFIRMED):
                listener.error(f"{tag.reference}: {tag}")
        images = _with_fates(images, {tag.reference: tag for tag in found})
    return images


def _wanted(images: tuple[CheckedImage, ...], decider: TagDecider, *, moving: bool) -> tuple[_Wanted, ...]:
    """The tags of one kind that are to be written."""
    return tuple(
        _Wanted(tag, image.manifest)
        for image in images
        if image.manifest is not None
        for tag in image.outcome.tags
        if tag.fate.is_written and decider.rules.is_moving(tag.reference) == moving
    )


def _written(wanted: _Wanted, decider: TagDecider, failed: threading.Event, *, asks: bool) -> TagFate:
    held, cancellation = wanted.manifest, decider.cancellation
    if cancellation.reason() is not None:
        return wanted.tag.becomes(Fate.WITHHELD, "the run was stopped")
    if failed.is_set():
        return wanted.tag.becomes(Fate.WITHHELD, "another tag failed")
    tag = decider.again(wanted.tag, held.descriptor.digest) if asks else wanted.tag
    if tag.fate.is_written:
        content, media_type = held.content, held.descriptor.media_type
        refused = unwrap_or_failure(decider.registry.put(tag.reference, content, media_type, cancellation))
        tag = (
            _confirmed(tag, held.descriptor.digest, decider)
            if refused is None
            else _not_written(tag, refused.description, is_known=not isinstance(refused, RegistryUnreachable))
        )
    if not tag.fate.is_good:
        failed.set()
    return tag


def _not_written(tag: TagFate, reason: str, *, is_known: bool) -> TagFate:
    return tag.becomes(Fate.FAILED if is_known else Fate.UNCONFIRMED, reason)


def _confirmed(tag: TagFate, ours: Digest, decider: TagDecider) -> TagFate:
    """The fate that was decided, once the registry shows our digest."""
    attempt, present = 1, unwrap_or_failure(decider.registry.find(tag.reference, decider.cancellation))
    while present != ours and attempt < _TRIES and not decider.cancellation.wait(_PAUSE):
        attempt, present = attempt + 1, unwrap_or_failure(decider.registry.find(tag.reference, decider.cancellation))
    if present == ours:
        return tag
    found = decider.after_another_write(tag.reference, ours)
    return tag if found.fate is Fate.UNCHANGED else found


def _with_fates(images: tuple[CheckedImage, ...], found: dict[ImageReference, TagFate]) -> tuple[CheckedImage, ...]:
    """No two images have a destination in common, so a reference belongs to one."""

    def one(image: CheckedImage) -> CheckedImage:
        known = {tag.reference: tag for tag in image.outcome.tags} | found
        tags = tuple(known[place] for place in image.outcome.build.destinations if place in known)
        return replace(image, outcome=replace(image.outcome, tags=tags))

    return tuple(map(one, images))


def withheld(image: CheckedImage, reason: str) -> CheckedImage:
    """The same image, none of whose tags is written; one that names our digest already stays ``unchanged``."""
    tags = tuple(tag.becomes(Fate.WITHHELD, reason) if tag.fate.is_written else tag for tag in image.outcome.tags)
    if not tags:
        return CheckedImage(image.outcome.with_tags(Fate.WITHHELD, reason))
    return CheckedImage(replace(image.outcome, tags=tags))

"""Decide what happens to each tag, and write it: the last step of publishing.

A tag is asked for before it is written, because a registry with immutable tags refuses even the digest that the tag has
already, and again afterwards, because another run may have written it meanwhile.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, final

from image_builder_domain.failure import NotFound, RegistryUnreachable
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Cancellation, Listener, PublishingRegistry
from image_builder_domain.publish.fate import Fate, TagFate
from returns.methods import unwrap_or_failure

from image_builder.workflows.check import CheckedImage
from image_builder.workflows.side_by_side import side_by_side

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


def decide_fates(
    images: tuple[CheckedImage, ...], registry: PublishingRegistry, cancellation: Cancellation
) -> tuple[CheckedImage, ...]:
    """The fate of every tag of images that may be tagged; one that could not be asked for is ``failed``."""
    wanted = [
        (reference, image.manifest.descriptor.digest)
        for image in images
        if image.manifest is not None
        for reference in image.outcome.build.destinations
    ]
    found = side_by_side(lambda one: _decided(*one, registry, cancellation), wanted, _AT_ONCE)
    return _with_fates(images, {tag.reference: tag for tag in found})


def _decided(
    reference: ImageReference, ours: Digest, registry: PublishingRegistry, cancellation: Cancellation
) -> TagFate:
    present = unwrap_or_failure(registry.find(reference, cancellation))
    if isinstance(present, Digest):
        return TagFate(reference, Fate.UNCHANGED if present == ours else Fate.MOVED, present)
    if isinstance(present, NotFound):
        return TagFate(reference, Fate.CREATED)
    if cancellation.reason() is not None:
        return TagFate(reference, Fate.WITHHELD, None, "the run was stopped")
    return TagFate(reference, Fate.FAILED, None, present.description)


def write_tags(
    images: tuple[CheckedImage, ...], registry: PublishingRegistry, listener: Listener, cancellation: Cancellation
) -> tuple[CheckedImage, ...]:
    """Write the tags whose fate says so, side by side for the repositories. After a failure no further one is begun."""
    by_repository: dict[str, list[_Wanted]] = {}
    for image in images:
        for tag in image.outcome.tags if image.manifest is not None else ():
            if tag.fate.is_written and image.manifest is not None:
                by_repository.setdefault(str(tag.reference.repository), []).append(_Wanted(tag, image.manifest))
    failed = threading.Event()

    def one(wanted: Iterable[_Wanted]) -> tuple[TagFate, ...]:
        return tuple(_written(tag, registry, failed, cancellation) for tag in wanted)

    groups = side_by_side(one, by_repository.values(), _AT_ONCE)
    written = {tag.reference: tag for group in groups for tag in group}
    for tag in written.values():
        if tag.fate in (Fate.FAILED, Fate.UNCONFIRMED):
            listener.error(f"{tag.reference}: {tag}")
    return _with_fates(images, written)


def _written(
    wanted: _Wanted, registry: PublishingRegistry, failed: threading.Event, cancellation: Cancellation
) -> TagFate:
    tag, held = wanted.tag, wanted.manifest
    if cancellation.reason() is not None:
        return tag.becomes(Fate.WITHHELD, "the run was stopped")
    if failed.is_set():
        return tag.becomes(Fate.WITHHELD, "another tag failed")
    refused = unwrap_or_failure(registry.put(tag.reference, held.content, held.descriptor.media_type, cancellation))
    result = (
        _confirmed(wanted, registry, cancellation)
        if refused is None
        else _not_written(tag, refused.description, is_known=not isinstance(refused, RegistryUnreachable))
    )
    if not result.fate.is_good:
        failed.set()
    return result


def _not_written(tag: TagFate, reason: str, *, is_known: bool) -> TagFate:
    return tag.becomes(Fate.FAILED if is_known else Fate.UNCONFIRMED, reason)


def _confirmed(wanted: _Wanted, registry: PublishingRegistry, cancellation: Cancellation) -> TagFate:
    """The fate that was decided, once the registry shows our digest."""
    tag, ours = wanted.tag, wanted.manifest.descriptor.digest
    attempt, present = 1, unwrap_or_failure(registry.find(tag.reference, cancellation))
    while present != ours and attempt < _TRIES and not cancellation.wait(_PAUSE):
        attempt, present = attempt + 1, unwrap_or_failure(registry.find(tag.reference, cancellation))
    if present == ours:
        return tag
    if isinstance(present, Digest):
        what = f"another run wrote {present} meanwhile; find out which one, then run this one again"
        return tag.becomes(Fate.FAILED, what)
    return tag.becomes(Fate.UNCONFIRMED, f"it was written, but cannot be read: {present.description}")


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

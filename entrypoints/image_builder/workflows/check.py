"""Ask every repository for the manifest that was built, by digest, and keep its bytes: tags are written with them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias, final

from image_builder_domain.build import BuildFailed, BuildInterrupted, PushFailed
from image_builder_domain.failure import RegistryFailure
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, Listener, PublishingRegistry
from image_builder_domain.publish.fate import Fate
from image_builder_domain.report.build_outcome import ImageOutcome, RepositoryOutcome, Unconfirmed
from returns.methods import unwrap_or_failure

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE = 8


Foreign: TypeAlias = Callable[[HeldManifest], str | None]
"""Why the manifest that a repository holds is not one that this run may publish; None if it is."""


def own(_held: HeldManifest) -> None:
    """Implement :data:`Foreign` for what this run built itself."""


@final
@dataclass(frozen=True, slots=True)
class CheckedImage:
    """An image with the manifest that its repositories hold; ``manifest`` is None if it gets no tags.

    ``children`` are the manifests that an index lists.
    """

    outcome: ImageOutcome
    manifest: HeldManifest | None = None
    children: tuple[HeldManifest, ...] = ()

    @property
    def may_be_tagged(self) -> bool:
        """True when every repository holds it."""
        return self.manifest is not None and self.outcome.is_pushed


def pinned(repository: Repository, digest: Digest) -> ImageReference:
    """A repository's manifest by digest."""
    return ImageReference(repository, None, digest, str(repository))


def check_image(
    image: ImageOutcome,
    registry: PublishingRegistry,
    listener: Listener,
    cancellation: Cancellation,
    foreign: Foreign = own,
) -> CheckedImage:
    """What each repository holds, also after a failure, if the engine reported a digest.

    An image that is not in every repository gets no tags.
    """
    digest = _digest(image)
    if digest is None:
        why = Unconfirmed(f"not asked: {_why_unknown(image)}")
        places = tuple(RepositoryOutcome(place, why) for place in image.request.repositories)
        return CheckedImage(replace(image.with_tags(Fate.WITHHELD, _why_failed(image)), repositories=places))
    answers = _ask(image.request.repositories, digest, registry, cancellation, foreign)
    whole = next((found for found in answers if isinstance(found, tuple)), None)
    places = tuple(
        RepositoryOutcome(place, None if isinstance(found, tuple) else found)
        for place, found in zip(image.request.repositories, answers, strict=True)
    )
    found = replace(image, repositories=places, config=whole[0].manifest.config if whole is not None else None)
    if image.failure is not None:
        return CheckedImage(found.with_tags(Fate.WITHHELD, _why_failed(image)))
    for place in places:
        if not place.holds:
            listener.error(f"{place.repository}@{digest}: {place.reason}")
    if whole is None or not found.is_pushed:
        return CheckedImage(found.with_tags(Fate.WITHHELD, "not in every repository"))
    return CheckedImage(found, whole[0], whole[1:])


def _ask(
    repositories: tuple[Repository, ...],
    digest: Digest,
    registry: PublishingRegistry,
    cancellation: Cancellation,
    foreign: Foreign,
) -> tuple[tuple[HeldManifest, ...] | RegistryFailure | Unconfirmed, ...]:
    """The manifest that each repository holds, then the children of an index; or what is missing."""

    def one(repository: Repository) -> tuple[HeldManifest, ...] | RegistryFailure | Unconfirmed:
        held = unwrap_or_failure(registry.fetch(pinned(repository, digest), cancellation))
        if not isinstance(held, HeldManifest):
            return held
        refused = foreign(held)
        if refused is not None:
            return Unconfirmed(refused)
        children = list[HeldManifest]()
        for listed in held.children:
            child = unwrap_or_failure(registry.fetch(pinned(repository, listed.digest), cancellation))
            if not isinstance(child, HeldManifest):
                return Unconfirmed(f"its index lists {listed.digest}: {child.description}")
            children.append(child)
        return (held, *children)

    return side_by_side(one, repositories, _AT_ONCE)


def _digest(image: ImageOutcome) -> Digest | None:
    if image.image is not None:
        return image.image.digest
    return image.failure.digest if isinstance(image.failure, BuildFailed | PushFailed) else None


def _why_unknown(image: ImageOutcome) -> str:
    is_stopped = isinstance(image.failure, BuildInterrupted)
    return "the build was stopped" if is_stopped else "the engine reported no digest"


def _why_failed(image: ImageOutcome) -> str:
    if isinstance(image.failure, BuildInterrupted):
        return "the build was stopped"
    return "not in every repository" if isinstance(image.failure, PushFailed) else "it was not built"

"""What every ``Registry`` and every ``Referrers`` keeps (OCI Distribution Specification).

Subclass :class:`RegistryContract` or :class:`ReferrersContract` and override the fixtures: the adapter under test,
images that it can find, and for referrers a function that attaches a manifest to an image.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import pytest
from image_builder_domain.failure import NotFound, RegistryUnreachable
from image_builder_domain.image.descriptor import Descriptor, Manifest, Referrer
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Referrers, Registry
from returns.methods import unwrap_or_failure

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of


@final
@dataclass(frozen=True, slots=True)
class HeldImage:
    """An image that the registry holds: its reference by tag, its descriptor, and a single image's configuration."""

    reference: ImageReference
    descriptor: Descriptor
    config: Descriptor | None


class HeldImages:
    """Fixtures of contracts: what the registry under test holds."""

    @pytest.fixture
    def image(self) -> HeldImage:
        """A single image that the registry holds."""
        pytest.fail("override the 'image' fixture so that it returns an image your registry holds")

    @pytest.fixture
    def index(self) -> HeldImage:
        """An index of linux/amd64, linux/386 and an attestation (``unknown/unknown``) that the registry holds."""
        pytest.fail("override the 'index' fixture so that it returns an index your registry holds")


@contract_of("Registry")
class RegistryContract(HeldImages):
    """Clauses of the ``Registry`` port; source: OCI Distribution Specification, "Pulling manifests"."""

    @pytest.fixture
    def registry(self) -> Registry:
        """The adapter under test."""
        pytest.fail("override the 'registry' fixture so that it returns your adapter")

    @pytest.fixture
    def move_tag(self) -> Callable[[], HeldImage]:
        """Makes the tag of ``image`` name another image, and gives that one."""
        pytest.fail("override the 'move_tag' fixture so that it moves the tag of 'image' to another image")

    def test_tag_resolves_to_digest_and_size_of_the_exact_bytes(self, registry: Registry, image: HeldImage) -> None:
        """The descriptor is the manifest's own; the configuration is named, and is something else."""
        found = resolved(registry, image.reference)
        assert found.descriptor == image.descriptor
        assert found.config == image.config

    def test_digest_resolves_to_itself(self, registry: Registry, image: HeldImage) -> None:
        """A reference by digest gives the same manifest as its tag."""
        assert resolved(registry, image.reference.pinned(image.descriptor.digest)).descriptor == image.descriptor

    def test_digest_decides_over_the_tag(
        self, registry: Registry, image: HeldImage, move_tag: Callable[[], HeldImage]
    ) -> None:
        """What is signed is what was built, wherever the tag has gone; the tag itself is asked anew each time."""
        assert resolved(registry, image.reference).descriptor == image.descriptor
        moved = move_tag()
        assert moved.descriptor.digest != image.descriptor.digest
        both = replace(image.reference, digest=image.descriptor.digest)
        assert resolved(registry, both).descriptor == image.descriptor
        assert resolved(registry, image.reference).descriptor == moved.descriptor

    def test_references_can_be_resolved_side_by_side(
        self, registry: Registry, image: HeldImage, index: HeldImage
    ) -> None:
        """Destinations are verified from several threads at once."""
        wanted = [image, index] * 8
        with ThreadPoolExecutor(len(wanted)) as pool:
            found = list(pool.map(lambda one: resolved(registry, one.reference).descriptor, wanted))
        assert found == [one.descriptor for one in wanted]

    def test_stopped_work_is_a_failure(self, registry: Registry, image: HeldImage) -> None:
        """It does not raise, and does not say that the image is missing."""
        cancellation = ManualCancellation()
        cancellation.cancel()
        found = unwrap_or_failure(registry.resolve(image.reference, cancellation))
        assert isinstance(found, RegistryUnreachable)

    def test_index_is_never_resolved_to_a_platform(self, registry: Registry, index: HeldImage) -> None:
        """What is signed is the index; its platforms are listed."""
        found = resolved(registry, index.reference)
        assert found.descriptor == index.descriptor
        assert found.config is None
        assert found.platforms == ("linux/amd64", "linux/386")

    def test_missing_tag_is_not_found(self, registry: Registry, image: HeldImage) -> None:
        """What the registry does not hold is a failure of its own, not an empty answer."""
        missing = ImageReference.parse(f"{image.reference.repository}:there-is-no-such-tag").unwrap()
        assert unwrap_or_failure(registry.resolve(missing, ManualCancellation())) == NotFound(str(missing))

    def test_missing_digest_is_not_found(self, registry: Registry, image: HeldImage) -> None:
        """The same for a digest."""
        missing = image.reference.pinned(Digest("sha256:" + "0" * 64))
        assert unwrap_or_failure(registry.resolve(missing, ManualCancellation())) == NotFound(str(missing))


def resolved(registry: Registry, reference: ImageReference) -> Manifest:
    """The manifest; a failure fails the test with its words."""
    found = unwrap_or_failure(registry.resolve(reference, ManualCancellation()))
    assert isinstance(found, Manifest), str(found)
    return found


Attach: TypeAlias = Callable[[ImageReference, str], Referrer]
"""Pushes something of an artifact type that refers to an image, as another tool would, and tells what it pushed."""

SIGNATURE, LIST = "application/vnd.example.signature", "application/vnd.example.list"


@contract_of("Referrers")
class ReferrersContract:
    """Clauses of the ``Referrers`` port."""

    @pytest.fixture
    def referrers(self) -> Referrers:
        """The adapter under test."""
        pytest.fail("override the 'referrers' fixture so that it returns your adapter")

    @pytest.fixture
    def images(self) -> tuple[ImageReference, ImageReference]:
        """Two images of one repository, by digest, to which nothing refers."""
        pytest.fail("override the 'images' fixture with two images, by digest, that the registry holds")

    @pytest.fixture
    def attach(self) -> Attach:
        """Attaches."""
        pytest.fail("override the 'attach' fixture so that it pushes a manifest that refers to an image")

    def test_an_image_without_referrers_has_none(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference]
    ) -> None:
        """That is not a failure."""
        assert listed(referrers, images[0]) == ()

    def test_an_image_that_is_not_there_has_none(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference]
    ) -> None:
        """Registries do not tell the two apart."""
        assert listed(referrers, images[0].pinned(Digest("sha256:" + "0" * 64))) == ()

    def test_what_refers_is_listed_as_it_is(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference], attach: Attach
    ) -> None:
        """Digest, size and media type of the exact bytes, and the type of artifact."""
        attached = attach(images[0], SIGNATURE)
        assert listed(referrers, images[0]) == (attached,)

    def test_everything_is_listed(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference], attach: Attach
    ) -> None:
        """However many there are, each once."""
        attached = {attach(images[0], f"{SIGNATURE}.{number}") for number in range(12)}
        found = listed(referrers, images[0])
        assert len(found) == len(attached)
        assert set(found) == attached

    def test_one_type_alone_is_listed_when_it_is_asked_for(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference], attach: Attach
    ) -> None:
        """Whether the registry filters or not."""
        signature = attach(images[0], SIGNATURE)
        attach(images[0], LIST)
        assert listed(referrers, images[0], SIGNATURE) == (signature,)
        assert listed(referrers, images[0], "application/vnd.example.unheard-of") == ()

    def test_another_images_referrers_are_not_listed(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference], attach: Attach
    ) -> None:
        """A signature is for exactly one digest (section 8)."""
        attach(images[1], SIGNATURE)
        assert listed(referrers, images[0]) == ()

    def test_the_registry_is_asked_anew_each_time(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference], attach: Attach
    ) -> None:
        """What was signed a moment ago is there."""
        assert listed(referrers, images[0]) == ()
        attached = attach(images[0], SIGNATURE)
        assert listed(referrers, images[0]) == (attached,)

    def test_stopped_work_is_a_failure(
        self, referrers: Referrers, images: tuple[ImageReference, ImageReference]
    ) -> None:
        """It does not say that nothing refers to the image."""
        cancellation = ManualCancellation()
        cancellation.cancel()
        found = unwrap_or_failure(referrers.referrers(images[0], None, cancellation))
        assert isinstance(found, RegistryUnreachable)


def listed(referrers: Referrers, image: ImageReference, artifact_type: str | None = None) -> tuple[Referrer, ...]:
    """The list; a failure fails the test with its words."""
    found = unwrap_or_failure(referrers.referrers(image, artifact_type, ManualCancellation()))
    assert isinstance(found, tuple), str(found)
    return found

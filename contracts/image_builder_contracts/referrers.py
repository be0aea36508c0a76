"""What every ``Referrers`` keeps (OCI Distribution Specification, "Listing Referrers").

Subclass :class:`ReferrersContract` and override its fixtures: the adapter, two images, and what attaches something.
"""

from collections.abc import Callable
from typing import TypeAlias

import pytest
from image_builder_domain.failure import RegistryUnreachable
from image_builder_domain.image.descriptor import Referrer
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Referrers
from returns.methods import unwrap_or_failure

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of

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
        """That is no failure."""
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

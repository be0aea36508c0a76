"""What every ``PublishingRegistry`` keeps (OCI Distribution Specification).

Subclass :class:`PublishingRegistryContract` and override the fixtures: the adapter under test, images that it can find,
and a repository that refuses every push.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from image_builder_domain.failure import NotFound, PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import PublishingRegistry
from returns.methods import unwrap_or_failure
from returns.result import Result, Success

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of
from image_builder_contracts.registry import HeldImage, HeldImages

MISSING = Digest(f"sha256:{'0' * 64}")


@contract_of("PublishingRegistry")
class PublishingRegistryContract(HeldImages):
    """Clauses of the ``PublishingRegistry`` port. ``image`` and ``index`` are in one repository that takes pushes."""

    @pytest.fixture
    def registry(self) -> PublishingRegistry:
        """The adapter under test."""
        pytest.fail("override the 'registry' fixture so that it returns your adapter")

    @pytest.fixture
    def read_only(self) -> Repository:
        """A repository of the same registry that refuses every push."""
        pytest.fail("override the 'read_only' fixture with a repository that may not be pushed to")

    # --- rights -------------------------------------------------------------------------------------------------------

    def test_the_right_to_push_is_confirmed(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """As often as it is asked for, also for a repository that does not exist yet."""
        repository = image.reference.repository
        new = replace(repository, path=f"{repository.path}/new")
        for asked in (repository, repository, new):
            assert registry.check_push(asked, ManualCancellation()) == Success(None)

    def test_a_refused_push_names_the_repository(self, registry: PublishingRegistry, read_only: Repository) -> None:
        """It is a refusal, not a registry that cannot be reached."""
        refused = unwrap_or_failure(registry.check_push(read_only, ManualCancellation()))
        assert isinstance(refused, PushDenied)
        assert (refused.reference, refused.host) == (str(read_only), read_only.domain)

    # --- reading ------------------------------------------------------------------------------------------------------

    def test_a_manifest_comes_with_its_exact_bytes(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """By tag and by digest; digest and size are those of the bytes."""
        for reference in (image.reference, image.reference.pinned(image.descriptor.digest)):
            held = fetched(registry, reference)
            assert held.descriptor == image.descriptor
            assert held.descriptor.digest.text == digest_of(held.content)
            assert (held.manifest.config, held.children) == (image.config, ())

    def test_an_index_lists_every_child(self, registry: PublishingRegistry, index: HeldImage) -> None:
        """Attestations too: what a registry collects of an index makes it incomplete."""
        held = fetched(registry, index.reference)
        assert held.manifest.platforms == ("linux/amd64", "linux/386")
        assert len(held.children) == 3
        for child in held.children:
            pinned = index.reference.pinned(child.digest)
            assert found(registry, pinned) == Success(child.digest)
            assert fetched(registry, pinned).descriptor == child

    def test_annotations_are_read(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """Moving tags are decided by them."""
        annotations = {"org.example.second": "2", "org.example.first": "1 \N{SNOWMAN}"}
        content = with_annotations(fetched(registry, image.reference), annotations)
        put(registry, tagged(image, "annotated"), content)
        held = fetched(registry, tagged(image, "annotated"))
        assert held.annotations == tuple(annotations.items())
        assert held.annotation("org.example.first") == "1 \N{SNOWMAN}"
        assert held.annotation("org.example.third") is None

    def test_a_tag_is_found_by_its_digest_of_now(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """The registry is asked anew each time."""
        assert found(registry, image.reference) == Success(image.descriptor.digest)
        content = with_annotations(fetched(registry, image.reference), {"org.example": "moved"})
        put(registry, image.reference, content)
        assert found(registry, image.reference) == Success(Digest(digest_of(content)))

    @pytest.mark.parametrize("name", [":there-is-no-such-tag", f"@{MISSING}"])
    def test_what_is_not_held_is_not_found(self, registry: PublishingRegistry, image: HeldImage, name: str) -> None:
        """That is an answer of its own."""
        missing = ImageReference.parse(f"{image.reference.repository}{name}").unwrap()
        assert unwrap_or_failure(found(registry, missing)) == NotFound(str(missing))
        assert unwrap_or_failure(registry.fetch(missing, ManualCancellation())) == NotFound(str(missing))

    # --- writing ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", ["image", "index"])
    def test_a_tag_names_the_same_bytes(
        self, registry: PublishingRegistry, image: HeldImage, index: HeldImage, kind: str
    ) -> None:
        """Same digest, same media type. Writing it again changes nothing, and other tags stay."""
        given = {"image": image, "index": index}[kind]
        held = fetched(registry, given.reference.pinned(given.descriptor.digest))
        for _ in range(2):
            put(registry, tagged(image, "written"), held.content, held.descriptor.media_type)
            assert fetched(registry, tagged(image, "written")) == held
        for other in (image, index):
            assert found(registry, other.reference) == Success(other.descriptor.digest)

    def test_a_tag_is_moved(self, registry: PublishingRegistry, image: HeldImage, index: HeldImage) -> None:
        """What it named before is still there by digest."""
        held = fetched(registry, index.reference)
        put(registry, image.reference, held.content, held.descriptor.media_type)
        assert found(registry, image.reference) == Success(index.descriptor.digest)
        assert found(registry, image.reference.pinned(image.descriptor.digest)) == Success(image.descriptor.digest)

    def test_a_manifest_is_written_by_digest(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """No tag changes."""
        content = with_annotations(fetched(registry, image.reference), {"org.example": "by digest"})
        pinned = image.reference.pinned(Digest(digest_of(content)))
        put(registry, pinned, content)
        assert fetched(registry, pinned).content == content
        assert found(registry, image.reference) == Success(image.descriptor.digest)
        assert isinstance(unwrap_or_failure(found(registry, tagged(image, "latest"))), NotFound)

    def test_a_refused_manifest_is_not_written(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """One whose digest is another, and an index of a manifest that is not there."""
        entry = {"mediaType": OCI_MANIFEST, "digest": str(MISSING), "size": 1}
        incomplete = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
        content = fetched(registry, image.reference).content
        cases = (
            (tagged(image, "refused"), incomplete, OCI_INDEX),
            (image.reference.pinned(MISSING), content, image.descriptor.media_type),
        )
        for reference, refused, media_type in cases:
            failure = unwrap_or_failure(registry.put(reference, refused, media_type, ManualCancellation()))
            assert isinstance(failure, PushDenied)
            assert failure.reference == str(reference)
            assert isinstance(unwrap_or_failure(found(registry, reference)), NotFound)

    def test_a_repository_that_refuses_pushes_gets_no_manifest(
        self, registry: PublishingRegistry, image: HeldImage, read_only: Repository
    ) -> None:
        """The refusal names the reference."""
        held = fetched(registry, image.reference)
        there = ImageReference.parse(f"{read_only}:1").unwrap()
        failure = registry.put(there, held.content, held.descriptor.media_type, ManualCancellation())
        refused = unwrap_or_failure(failure)
        assert isinstance(refused, PushDenied)
        assert refused.reference == str(there)

    # --- stopping -----------------------------------------------------------------------------------------------------

    def test_stopped_work_is_a_failure(self, registry: PublishingRegistry, image: HeldImage) -> None:
        """Nothing is said to be missing or refused, and nothing is written."""
        held, stopped = fetched(registry, image.reference), ManualCancellation()
        stopped.cancel()
        tag = tagged(image, "stopped")
        asked: list[Callable[[], Result[Any, Any]]] = [
            lambda: registry.check_push(image.reference.repository, stopped),
            lambda: registry.fetch(image.reference, stopped),
            lambda: registry.find(image.reference, stopped),
            lambda: registry.put(tag, held.content, held.descriptor.media_type, stopped),
        ]
        for ask in asked:
            assert isinstance(unwrap_or_failure(ask()), RegistryUnreachable)
        assert isinstance(unwrap_or_failure(found(registry, tag)), NotFound)


def fetched(registry: PublishingRegistry, reference: ImageReference) -> HeldManifest:
    """The manifest; a failure fails the test with its words."""
    held = unwrap_or_failure(registry.fetch(reference, ManualCancellation()))
    assert isinstance(held, HeldManifest), str(held)
    return held


def found(registry: PublishingRegistry, reference: ImageReference) -> Result[Digest, object]:
    """What the registry finds."""
    return registry.find(reference, ManualCancellation())


def put(registry: PublishingRegistry, reference: ImageReference, content: bytes, media_type: str | None = None) -> None:
    """Write a manifest, by default with the media type that it names; a failure fails the test with its words."""
    named = media_type or str(json.loads(content)["mediaType"])
    failure = unwrap_or_failure(registry.put(reference, content, named, ManualCancellation()))
    assert failure is None, str(failure)


def tagged(image: HeldImage, tag: str) -> ImageReference:
    """Another tag of the image's repository."""
    return replace(image.reference, tag=tag, digest=None)


def with_annotations(held: HeldManifest, annotations: dict[str, str]) -> bytes:
    """Another manifest of the same image."""
    return json.dumps({**json.loads(held.content), "annotations": annotations}).encode()


def digest_of(content: bytes) -> str:
    """``sha256:`` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"

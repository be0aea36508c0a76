"""The registry in memory keeps the contract, and fails as a test asks it to."""

import json

import pytest
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.publishing_registry import PublishingRegistryContract
from image_builder_contracts.registry import HeldImage
from image_builder_domain.failure import PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_stand_ins.registry_in_memory import MemoryRegistry
from image_builder_stand_ins.registry_store import digest_of
from returns.result import Failure, Success

REPOSITORY = Repository("registry.example", "team/app")
READ_ONLY = Repository("registry.example", "team/closed")
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
DENIED = PushDenied(str(READ_ONLY), READ_ONLY.domain, "status 403: DENIED")


def entry(descriptor: Descriptor, **more: object) -> dict[str, object]:
    named = {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}
    return {**named, **more}


def push(registry: MemoryRegistry, media_type: str, **content: object) -> Descriptor:
    body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}).encode()
    return Descriptor(media_type, registry.push(REPOSITORY, media_type, body), len(body))


def push_image(registry: MemoryRegistry, platform: str) -> tuple[Descriptor, Descriptor]:
    """The image's and its configuration's descriptor."""
    content = json.dumps({"os": platform}).encode()
    config = Descriptor(CONFIG_TYPE, Digest(digest_of(content)), len(content))
    registry.store(REPOSITORY).put_blob(REPOSITORY.path, str(config.digest), content)
    return push(registry, OCI_MANIFEST, config=entry(config), layers=[]), config


def held(registry: MemoryRegistry, tag: str, descriptor: Descriptor, config: Descriptor | None) -> HeldImage:
    reference = ImageReference(REPOSITORY, tag, None, str(REPOSITORY))
    content = registry.fetch(reference.pinned(descriptor.digest), ManualCancellation()).unwrap().content
    assert registry.put(reference, content, descriptor.media_type, ManualCancellation()) == Success(None)
    return HeldImage(reference, descriptor, config)


class TestMemoryRegistry(PublishingRegistryContract):
    @pytest.fixture
    def registry(self) -> MemoryRegistry:
        registry = MemoryRegistry()
        registry.fail_next(f"check_push {READ_ONLY}", DENIED)
        registry.fail_next(f"put {READ_ONLY}", PushDenied(f"{READ_ONLY}:1", READ_ONLY.domain, "status 403: DENIED"))
        return registry

    @pytest.fixture
    def read_only(self) -> Repository:
        return READ_ONLY

    @pytest.fixture
    def image(self, registry: MemoryRegistry) -> HeldImage:
        return held(registry, "one", *push_image(registry, "linux"))

    @pytest.fixture
    def index(self, registry: MemoryRegistry) -> HeldImage:
        names = (("linux", "amd64"), ("linux", "386"), ("unknown", "unknown"))
        children = [(push_image(registry, "/".join(name))[0], name) for name in names]
        listed = [entry(child, platform={"os": os, "architecture": machine}) for child, (os, machine) in children]
        return held(registry, "all", push(registry, OCI_INDEX, manifests=listed), None)


def test_a_call_fails_once_and_every_call_is_kept() -> None:
    registry, failure = MemoryRegistry(), RegistryUnreachable(str(REPOSITORY), "status 503")
    registry.fail_next("check_push registry.example/team", failure)
    answers = [registry.check_push(REPOSITORY, ManualCancellation()) for _ in range(2)]
    assert answers == [Failure(failure), Success(None)]
    assert registry.calls == [f"check_push {REPOSITORY}"] * 2


def test_a_lost_answer_has_taken_effect() -> None:
    registry = MemoryRegistry()
    image, _ = push_image(registry, "linux")
    reference = ImageReference(REPOSITORY, "one", None, str(REPOSITORY))
    content = registry.fetch(reference.pinned(image.digest), ManualCancellation()).unwrap().content
    lost = RegistryUnreachable(str(reference), "timed out")
    registry.fail_next("put", lost, takes_effect=True)
    assert registry.put(reference, content, image.media_type, ManualCancellation()) == Failure(lost)
    assert registry.find(reference, ManualCancellation()) == Success(image.digest)

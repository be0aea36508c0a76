"""The registry contract rejects adapters that break it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import HeldImage, RegistryContract
from image_builder_domain.failure import BadCredentials, NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, Registry
from returns.result import Failure, Result, Success

from tests.oci_registry import RunningRegistry, push_image, start_registry

Resolved = Result[Manifest, RegistryFailure]


@dataclass
class Spoilt:
    """A good registry adapter that a subclass spoils."""

    good: Registry

    def check(self, repositories: Iterable[Repository]) -> Result[None, BadCredentials]:
        return self.good.check(repositories)


@final
@dataclass
class RemembersTags(Spoilt):
    """Never asks twice."""

    known: dict[str, Resolved] = field(default_factory=dict)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        if str(reference) not in self.known:
            self.known[str(reference)] = self.good.resolve(reference, cancellation)
        return self.known[str(reference)]


@final
@dataclass
class PrefersTheTag(Spoilt):
    """Takes the tag's word for what the digest is."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        asked = reference if reference.tag is None else replace(reference, digest=None)
        return self.good.resolve(asked, cancellation)


@final
@dataclass
class CallsEveryFailureMissing(Spoilt):
    """Cannot tell "is not there" from "I do not know"."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return self.good.resolve(reference, cancellation).lash(lambda _: Failure(NotFound(str(reference))))


@final
@dataclass
class ListsAttestations(Spoilt):
    """Takes an attestation for a platform."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return self.good.resolve(reference, cancellation).bind(
            lambda found: Success(replace(found, platforms=(*found.platforms, "unknown/unknown")))
        )


@final
@dataclass
class CountsABlank(Spoilt):
    """Counts characters of a text that it made anew, not the bytes that came."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return self.good.resolve(reference, cancellation).map(
            lambda found: replace(found, descriptor=replace(found.descriptor, size=found.descriptor.size + 1))
        )


@final
@dataclass
class LosesTheConfiguration(Spoilt):
    """Forgets what protocol v1 signs."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return self.good.resolve(reference, cancellation).map(lambda found: replace(found, config=None))


@final
@dataclass
class ResolvesToAPlatform(Spoilt):
    """Gives the image for this machine instead of the index."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return self.good.resolve(reference, cancellation).map(lambda found: replace(found, platforms=()))


@final
@dataclass
class KnowsOneAtATime(Spoilt):
    """Keeps what it is asked where another thread finds it."""

    asked: ImageReference | None = None

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        self.asked = reference
        time.sleep(0.05)
        return self.good.resolve(self.asked, cancellation)


@final
@dataclass
class InventsWhatIsMissing(Spoilt):
    """Has an answer for everything."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        nothing = Manifest(Descriptor(OCI_MANIFEST, Digest("sha256:" + "0" * 64), 0), None, ())
        return self.good.resolve(reference, cancellation).lash(lambda _: Success(nothing))


@final
@dataclass
class Raises(Spoilt):
    """Raises what it should tell."""

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        return Success(self.good.resolve(reference, cancellation).unwrap())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRegistry]:
    with start_registry(tmp_path) as running:
        yield running


@pytest.fixture
def good() -> Iterator[HttpRegistry]:
    with closing(HttpRegistry({}, Redactor())) as registry:
        yield registry


def push(running: RunningRegistry, marker: str = "", platforms: tuple[str, ...] = ()) -> HeldImage:
    pushed = push_image(running.host_port, "app", "one", marker=marker, platforms=platforms)
    reference = ImageReference.parse(f"{running.host_port}/app:one").unwrap()
    return HeldImage(reference, pushed.descriptor, pushed.config)


@pytest.mark.parametrize("spoil", [RemembersTags, PrefersTheTag])
def test_confused_tag_and_digest_are_seen(
    spoil: Callable[[Registry], Registry], running: RunningRegistry, good: HttpRegistry
) -> None:
    clause = RegistryContract().test_digest_decides_over_the_tag
    image = push(running)
    with pytest.raises(AssertionError, match="sha256"):
        clause(spoil(good), image, lambda: push(running, "moved"))


def test_stop_told_as_missing_is_seen(running: RunningRegistry, good: HttpRegistry) -> None:
    clause = RegistryContract().test_stopped_work_is_a_failure
    with pytest.raises(AssertionError, match="NotFound"):
        clause(CallsEveryFailureMissing(good), push(running))


@pytest.mark.parametrize("spoil", [CountsABlank, LosesTheConfiguration])
def test_what_is_told_of_other_bytes_is_seen(
    spoil: Callable[[Registry], Registry], running: RunningRegistry, good: HttpRegistry
) -> None:
    clause = RegistryContract().test_tag_resolves_to_digest_and_size_of_the_exact_bytes
    with pytest.raises(AssertionError):
        clause(spoil(good), push(running))


def test_an_image_in_place_of_an_index_is_seen(running: RunningRegistry, good: HttpRegistry) -> None:
    clause = RegistryContract().test_index_is_never_resolved_to_a_platform
    with pytest.raises(AssertionError):
        clause(ResolvesToAPlatform(good), push(running, platforms=("linux/amd64", "linux/386")))


def test_mixed_up_threads_are_seen(running: RunningRegistry, good: HttpRegistry) -> None:
    index = replace(push(running, platforms=("linux/amd64",)), reference=reference(running, "two"))
    push_image(running.host_port, "app", "two", platforms=("linux/amd64",))
    clause = RegistryContract().test_references_can_be_resolved_side_by_side
    with pytest.raises(AssertionError):
        clause(KnowsOneAtATime(good), push(running), index)


@pytest.mark.parametrize("spoil", [InventsWhatIsMissing, Raises])
def test_what_is_missing_and_told_badly_is_seen(
    spoil: Callable[[Registry], Registry], running: RunningRegistry, good: HttpRegistry
) -> None:
    image, contract = push(running), RegistryContract()
    for clause in (contract.test_missing_tag_is_not_found, contract.test_missing_digest_is_not_found):
        with pytest.raises(Exception, match=r".") as seen:
            clause(spoil(good), image)
        assert "This clause of the port Registry is not kept" in "".join(seen.value.__notes__)


def reference(running: RunningRegistry, tag: str) -> ImageReference:
    return ImageReference.parse(f"{running.host_port}/app:{tag}").unwrap()


def test_listed_attestation_is_seen(running: RunningRegistry, good: HttpRegistry) -> None:
    clause = RegistryContract().test_index_is_never_resolved_to_a_platform
    with pytest.raises(AssertionError, match="unknown/unknown"):
        clause(ListsAttestations(good), push(running, platforms=("linux/amd64", "linux/386", "unknown/unknown")))

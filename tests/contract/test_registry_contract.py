"""The registry contract rejects adapters that break it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import HeldImage, RegistryContract
from image_builder_domain.descriptor import Manifest
from image_builder_domain.ports import Cancellation, Registry
from image_builder_domain.reference import ImageReference, Repository
from image_builder_domain.registry_failure import BadCredentials, NotFound, RegistryFailure
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


def test_listed_attestation_is_seen(running: RunningRegistry, good: HttpRegistry) -> None:
    clause = RegistryContract().test_index_is_never_resolved_to_a_platform
    with pytest.raises(AssertionError, match="unknown/unknown"):
        clause(ListsAttestations(good), push(running, platforms=("linux/amd64", "linux/386", "unknown/unknown")))

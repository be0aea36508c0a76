"""The registry contract rejects adapters that break it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, final

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import RegistryContract
from image_builder_domain.failure import BadCredentials, NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, Registry
from returns.result import Failure, Result, Success

from tests.contract.registry_bench import PLATFORMS
from tests.oci_registry import RunningRegistry, held_image, start_registry

Resolved: TypeAlias = Result[Manifest, RegistryFailure]
Spoil: TypeAlias = Callable[[Resolved, ImageReference], Resolved]
NOTHING = Manifest(Descriptor(OCI_MANIFEST, Digest("sha256:" + "0" * 64), 0), None, ())


@final
@dataclass
class Spoilt:
    """A good registry adapter with spoilt results."""

    good: Registry
    spoil: Spoil
    drops_digest: bool = False

    def check(self, repositories: Iterable[Repository]) -> Result[None, BadCredentials]:
        return self.good.check(repositories)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        asked = replace(reference, digest=None) if self.drops_digest and reference.tag else reference
        return self.spoil(self.good.resolve(asked, cancellation), reference)


def from_memory() -> Spoil:
    """Keeps the first result of each reference."""
    known: dict[str, Resolved] = {}
    return lambda found, reference: known.setdefault(str(reference), found)


def unchanged(found: Resolved, _: ImageReference) -> Resolved:
    return found


def with_another_size(found: Resolved, _: ImageReference) -> Resolved:
    return found.map(lambda one: replace(one, descriptor=replace(one.descriptor, size=one.descriptor.size + 1)))


def without_configuration(found: Resolved, _: ImageReference) -> Resolved:
    return found.map(lambda one: replace(one, config=None))


def without_platforms(found: Resolved, _: ImageReference) -> Resolved:
    return found.map(lambda one: replace(one, platforms=()))


def with_attestations(found: Resolved, _: ImageReference) -> Resolved:
    return found.map(lambda one: replace(one, platforms=(*one.platforms, "unknown/unknown")))


def failures_as_missing(found: Resolved, reference: ImageReference) -> Resolved:
    return found.lash(lambda _: Failure(NotFound(str(reference))))


def failures_as_nothing(found: Resolved, _: ImageReference) -> Resolved:
    return found.lash(lambda _: Success(NOTHING))


def failures_raised(found: Resolved, _: ImageReference) -> Resolved:
    return Success(found.unwrap())


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRegistry]:
    with start_registry(tmp_path) as running:
        yield running


@pytest.fixture
def good() -> Iterator[HttpRegistry]:
    with closing(HttpRegistry({}, Redactor())) as registry:
        yield registry


CONTRACT = RegistryContract()


@pytest.mark.parametrize(("spoil", "drops_digest"), [(from_memory(), False), (unchanged, True)])
def test_confusing_tag_and_digest_fails(
    spoil: Spoil, drops_digest: bool, running: RunningRegistry, good: HttpRegistry
) -> None:
    image = held_image(running.host_port, "one")
    with pytest.raises(AssertionError, match="sha256"):
        CONTRACT.test_digest_decides_over_the_tag(
            Spoilt(good, spoil, drops_digest), image, lambda: held_image(running.host_port, "one", marker="moved")
        )


@pytest.mark.parametrize(
    ("spoil", "clause", "word"),
    [
        (failures_as_missing, CONTRACT.test_stopped_work_is_a_failure, "NotFound"),
        (with_another_size, CONTRACT.test_tag_resolves_to_digest_and_size_of_the_exact_bytes, "descriptor"),
        (without_configuration, CONTRACT.test_tag_resolves_to_digest_and_size_of_the_exact_bytes, "config"),
    ],
)
def test_a_wrong_result_for_an_image_fails(
    spoil: Spoil, clause: Callable[..., None], word: str, running: RunningRegistry, good: HttpRegistry
) -> None:
    with pytest.raises(AssertionError, match=word):
        clause(Spoilt(good, spoil), held_image(running.host_port, "one"))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(without_platforms, "platforms"), (with_attestations, "unknown/unknown")],
    ids=["platforms", "listed"],
)
def test_a_wrong_result_for_an_index_fails(
    spoil: Spoil, word: str, running: RunningRegistry, good: HttpRegistry
) -> None:
    with pytest.raises(AssertionError, match=word):
        CONTRACT.test_index_is_never_resolved_to_a_platform(
            Spoilt(good, spoil), held_image(running.host_port, "all", PLATFORMS)
        )


def test_state_shared_by_threads_fails(running: RunningRegistry, good: HttpRegistry) -> None:
    image, index = held_image(running.host_port, "one"), held_image(running.host_port, "all", PLATFORMS)
    shared: list[ImageReference] = []

    class Mixed:
        check = good.check

        def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
            shared.append(reference)
            time.sleep(0.05)
            return good.resolve(shared[-1], cancellation)

    with pytest.raises(AssertionError):
        CONTRACT.test_references_can_be_resolved_side_by_side(Mixed(), image, index)


@pytest.mark.parametrize("spoil", [failures_as_nothing, failures_raised])
def test_a_wrong_result_for_a_missing_image_fails(spoil: Spoil, running: RunningRegistry, good: HttpRegistry) -> None:
    image = held_image(running.host_port, "one")
    for clause in (CONTRACT.test_missing_tag_is_not_found, CONTRACT.test_missing_digest_is_not_found):
        with pytest.raises(Exception, match=r".") as seen:
            clause(Spoilt(good, spoil), image)
        assert "This clause of the port Registry is not kept" in "".join(seen.value.__notes__)

"""The registry contract rejects adapters that break it."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import RegistryContract
from image_builder_domain.failure import BadCredentials, NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, Registry
from image_builder_stand_ins.registry import Registry as StandIn
from returns.result import Failure, Result, Success

from tests.contract.clauses import not_kept
from tests.contract.registry_bench import PLATFORMS
from tests.oci_registry import held_image

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


class Mixed:
    """Keeps the reference of the last request for all threads."""

    def __init__(self, good: Registry) -> None:
        self.good = good
        self.check = good.check
        self.last: ImageReference | None = None

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Resolved:
        self.last = reference
        time.sleep(0.05)
        return self.good.resolve(self.last, cancellation)


FAULTY: dict[str, tuple[Callable[[Registry], Registry], set[str]]] = {
    "remembers": (lambda good: Spoilt(good, from_memory()), {"digest_decides_over_the_tag"}),
    "drops the digest": (lambda good: Spoilt(good, unchanged, drops_digest=True), {"digest_decides_over_the_tag"}),
    "another size": (
        lambda good: Spoilt(good, with_another_size),
        {
            "digest_decides_over_the_tag",
            "digest_resolves_to_itself",
            "index_is_never_resolved_to_a_platform",
            "references_can_be_resolved_side_by_side",
            "tag_resolves_to_digest_and_size_of_the_exact_bytes",
        },
    ),
    "no configuration": (
        lambda good: Spoilt(good, without_configuration),
        {"tag_resolves_to_digest_and_size_of_the_exact_bytes"},
    ),
    "no platforms": (lambda good: Spoilt(good, without_platforms), {"index_is_never_resolved_to_a_platform"}),
    "attestations": (lambda good: Spoilt(good, with_attestations), {"index_is_never_resolved_to_a_platform"}),
    "failures as missing": (lambda good: Spoilt(good, failures_as_missing), {"stopped_work_is_a_failure"}),
    "failures as nothing": (
        lambda good: Spoilt(good, failures_as_nothing),
        {"missing_digest_is_not_found", "missing_tag_is_not_found", "stopped_work_is_a_failure"},
    ),
    "failures raised": (
        lambda good: Spoilt(good, failures_raised),
        {"missing_digest_is_not_found", "missing_tag_is_not_found", "stopped_work_is_a_failure"},
    ),
    "mixes threads": (Mixed, {"references_can_be_resolved_side_by_side"}),
}
"""Adapters with one fault each, and the clauses that they do not keep."""


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_registry_is_rejected(fault: str) -> None:
    make, clauses = FAULTY[fault]

    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with StandIn.start() as running, closing(HttpRegistry({}, Redactor())) as good:
            host = running.host_port
            images = {"image": held_image(host, "one"), "index": held_image(host, "all", PLATFORMS)}
            yield {"registry": make(good), **images, "move_tag": lambda: held_image(host, "one", marker="moved")}

    assert not_kept(RegistryContract, fixtures) == clauses

"""Our list of referrers keeps the contract for every kind of registry; faulty ones do not."""

import hashlib
import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.registry import Attach, ReferrersContract
from image_builder_domain.failure import NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor, Referrer
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Cancellation, Referrers
from image_builder_stand_ins.registry import Registry
from returns.result import Failure, Result, Success

from tests.contract.clauses import not_kept
from tests.oci_registry import push_image, start_registry

Listed = Result[tuple[Referrer, ...], RegistryFailure]
EMPTY = "application/vnd.oci.empty.v1+json"


def put(host: str, path: str, content: dict[str, Any]) -> Descriptor:
    """Push a manifest under its digest, or under a tag when ``path`` ends in one."""
    body = json.dumps(content).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    url = f"http://{host}/v2/{path}{digest if path.endswith('/') else ''}"
    request = urllib.request.Request(url, body, {"Content-Type": content["mediaType"]}, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201
    return Descriptor(content["mediaType"], Digest(digest), len(body))


def entry(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def manifest(image: ImageReference, kind: str, config: Descriptor) -> dict[str, Any]:
    subject = {"mediaType": OCI_MANIFEST, "digest": str(image.digest), "size": 1}
    own = {"mediaType": OCI_MANIFEST, "artifactType": kind, "config": entry(config), "layers": [], "subject": subject}
    return {"schemaVersion": 2, **own}


class Pushed:
    """Two images in a registry, and what attaches to them as a tool of its kind would."""

    def __init__(self, host: str, by_tag: bool) -> None:
        self.host = host
        self.by_tag = by_tag
        self.listed: dict[str, list[dict[str, Any]]] = {}
        first, second = (push_image(host, "app", tag, marker=tag) for tag in ("one", "two"))
        assert first.config is not None
        self.config = first.config
        digests = (pushed.descriptor.digest for pushed in (first, second))
        one, two = (ImageReference.parse(f"{host}/app@{digest}").unwrap() for digest in digests)
        self.images = one, two

    def attach(self, image: ImageReference, kind: str) -> Referrer:
        descriptor = put(self.host, "app/manifests/", manifest(image, kind, self.config))
        if self.by_tag:  # what a tool does when the registry has no API for it
            listed = self.listed.setdefault(str(image.digest), [])
            listed.append({**entry(descriptor), "artifactType": kind})
            index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
            put(self.host, f"app/manifests/{str(image.digest).replace(':', '-')}", index)
        return Referrer(descriptor, kind)


class Ours(ReferrersContract):
    @pytest.fixture
    def referrers(self) -> Iterator[Referrers]:
        with closing(HttpRegistry({}, Redactor())) as registry:
            yield registry

    @pytest.fixture
    def images(self, pushed: Pushed) -> tuple[ImageReference, ImageReference]:
        return pushed.images

    @pytest.fixture
    def attach(self, pushed: Pushed) -> Attach:
        return pushed.attach


class TestRegistryWithTheApi(Ours):
    @pytest.fixture
    def pushed(self) -> Iterator[Pushed]:
        with Registry.start() as registry:
            yield Pushed(registry.host_port, by_tag=False)


class TestRealRegistryWithoutTheApi(Ours):
    @pytest.fixture
    def pushed(self, tmp_path: Path) -> Iterator[Pushed]:
        with start_registry(tmp_path) as registry:
            yield Pushed(registry.host_port, by_tag=True)


# --- faulty ones ------------------------------------------------------------------------------------------------------


class Spoilt:
    """A good adapter, to be spoilt. ``images`` are those of the repository."""

    images: tuple[ImageReference, ...] = ()

    def __init__(self, good: Referrers) -> None:
        self.good = good

    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation)


class CallsNoneMissing(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        found = self.good.referrers(reference, artifact_type, cancellation)
        missing: Listed = Failure(NotFound(str(reference)))
        return found.bind(lambda listed: found if listed else missing)


class CountsABlank(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation).map(
            lambda listed: tuple(
                replace(one, descriptor=replace(one.descriptor, size=one.descriptor.size + 1)) for one in listed
            )
        )


class ForgetsTheType(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation).map(
            lambda listed: tuple(replace(one, artifact_type="") for one in listed)
        )


class ReadsOnePage(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation).map(lambda listed: listed[:10])


class ListsTwice(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation).map(lambda listed: listed + listed[:1])


class ListsEveryType(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        del artifact_type
        return self.good.referrers(reference, None, cancellation)


class Remembers(Spoilt):
    def __init__(self, good: Referrers) -> None:
        super().__init__(good)
        self.known: Listed | None = None

    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        self.known = self.known or self.good.referrers(reference, artifact_type, cancellation)
        return self.known


class CallsEveryFailureNone(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        return self.good.referrers(reference, artifact_type, cancellation).lash(lambda _: Success(()))


class ListsAllOfTheRepository(Spoilt):
    def referrers(self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation) -> Listed:
        del reference
        first, second = (self.good.referrers(image, artifact_type, cancellation) for image in self.images)
        return Result.do(one + two for one in first for two in second)


FAULTY: dict[type[Spoilt], set[str]] = {
    CallsNoneMissing: {
        "an_image_that_is_not_there_has_none",
        "an_image_without_referrers_has_none",
        "another_images_referrers_are_not_listed",
        "one_type_alone_is_listed_when_it_is_asked_for",
        "the_registry_is_asked_anew_each_time",
    },
    CallsEveryFailureNone: {"stopped_work_is_a_failure"},
    CountsABlank: {
        "everything_is_listed",
        "one_type_alone_is_listed_when_it_is_asked_for",
        "the_registry_is_asked_anew_each_time",
        "what_refers_is_listed_as_it_is",
    },
    ForgetsTheType: {
        "everything_is_listed",
        "one_type_alone_is_listed_when_it_is_asked_for",
        "the_registry_is_asked_anew_each_time",
        "what_refers_is_listed_as_it_is",
    },
    ReadsOnePage: {"everything_is_listed"},
    ListsTwice: {
        "everything_is_listed",
        "one_type_alone_is_listed_when_it_is_asked_for",
        "the_registry_is_asked_anew_each_time",
        "what_refers_is_listed_as_it_is",
    },
    ListsEveryType: {"one_type_alone_is_listed_when_it_is_asked_for"},
    Remembers: {"one_type_alone_is_listed_when_it_is_asked_for", "the_registry_is_asked_anew_each_time"},
    ListsAllOfTheRepository: {"another_images_referrers_are_not_listed"},
}
"""Adapters with one fault each, and the clauses that they do not keep."""


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_adapter_is_rejected(faulty: type[Spoilt]) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with Registry.start() as registry, closing(HttpRegistry({}, Redactor())) as good:
            pushed, spoilt = Pushed(registry.host_port, by_tag=False), faulty(good)
            spoilt.images = pushed.images
            yield {"referrers": spoilt, "images": pushed.images, "attach": pushed.attach}

    assert not_kept(ReferrersContract, fixtures) == FAULTY[faulty]

"""The contract of publishing: our client with the stand-in and with a real registry; faulty adapters are rejected."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, final

import pytest
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.publishing_registry import PublishingRegistryContract
from image_builder_contracts.registry import HeldImage
from image_builder_domain.failure import NotFound, PushDenied, RegistryFailure, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST, HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation, PublishingRegistry
from image_builder_stand_ins.registry import Registry as StandIn
from image_builder_stand_ins.registry import RegistryRules
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from tests.contract.clauses import not_kept
from tests.contract.registry_bench import PLATFORMS
from tests.oci_registry import BASIC, PASSWORD, USER, RunningRegistry, held_image, start_registry
from tests.token_server import TokenServer, token_server

CLOSED = "team/closed"


def closed(host_port: str) -> Repository:
    return Repository(host_port, CLOSED)


class TestOurClientWithTheStandIn(PublishingRegistryContract):
    @pytest.fixture(params=[True, False], ids=["digest-header", "no-digest-header"])
    def running(self, request: pytest.FixtureRequest) -> Iterator[StandIn]:
        with StandIn.start() as running:
            running.rules = RegistryRules(read_only=frozenset({CLOSED}), digest_header=request.param)
            yield running

    @pytest.fixture
    def registry(self) -> Iterator[HttpRegistry]:
        with closing(HttpRegistry({}, Redactor())) as registry:
            yield registry

    @pytest.fixture
    def image(self, running: StandIn) -> HeldImage:
        return held_image(running.host_port, "one")

    @pytest.fixture
    def index(self, running: StandIn) -> HeldImage:
        return held_image(running.host_port, "all", PLATFORMS)

    @pytest.fixture
    def read_only(self, running: StandIn) -> Repository:
        return closed(running.host_port)

    def test_the_check_leaves_no_upload_behind(
        self, registry: HttpRegistry, running: StandIn, image: HeldImage
    ) -> None:
        self.test_the_right_to_push_is_confirmed(registry, image)
        assert running.uploads == {}


class TestOurClientWithARealRegistry(PublishingRegistryContract):
    @pytest.fixture
    def tokens(self, tmp_path: Path) -> Iterator[TokenServer]:
        with token_server(tmp_path, USER, PASSWORD) as tokens:
            tokens.read_only.add(CLOSED)
            yield tokens

    @pytest.fixture
    def running(self, tmp_path: Path, tokens: TokenServer) -> Iterator[RunningRegistry]:
        with start_registry(tmp_path / "registry", tokens.auth_section()) as running:
            yield running

    @pytest.fixture
    def registry(self, tmp_path: Path, running: RunningRegistry) -> Iterator[HttpRegistry]:
        (tmp_path / "config.json").write_text(json.dumps({"auths": {running.host_port: {"auth": BASIC}}}))
        with closing(HttpRegistry({"DOCKER_CONFIG": str(tmp_path)}, Redactor())) as registry:
            yield registry

    @pytest.fixture
    def authorization(self, tokens: TokenServer) -> str:
        return f"Bearer {tokens.token('repository:team/app:pull,push')}"

    @pytest.fixture(params=[False, True], ids=["oci", "docker"])
    def docker(self, request: pytest.FixtureRequest) -> bool:
        return bool(request.param)

    @pytest.fixture
    def image(self, running: RunningRegistry, authorization: str, docker: bool) -> HeldImage:
        return held_image(running.host_port, "one", authorization=authorization, docker=docker)

    @pytest.fixture
    def index(self, running: RunningRegistry, authorization: str, docker: bool) -> HeldImage:
        return held_image(running.host_port, "all", PLATFORMS, authorization=authorization, docker=docker)

    @pytest.fixture
    def read_only(self, running: RunningRegistry) -> Repository:
        return closed(running.host_port)

    def test_a_refusal_names_the_source_of_the_credentials(
        self, registry: HttpRegistry, running: RunningRegistry, tmp_path: Path
    ) -> None:
        refused = unwrap_or_failure(registry.check_push(closed(running.host_port), ManualCancellation()))
        assert f"{tmp_path}/config.json" in str(refused)

    def test_a_refusal_without_credentials_says_how_to_log_in(self, running: RunningRegistry) -> None:
        with closing(HttpRegistry({}, Redactor())) as anonymous:
            refused = unwrap_or_failure(anonymous.check_push(closed(running.host_port), ManualCancellation()))
        assert isinstance(refused, PushDenied)
        assert f"docker login {running.host_port}" in str(refused)

    def test_one_token_serves_the_whole_publication(
        self, registry: HttpRegistry, tokens: TokenServer, image: HeldImage
    ) -> None:
        self.test_the_right_to_push_is_confirmed(registry, image)
        self.test_a_manifest_comes_with_its_exact_bytes(registry, image)
        self.test_a_manifest_is_written_by_digest(registry, image)
        asked = [query for query in tokens.requests if "app%3A" in query]
        assert asked == ["GET service=test-registry&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"]


# --- faulty adapters --------------------------------------------------------------------------------------------------


class Good(PublishingRegistry):
    """Passes everything on; subclasses have one fault each."""

    def __init__(self, good: PublishingRegistry) -> None:
        self.good = good

    def check_push(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        return self.good.check_push(repository, cancellation)

    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        return self.good.fetch(reference, cancellation)

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        return self.good.find(reference, cancellation)

    def put(
        self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        return self.good.put(reference, content, media_type, cancellation)


Written: TypeAlias = Result[None, PushDenied | RegistryFailure]


@final
class NeverAsks(Good):
    def check_push(self, repository: Repository, cancellation: Cancellation) -> Written:
        return Success(None)


@final
class CallsARefusalUnreachable(Good):
    def check_push(self, repository: Repository, cancellation: Cancellation) -> Written:
        found = self.good.check_push(repository, cancellation)
        return found.lash(lambda failure: Failure(RegistryUnreachable(failure.reference, "status 403")))  # type: ignore[union-attr]


@final
class Reformats(Good):
    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        found = self.good.fetch(reference, cancellation)
        return found.map(lambda held: replace(held, content=json.dumps(json.loads(held.content), indent=1).encode()))


@final
class LeavesAttestationsOut(Good):
    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        found = self.good.fetch(reference, cancellation)
        return found.map(lambda held: replace(held, children=held.children[:2]))


@final
class ReadsNoAnnotations(Good):
    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        return self.good.fetch(reference, cancellation).map(lambda held: replace(held, annotations=()))


@final
@dataclass
class Remembers(Good):
    good: PublishingRegistry
    known: dict[ImageReference, Result[Digest, RegistryFailure]] = field(default_factory=dict)

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        if reference not in self.known:
            self.known[reference] = self.good.find(reference, cancellation)
        return self.known[reference]


@final
class FindsNothingWhenStopped(Good):
    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        return self.good.find(reference, cancellation).lash(lambda _: Failure(NotFound(str(reference))))


@final
class WritesOneMediaType(Good):
    def put(self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation) -> Written:
        named = json.dumps({**json.loads(content), "mediaType": OCI_MANIFEST}).encode()
        return self.good.put(reference, named, OCI_MANIFEST, cancellation)


@final
class WritesLatestToo(Good):
    def put(self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation) -> Written:
        self.good.put(replace(reference, tag="latest", digest=None), content, media_type, cancellation)
        return self.good.put(reference, content, media_type, cancellation)


@final
class WritesNothing(Good):
    def put(self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation) -> Written:
        return Success(None)


@final
class WritesAfterTheStop(Good):
    def put(self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation) -> Written:
        self.good.put(reference, content, media_type, ManualCancellation())
        return self.good.put(reference, content, media_type, cancellation)


FAULTY: dict[type[Good], set[str]] = {
    Good: set(),
    NeverAsks: {"a_refused_push_names_the_repository", "stopped_work_is_a_failure"},
    CallsARefusalUnreachable: {"a_refused_push_names_the_repository"},
    Reformats: {
        "a_manifest_comes_with_its_exact_bytes",
        "a_manifest_is_written_by_digest",
        "a_tag_is_moved",
        "a_tag_names_the_same_bytes",
    },
    LeavesAttestationsOut: {"an_index_lists_every_child"},
    ReadsNoAnnotations: {"annotations_are_read"},
    Remembers: {"a_tag_is_found_by_its_digest_of_now"},
    FindsNothingWhenStopped: {"stopped_work_is_a_failure"},
    WritesOneMediaType: {"a_tag_names_the_same_bytes", "a_tag_is_moved"},
    WritesLatestToo: {"a_manifest_is_written_by_digest"},
    WritesNothing: {
        "a_manifest_is_written_by_digest",
        "a_refused_manifest_is_not_written",
        "a_repository_that_refuses_pushes_gets_no_manifest",
        "a_tag_is_found_by_its_digest_of_now",
        "a_tag_is_moved",
        "a_tag_names_the_same_bytes",
        "annotations_are_read",
        "stopped_work_is_a_failure",
    },
    WritesAfterTheStop: {"stopped_work_is_a_failure"},
}
"""Adapters with one fault each, and the clauses that they do not keep."""


@pytest.mark.parametrize("make", FAULTY, ids=lambda make: make.__name__)
def test_a_faulty_adapter_is_rejected(make: Callable[[PublishingRegistry], Good]) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with StandIn.start() as running, closing(HttpRegistry({}, Redactor())) as good:
            running.rules = RegistryRules(read_only=frozenset({CLOSED}))
            host = running.host_port
            images = {"image": held_image(host, "one"), "index": held_image(host, "all", PLATFORMS)}
            yield {"registry": make(good), "read_only": closed(host), **images}

    assert not_kept(PublishingRegistryContract, fixtures) == FAULTY[make]  # type: ignore[index]

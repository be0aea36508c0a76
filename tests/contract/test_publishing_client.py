"""Our client's writes when answers are lost, pushes are refused, and a registry chooses URLs that must not be used."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import final

import pytest
from image_builder_adapters.http.client import HttpAnswer, HttpClient, HttpFailure, HttpRequest, NoAnswer, NoAnswerKind
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.publishing_registry import digest_of, fetched, found, tagged, with_annotations
from image_builder_contracts.registry import HeldImage
from image_builder_domain.failure import PushDenied, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST
from image_builder_domain.image.reference import Digest, Repository
from image_builder_domain.ports import Cancellation
from image_builder_stand_ins.registry import Registry, RegistryRules
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from tests.oci_registry import held_image
from tests.raw_server import answer, raw_server, says

QUICK = RetryPolicy(attempts=3, pause_seconds=0.0)


@final
@dataclass
class Losing:
    """A client that loses the answers of so many PUTs; the requests arrive, unless they are ``dropped``."""

    lost: int
    dropped: bool = False
    client: HttpClient = field(default_factory=HttpClient)
    sent: list[str] = field(default_factory=list)

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        self.sent.append(request.method)
        if request.method != "PUT" or not self.lost:
            return self.client.send(request, cancellation, limit_bytes)
        self.lost -= 1
        if not self.dropped:
            self.client.send(request, cancellation, limit_bytes)
        return Failure(NoAnswer(request.url, "connection reset", NoAnswerKind.TRANSIENT))


@pytest.fixture
def running() -> Iterator[Registry]:
    with Registry.start() as running:
        yield running


@pytest.fixture
def image(running: Registry) -> HeldImage:
    return held_image(running.host_port, "one")


def put(client: Losing, image: HeldImage, tag: str = "written") -> Result[None, object]:
    with closing(client.client), closing(HttpRegistry({}, Redactor(), client, QUICK)) as registry:
        held = fetched(registry, image.reference)
        return registry.put(tagged(image, tag), held.content, OCI_MANIFEST, ManualCancellation())


def tags(running: Registry) -> list[str]:
    return running.store.tags("team/app")


def test_a_tag_whose_answer_is_lost_is_asked_for_and_not_written_again(running: Registry, image: HeldImage) -> None:
    running.rules = RegistryRules(immutable_tags=True)
    client = Losing(1)
    assert put(client, image) == Success(None)
    assert client.sent == ["GET", "PUT", "HEAD"]


def test_a_tag_that_did_not_arrive_is_written_again(running: Registry, image: HeldImage) -> None:
    client = Losing(2, dropped=True)
    assert put(client, image) == Success(None)
    assert client.sent == ["GET", "PUT", "HEAD", "PUT", "HEAD", "PUT"]
    assert tags(running) == ["one", "written"]


def test_a_tag_that_never_arrives_is_a_failure(running: Registry, image: HeldImage) -> None:
    assert isinstance(unwrap_or_failure(put(Losing(3, dropped=True), image)), RegistryUnreachable)
    assert tags(running) == ["one"]


def test_busy_answers_are_waited_for(running: Registry, image: HeldImage) -> None:
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        content = fetched(registry, image.reference).content
        running.fail_next(503, 429, 500, 429)  # for two attempts, and the question after each of them
        written = tagged(image, "written")
        assert registry.put(written, content, OCI_MANIFEST, ManualCancellation()) == Success(None)
    assert tags(running) == ["one", "written"]


def test_a_registry_that_refuses_pushes_by_digest_is_told_so(running: Registry, image: HeldImage) -> None:
    running.rules = RegistryRules(by_digest=False)
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        content = with_annotations(fetched(registry, image.reference), {"a": "b"})
        pinned = image.reference.pinned(Digest(digest_of(content)))
        refused = unwrap_or_failure(registry.put(pinned, content, OCI_MANIFEST, ManualCancellation()))
    assert isinstance(refused, PushDenied)
    assert "by digest" in str(refused)
    assert "docker login" not in str(refused)


def test_a_registry_with_immutable_tags_refuses_another_digest(running: Registry, image: HeldImage) -> None:
    running.rules = RegistryRules(immutable_tags=True)
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        content = with_annotations(fetched(registry, image.reference), {"a": "b"})
        refused = unwrap_or_failure(registry.put(image.reference, content, OCI_MANIFEST, ManualCancellation()))
        assert found(registry, image.reference) == Success(image.descriptor.digest)
    assert isinstance(refused, PushDenied)
    assert "TAG_INVALID" in str(refused)


def check(host_port: str) -> object:
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        return unwrap_or_failure(registry.check_push(Repository(host_port, "app"), ManualCancellation()))


@pytest.mark.parametrize(
    ("reply", "expected", "words"),
    [
        pytest.param(answer("503 Busy"), RegistryUnreachable, "status 503", id="busy"),
        pytest.param(answer("429 Slow"), RegistryUnreachable, "status 429", id="too-many"),
        pytest.param(answer("403 No", body=b'{"errors":[{"code":"DENIED"}]}'), PushDenied, "DENIED", id="denied"),
        pytest.param(answer("404 No"), PushDenied, "docker login", id="hidden"),
        pytest.param(answer("401 No", 'WWW-Authenticate: Basic realm="x"'), PushDenied, "docker login", id="login"),
        pytest.param(answer("405 No"), PushDenied, "status 405", id="read-only"),
        pytest.param(answer("202 Accepted"), type(None), "None", id="no-location"),
        pytest.param(
            answer("202 Accepted", "Location: http://169.254.169.254/x"), type(None), "None", id="location-elsewhere"
        ),
    ],
)
def test_the_answer_to_an_upload_says_whether_pushing_is_allowed(reply: bytes, expected: type, words: str) -> None:
    with raw_server(says(reply)) as server:
        outcome = check(server.host)
    assert isinstance(outcome, expected)
    assert words in str(outcome)


def test_a_registry_that_is_not_there_is_unreachable() -> None:
    with raw_server(says(b"")) as server:
        host = server.host
    assert isinstance(check(host), RegistryUnreachable)

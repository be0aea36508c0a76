"""Hostile and broken registries: answers that must not be trusted, URLs that must not be used, and credentials."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.http.client import HttpClient, Timeouts
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_adapters.registry.client import impatient_client, reachable
from image_builder_adapters.registry.safe_url import Origin, url_problem
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import AccessDenied, BadAnswer, BadCredentials, NotFound, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from returns.methods import unwrap_or_failure
from returns.result import Failure, Success

from tests.raw_server import RawServer, answer, raw_server, says

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "a" * 64, "size": 2}
GOOD = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": []}).encode()
TYPE = f"Content-Type: {OCI_MANIFEST}"
ANSWER = answer("200 OK", TYPE, body=GOOD)
PASSWORD = "hunter22-hunter22"
IDENTITY = "refresh-me-refresh-me"
QUICK = RetryPolicy(attempts=3, pause_seconds=1.0)


def resolve(server: RawServer, digest: str | None = None) -> object:
    pinned = f"@{digest}" if digest is not None else ":1"
    reference = ImageReference.parse(f"{server.host}/app{pinned}").unwrap()
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        return unwrap_or_failure(registry.resolve(reference, ManualCancellation()))


def test_good_answer_is_the_manifest_of_its_exact_bytes() -> None:
    with raw_server(says(answer("200 OK", f"{TYPE}; charset=utf-8", body=GOOD))) as server:
        found = resolve(server)
    assert isinstance(found, Manifest)
    assert found.descriptor.digest == Digest(f"sha256:{hashlib.sha256(GOOD).hexdigest()}")
    assert found.descriptor.size == len(GOOD)
    head = server.requests[0].decode().lower()
    for kind in ("image.index.v1", "manifest.list.v2", "image.manifest.v1", "distribution.manifest.v2"):
        assert kind in head


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        pytest.param(
            answer("200 OK", TYPE, f"Docker-Content-Digest: sha256:{'0' * 64}", body=GOOD),
            "but its content",
            id="digest",
        ),
        pytest.param(
            answer("200 OK", "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws", body=GOOD),
            "not a known image manifest",
            id="schema-1",
        ),
        pytest.param(
            answer("200 OK", "Content-Type: text/html", body=b"<html>"), "not a known image manifest", id="html"
        ),
        pytest.param(answer("200 OK", TYPE, body=GOOD.replace(b": 2,", b": 1,", 1)), "schemaVersion", id="version"),
        pytest.param(answer("200 OK", TYPE, body=b"{"), "not JSON", id="no-json"),
        pytest.param(
            answer("200 OK", TYPE, body=GOOD.replace(OCI_MANIFEST.encode(), b"application/x")),
            "media type",
            id="inner-type",
        ),
        pytest.param(answer("200 OK", TYPE, body=GOOD + b" " * (4 * 1024 * 1024)), "larger than", id="too-large"),
        pytest.param(answer("302 Found", "Location: http://169.254.169.254/x"), "must not be used", id="link-local"),
        pytest.param(answer("302 Found", "Location: http://127.0.0.1:1/x"), "must not be used", id="another-loopback"),
        pytest.param(answer("302 Found", "Location: ftp://example.com/x"), "must not be used", id="scheme"),
        pytest.param(answer("302 Found"), "must not be used", id="no-location"),
        pytest.param(answer("302 Found", "Location: ?again"), "redirects more than 10 times", id="endless"),
        pytest.param(answer("418 I'm a teapot", body=b"short and stout"), "status 418", id="unknown-status"),
    ],
)
def test_answer_that_cannot_be_trusted_is_refused(reply: bytes, word: str) -> None:
    with raw_server(says(reply)) as server:
        failure = resolve(server)
    assert isinstance(failure, BadAnswer)
    assert word in str(failure)


def test_content_with_another_digest_than_requested_is_refused() -> None:
    with raw_server(says(ANSWER)) as server:
        failure = resolve(server, "sha256:" + "0" * 64)
    assert isinstance(failure, BadAnswer)
    assert "sha256:000" in str(failure)


def test_plain_404_is_not_found() -> None:
    with raw_server(says(answer("404 Not Found", body=b"404 page not found"))) as server:
        assert isinstance(resolve(server), NotFound)


def test_transient_answers_are_tried_again() -> None:
    good = ANSWER
    with raw_server(says(answer("503 Busy"), answer("429 Slow", "Retry-After: 1"), good)) as server:
        assert isinstance(resolve(server), Manifest)
    assert len(server.requests) == 3


def test_registry_that_stays_busy_is_unreachable_after_all_attempts() -> None:
    with raw_server(says(answer("503 Busy", body=b'{"errors":[{"code":"BUSY","message":"later"}]}'))) as server:
        failure = resolve(server)
    assert isinstance(failure, RegistryUnreachable)
    assert "BUSY: later" in str(failure)
    assert len(server.requests) == QUICK.attempts


@pytest.mark.parametrize(
    "challenge",
    [
        pytest.param('Bearer realm="http://169.254.169.254/token",service="x"', id="link-local-realm"),
        pytest.param('Bearer realm="https://10.0.0.1/token",service="x"', id="private-realm"),
        pytest.param('Bearer realm="http://example.com/token",service="x"', id="plain-http-realm"),
        pytest.param('Bearer service="x"', id="no-realm"),
        pytest.param("Negotiate", id="unknown-scheme"),
        pytest.param('Basic realm="x"', id="basic-without-credentials"),
    ],
)
def test_a_challenge_that_must_not_be_answered_is_denied_without_further_requests(challenge: str) -> None:
    with raw_server(says(answer("401 Unauthorized", f"WWW-Authenticate: {challenge}"))) as server:
        failure = resolve(server)
    assert isinstance(failure, AccessDenied)
    assert len(server.requests) == 1


def test_foreign_error_text_is_made_harmless() -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "##vso[x]\x1b[2J"}]}).encode()
    with raw_server(says(answer("403 Forbidden", body=body))) as server:
        failure = resolve(server)
    assert isinstance(failure, AccessDenied)
    assert "##vso[" not in str(failure)
    assert "\x1b" not in str(failure)


REMOTE = Origin("https", "reg.example", 443)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        pytest.param("https://auth.example/token", True, id="another-host"),
        pytest.param("http://auth.example/token", False, id="plain-http"),
        pytest.param("https://10.1.2.3/token", False, id="private"),
        pytest.param("https://127.1/token", False, id="short-loopback"),
        pytest.param("https://0x7f000001/token", False, id="hexadecimal-loopback"),
        pytest.param("https://[::ffff:10.0.0.1]/token", False, id="mapped"),
        pytest.param("https://localhost/token", False, id="localhost"),
        pytest.param("https://user:pw@auth.example/token", False, id="userinfo"),
        pytest.param("file:///etc/passwd", False, id="file"),
    ],
)
def test_registry_sends_us_to_safe_places_only(url: str, usable: bool) -> None:
    assert (url_problem(url, REMOTE) is None) is usable


# --- with credentials -------------------------------------------------------------------------------------------------


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with closing(HttpClient(timeouts=Timeouts(10, 10, 10))) as client:
        yield client


class Asker:
    """Resolves one reference with credentials for its registry."""

    def __init__(self, client: HttpClient, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.entry = {"username": "user", "password": PASSWORD}

    def __call__(self, server: RawServer) -> object:
        (self.folder / "config.json").write_text(json.dumps({"auths": {server.host: self.entry}}))
        environment, policy = {"DOCKER_CONFIG": str(self.folder)}, RetryPolicy(attempts=2)
        registry = HttpRegistry(environment, Redactor(), self.client, policy)
        reference = ImageReference.parse(f"{server.host}/app:1").unwrap()
        return unwrap_or_failure(registry.resolve(reference, ManualCancellation()))


@pytest.fixture
def ask(client: HttpClient, tmp_path: Path) -> Asker:
    return Asker(client, tmp_path)


def challenge(server: RawServer, query: str = "") -> bytes:
    """A 401 that names ``server`` as token service; by name, since another port on the same address is refused."""
    realm = f"http://localhost:{server.port}/token{query}"
    asked = f'Bearer realm="{realm}",service="s",scope="repository:app:pull"'
    return answer("401 Unauthorized", f"WWW-Authenticate: {asked}")


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("http://[::1", id="bracket"),
        pytest.param("http://h:99999/", id="port"),
        pytest.param("//[", id="relative"),
        pytest.param("\x7f", id="control"),
    ],
)
def test_malformed_location_is_a_bad_answer(ask: Asker, location: str) -> None:
    with raw_server(says(answer("302 Found", f"Location: {location}"))) as server:
        assert isinstance(ask(server), (BadAnswer, RegistryUnreachable))


def test_a_redirect_target_gets_an_anonymous_token_of_its_own_and_no_credentials(ask: Asker) -> None:
    token = answer("200 OK", body=b'{"token": "for-everybody"}')
    with raw_server(says(token)) as service, raw_server(says(challenge(service), ANSWER)) as other:
        basic = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
        away = answer("307 Temporary Redirect", f"Location: http://localhost:{other.port}/x")
        with raw_server(says(basic, away)) as server:
            assert isinstance(ask(server), Manifest)
    sent = [b"Basic " in head for head in (*server.requests, *other.requests, *service.requests)]
    assert sent == [False, True, False, False, False]
    assert b"Bearer for-everybody" in other.requests[1]


@pytest.mark.parametrize(
    "demand", ['Basic realm="x"', 'Bearer realm="https://10.0.0.1/token"', "Negotiate"], ids=["basic", "inner", "other"]
)
def test_a_redirect_target_that_wants_other_credentials_denies_access(ask: Asker, demand: str) -> None:
    with raw_server(says(answer("401 Unauthorized", f"WWW-Authenticate: {demand}"))) as other:
        away = answer("307 Temporary Redirect", f"Location: http://localhost:{other.port}/x")
        with raw_server(says(answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"'), away)) as server:
            failure = ask(server)
    assert isinstance(failure, AccessDenied)
    assert b"uthorization" not in other.requests[0]


def test_redirect_within_the_registry_keeps_the_credentials(ask: Asker) -> None:
    basic = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    with raw_server(says(basic, answer("308 Moved", "Location: /v2/other"), ANSWER)) as server:
        assert isinstance(ask(server), Manifest)
    assert server.requests[2].startswith(b"GET /v2/other ")
    assert b"uthorization" in server.requests[2]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"[" * 60000, id="deep"),
        pytest.param(b'{"token": ""}', id="empty-token"),
        pytest.param(b'{"token": 7}', id="number"),
        pytest.param(b'{"token": "a\\nX-Evil: b"}', id="newline"),
        pytest.param(b'{"token": "' + b"a" * 70000 + b'"}', id="too-large"),
    ],
)
def test_answer_without_a_usable_token_is_a_failure(ask: Asker, body: bytes) -> None:
    with raw_server(says(answer("200 OK", body=body))) as service, raw_server(says(challenge(service))) as server:
        assert isinstance(ask(server), (AccessDenied, BadAnswer, RegistryUnreachable))
    assert len(server.requests) == 1


@pytest.mark.parametrize("life", ["1" + "0" * 400, "1e400", "-5", "null", '"300"', "NaN"])
def test_any_life_of_a_token_can_be_read(ask: Asker, life: str) -> None:
    token = answer("200 OK", body=b'{"access_token": "abc", "expires_in": %s}' % life.encode())
    with raw_server(says(token)) as service, raw_server(says(challenge(service), ANSWER)) as server:
        assert isinstance(ask(server), Manifest)


def test_realm_keeps_its_own_query(ask: Asker) -> None:
    token = answer("200 OK", body=b'{"token": "abc"}')
    with raw_server(says(token)) as service, raw_server(says(challenge(service, "?a=&b=c%2Fd"), ANSWER)) as server:
        ask(server)
    assert service.requests[0].startswith(b"GET /token?a=&b=c%2Fd&service=s&scope=")


def test_a_registry_that_refuses_two_tokens_denies_access(ask: Asker) -> None:
    token = answer("200 OK", body=b'{"token": "abc-abc"}')
    with raw_server(says(token)) as service, raw_server(says(challenge(service))) as server:
        assert isinstance(ask(server), AccessDenied)
    assert (len(server.requests), len(service.requests)) == (3, 2)


def test_a_busy_token_service_is_unreachable_and_does_not_deny_access(ask: Asker) -> None:
    with raw_server(says(answer("503 Busy"))) as service, raw_server(says(challenge(service))) as server:
        assert isinstance(ask(server), RegistryUnreachable)
    assert len(service.requests) == 2


def test_identity_token_is_not_carried_along_by_a_redirect(ask: Asker) -> None:
    ask.entry = {"identitytoken": IDENTITY}
    with raw_server(says(ANSWER)) as other:
        away = answer("307 Temporary Redirect", f"Location: http://localhost:{other.port}/x")
        with raw_server(says(away)) as service, raw_server(says(challenge(service))) as server:
            assert not isinstance(ask(server), Manifest)
    assert other.requests == []


@pytest.mark.parametrize("reported", ['{"errors": [{"message": "\\ud800"}]}', '{"error": "\\udfff"}', "\udcff"])
def test_any_error_text_can_be_shown(ask: Asker, reported: str) -> None:
    with raw_server(says(answer("403 Forbidden", body=reported.encode("utf-8", "surrogateescape")))) as server:
        failure = ask(server)
    assert isinstance(failure, AccessDenied)
    str(failure).encode()


@pytest.mark.parametrize("encode", [str, lambda text: base64.b64encode(f"user:{text}".encode()).decode()])
def test_echoed_password_is_not_shown(ask: Asker, encode: type[str]) -> None:
    basic = answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    with raw_server(says(basic, answer("403 Forbidden", body=f"no {encode(PASSWORD)}".encode()))) as server:
        failure = ask(server)
    assert isinstance(failure, AccessDenied)
    assert encode(PASSWORD) not in str(failure)


def test_an_invalid_docker_configuration_is_reported_even_if_it_is_not_needed(
    client: HttpClient, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"auths": ')
    with raw_server(says(ANSWER)) as server:
        reference = ImageReference.parse(f"{server.host}/app:1").unwrap()
        registry = HttpRegistry({"DOCKER_CONFIG": str(tmp_path)}, Redactor(), client)
        failure = unwrap_or_failure(registry.resolve(reference, ManualCancellation()))
    assert isinstance(failure, BadCredentials)
    assert server.requests == []


def test_silent_registry_is_unreachable_after_all_attempts(ask: Asker) -> None:
    with raw_server(says(b"")) as server:
        assert isinstance(ask(server), RegistryUnreachable)
    assert len(server.requests) == 2


def test_a_truncated_manifest_is_not_accepted(ask: Asker) -> None:
    with raw_server(says(ANSWER[:-5])) as server:
        assert isinstance(ask(server), RegistryUnreachable)


def test_content_that_is_both_index_and_image_is_refused(ask: Asker) -> None:
    both = json.dumps({"schemaVersion": 2, "config": CONFIG, "layers": [], "manifests": []}).encode()
    with raw_server(says(answer("200 OK", TYPE, body=both))) as server:
        assert isinstance(ask(server), BadAnswer)


def test_host_that_makes_no_url_is_a_failure(client: HttpClient) -> None:
    registry = HttpRegistry({}, Redactor(), client)
    reference = ImageReference.parse("127.0.0.1:99999/app:1").unwrap()
    failure = unwrap_or_failure(registry.resolve(reference, ManualCancellation()))
    assert isinstance(failure, (BadAnswer, RegistryUnreachable))


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        ("200 OK", (), "answers without authentication"),
        ("401 Unauthorized", ("WWW-Authenticate: Basic realm=x",), "answers, and requires authentication"),
    ],
)
def test_a_registry_that_answers_is_reachable(status: str, headers: tuple[str, ...], expected: str) -> None:
    with raw_server(says(answer(status, *headers))) as server:
        found = reachable(Repository(server.host, "app"), impatient_client(), ScopedCancellation(seconds=20))
        assert found == Success(expected)
        assert server.requests[0].startswith(b"GET /v2/ ")
        assert b"uthorization" not in server.requests[0]


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "302 Found"])
def test_what_answers_like_no_registry_is_not_one(status: str) -> None:
    with raw_server(says(answer(status))) as server:
        found = reachable(Repository(server.host, "app"), impatient_client(), ScopedCancellation(seconds=20))
        assert isinstance(found, Failure)
        assert f"answers with status {status[:3]}" in found.failure().reason

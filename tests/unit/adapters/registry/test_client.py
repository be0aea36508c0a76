"""Registry answers that must not be trusted, and URLs that must not be used."""

import hashlib
import json
from contextlib import closing

import pytest
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_adapters.registry.safe_url import Origin, url_problem
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import AccessDenied, BadAnswer, NotFound, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_MANIFEST, Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from returns.methods import unwrap_or_failure

from tests.raw_server import RawServer, answer, raw_server, says

CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "a" * 64, "size": 2}
GOOD = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": []}).encode()
TYPE = f"Content-Type: {OCI_MANIFEST}"
QUICK = RetryPolicy(attempts=3, pause_seconds=1.0)


def ask(server: RawServer, digest: str | None = None) -> object:
    pinned = f"@{digest}" if digest is not None else ":1"
    reference = ImageReference.parse(f"{server.host}/app{pinned}").unwrap()
    with closing(HttpRegistry({}, Redactor(), policy=QUICK)) as registry:
        return unwrap_or_failure(registry.resolve(reference, ManualCancellation()))


def test_good_answer_is_the_manifest_of_its_exact_bytes() -> None:
    with raw_server(says(answer("200 OK", f"{TYPE}; charset=utf-8", body=GOOD))) as server:
        found = ask(server)
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
        failure = ask(server)
    assert isinstance(failure, BadAnswer)
    assert word in str(failure)


def test_content_with_another_digest_than_requested_is_refused() -> None:
    with raw_server(says(answer("200 OK", TYPE, body=GOOD))) as server:
        failure = ask(server, "sha256:" + "0" * 64)
    assert isinstance(failure, BadAnswer)
    assert "sha256:000" in str(failure)


def test_plain_404_is_not_found() -> None:
    with raw_server(says(answer("404 Not Found", body=b"404 page not found"))) as server:
        assert isinstance(ask(server), NotFound)


def test_transient_answers_are_tried_again() -> None:
    good = answer("200 OK", TYPE, body=GOOD)
    with raw_server(says(answer("503 Busy"), answer("429 Slow", "Retry-After: 1"), good)) as server:
        assert isinstance(ask(server), Manifest)
    assert len(server.requests) == 3


def test_registry_that_stays_busy_is_unreachable_after_all_attempts() -> None:
    with raw_server(says(answer("503 Busy", body=b'{"errors":[{"code":"BUSY","message":"later"}]}'))) as server:
        failure = ask(server)
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
        failure = ask(server)
    assert isinstance(failure, AccessDenied)
    assert len(server.requests) == 1


def test_foreign_error_text_is_made_harmless() -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "##vso[x]\x1b[2J"}]}).encode()
    with raw_server(says(answer("403 Forbidden", body=body))) as server:
        failure = ask(server)
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

"""Referrers of an image: from the API, in pages, and from the fallback tag."""

import json
from contextlib import closing

import pytest
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import AccessDenied, BadAnswer
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor, Referrer
from image_builder_domain.image.reference import Digest, ImageReference
from returns.methods import unwrap_or_failure

from tests.raw_server import RawServer, answer, raw_server, says

DIGEST = f"sha256:{'a' * 64}"
BUNDLE, OTHER = "application/vnd.dev.sigstore.bundle.v0.3+json", "application/spdx+json"
MISSING = answer("404 Not Found", body=b"404 page not found\n")


def entry(letter: str, kind: str = BUNDLE) -> dict[str, object]:
    return {"mediaType": OCI_MANIFEST, "digest": f"sha256:{letter * 64}", "size": 7, "artifactType": kind}


def index(*entries: object, more: tuple[str, ...] = ()) -> bytes:
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    return answer("200 OK", f"Content-Type: {OCI_INDEX}; charset=utf-8", *more, body=body)


def listed(server: RawServer, kind: str | None = None) -> object:
    reference = ImageReference.parse(f"{server.host}/team/app@{DIGEST}").unwrap()
    with closing(HttpRegistry({}, Redactor(), policy=RetryPolicy(attempts=1, pause_seconds=1.0))) as registry:
        return unwrap_or_failure(registry.referrers(reference, kind, ManualCancellation()))


def found(letter: str, kind: str = BUNDLE) -> Referrer:
    return Referrer(Descriptor(OCI_MANIFEST, Digest(f"sha256:{letter * 64}"), 7), kind)


def paths(server: RawServer) -> list[str]:
    return [request.split()[1].decode() for request in server.requests]


def test_everything_is_listed() -> None:
    with raw_server(says(index(entry("b"), entry("c", OTHER)))) as server:
        assert listed(server) == (found("b"), found("c", OTHER))
    assert paths(server) == [f"/v2/team/app/referrers/{DIGEST}"]


def test_one_type_is_requested_and_filtered_even_if_the_registry_does_not() -> None:
    with raw_server(says(index(entry("b"), entry("c", OTHER)))) as server:
        assert listed(server, BUNDLE) == (found("b"),)
    assert paths(server)[0].endswith("?artifactType=application%2Fvnd.dev.sigstore.bundle.v0.3%2Bjson")


def test_pages_are_followed() -> None:
    first = index(entry("b"), more=(f'Link: </v2/team/app/referrers/{DIGEST}?n=1&last=b>; rel="next"',))
    with raw_server(says(first, index(entry("c")))) as server:
        assert listed(server) == (found("b"), found("c"))
    assert paths(server)[1] == f"/v2/team/app/referrers/{DIGEST}?n=1&last=b"


def test_pages_of_another_host_are_not_followed() -> None:
    with raw_server(says(index(more=('Link: <https://evil.example/x>; rel="next"',)))) as server:
        assert isinstance(listed(server), BadAnswer)
    assert len(server.requests) == 1


def test_a_list_without_an_end_is_refused() -> None:
    with raw_server(says(index(more=('Link: <?again>; rel="next"',)))) as server:
        assert "more than 100 pages" in str(listed(server))


def test_the_fallback_tag_is_used_without_the_referrers_api() -> None:
    with raw_server(says(MISSING, index(entry("b"), entry("c", OTHER)))) as server:
        assert listed(server, BUNDLE) == (found("b"),)
    assert paths(server)[1] == f"/v2/team/app/manifests/sha256-{'a' * 64}"


def test_without_list_and_tag_there_are_no_referrers() -> None:
    with raw_server(says(MISSING)) as server:
        assert listed(server) == ()


@pytest.mark.parametrize(
    ("reply", "kind", "word"),
    [
        pytest.param(answer("200 OK", "Content-Type: text/html", body=b"<html>"), BadAnswer, "text/html", id="html"),
        pytest.param(answer("200 OK", f"Content-Type: {OCI_INDEX}", body=b"{"), BadAnswer, "not JSON", id="no-json"),
        pytest.param(
            answer("200 OK", f"Content-Type: {OCI_INDEX}", body=b"[]"), BadAnswer, "not a JSON object", id="list"
        ),
        pytest.param(index("x"), BadAnswer, "entry that is not valid", id="text"),
        pytest.param(index({**entry("b"), "digest": "x"}), BadAnswer, "entry that is not valid", id="digest"),
        pytest.param(index({**entry("b"), "size": -1}), BadAnswer, "entry that is not valid", id="size"),
        pytest.param(index({**entry("b"), "artifactType": 7}), BadAnswer, "entry that is not valid", id="type"),
        pytest.param(answer("403 Forbidden"), AccessDenied, "a login is required", id="forbidden"),
        pytest.param(answer("418 I'm a teapot"), BadAnswer, "status 418", id="teapot"),
    ],
)
def test_answer_that_cannot_be_trusted_is_refused(reply: bytes, kind: type, word: str) -> None:
    with raw_server(says(reply)) as server:
        failure = listed(server)
    assert isinstance(failure, kind)
    assert word in str(failure)

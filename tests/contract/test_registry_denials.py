"""Challenges, answers of token services, and refusals: what the client does about each, and what it says."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from image_builder_adapters.http.client import HttpClient, Timeouts
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry import HttpRegistry
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import AccessDenied, BadAnswer, Denial, NotFound, RegistryUnreachable
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Manifest
from image_builder_domain.image.reference import ImageReference
from image_builder_stand_ins.certificates import mutual_tls
from returns.methods import unwrap_or_failure

from tests.raw_server import RawServer, answer, raw_server, says

PASSWORD, IDENTITY, GRANTED = "hunter22-hunter22", "refresh-me-refresh-me", "granted-granted"
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "a" * 64, "size": 2}
BODY = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": []}
TYPE = f"Content-Type: {OCI_MANIFEST}"
GOOD = answer("200 OK", TYPE, body=json.dumps(BODY).encode())
BASIC = 'WWW-Authenticate: Basic realm="x"'


def errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


@dataclass
class Asker:
    folder: Path
    client: HttpClient
    entry: dict[str, str] | None

    def __call__(self, server: RawServer) -> object:
        auths = {server.host: self.entry} if self.entry is not None else {}
        (self.folder / "config.json").write_text(json.dumps({"auths": auths}))
        registry = HttpRegistry(
            {"DOCKER_CONFIG": str(self.folder), "XDG_RUNTIME_DIR": "/nowhere"},
            Redactor(),
            self.client,
            RetryPolicy(attempts=2, pause_seconds=0.0),
        )
        reference = ImageReference.parse(f"{server.host}/team/app:1").unwrap()
        return unwrap_or_failure(registry.resolve(reference, ManualCancellation()))


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with closing(HttpClient(timeouts=Timeouts(5, 5, 5))) as client:
        yield client


@pytest.fixture
def anonymous(tmp_path: Path, client: HttpClient) -> Asker:
    return Asker(tmp_path, client, None)


@pytest.fixture
def known(tmp_path: Path, client: HttpClient) -> Asker:
    return Asker(tmp_path, client, {"username": "user", "password": PASSWORD})


def bearer(service: RawServer, more: str = "") -> bytes:
    """A 401 that names the token service; by name, since another port on the same address is refused."""
    return answer(
        "401 Unauthorized",
        f'WWW-Authenticate: Bearer realm="http://localhost:{service.port}/token",service="s"{more}',
        body=errors("UNAUTHORIZED", "authentication required"),
    )


# --- /v2/ first ---------------------------------------------------------------------------------------------------


def test_with_credentials_the_challenge_of_v2_is_answered_first(known: Asker) -> None:
    """A registry may hide a private repository from the anonymous as missing."""
    token = answer("200 OK", body=json.dumps({"token": GRANTED}).encode())
    with raw_server(says(token)) as service, raw_server(says(bearer(service), GOOD)) as server:
        assert isinstance(known(server), Manifest)
    assert [head.split()[1] for head in server.requests] == [b"/v2/", b"/v2/team/app/manifests/1"]
    assert b"scope=repository%3Ateam%2Fapp%3Apull" in service.requests[0]
    assert f"Bearer {GRANTED}".encode() in server.requests[1]


def test_without_credentials_nothing_is_asked_in_advance(anonymous: Asker) -> None:
    with raw_server(says(GOOD)) as server:
        assert isinstance(anonymous(server), Manifest)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_a_registry_that_is_open_but_hides_the_repository_gets_the_password(known: Asker, status: str) -> None:
    with raw_server(says(answer("200 OK"), answer(status), GOOD)) as server:
        assert isinstance(known(server), Manifest)
    assert [b"uthorization: Basic" in head for head in server.requests] == [False, False, True]


@pytest.mark.parametrize("ping", ["404 Not Found", "403 Forbidden", "500 Oh"])
def test_a_registry_without_v2_is_asked_all_the_same(known: Asker, ping: str) -> None:
    replies = [answer(ping)] * (2 if ping.startswith("5") else 1)
    with raw_server(says(*replies, GOOD)) as server:
        assert isinstance(known(server), Manifest)


def test_a_registry_token_is_sent_without_asking_the_token_service(known: Asker) -> None:
    known.entry = {"registrytoken": GRANTED}
    with raw_server(says(b"")) as service, raw_server(says(bearer(service), GOOD)) as server:
        assert isinstance(known(server), Manifest)
    assert f"Bearer {GRANTED}".encode() in server.requests[1]
    assert service.requests == []


# --- answers of token services --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", {"token": GRANTED}),
        ("200 OK", {"access_token": GRANTED}),
        ("200 OK", {"token": GRANTED, "access_token": "other"}),
        ("200 OK", {"token": "", "access_token": GRANTED}),
        ("200 OK", {"token": None, "access_token": GRANTED}),
        ("200 OK", {"token": GRANTED, "expires_in": 0}),
        ("200 OK", {"token": GRANTED, "expires_in": None, "issued_at": 7, "refresh_token": "r"}),
        ("201 Created", {"token": GRANTED}),
        ("202 Accepted", {"token": GRANTED}),
    ],
)
def test_a_token_is_taken_from_any_successful_answer(known: Asker, status: str, body: object) -> None:
    reply = answer(status, body=json.dumps(body).encode())
    with raw_server(says(reply)) as service, raw_server(says(bearer(service), GOOD)) as server:
        assert isinstance(known(server), Manifest)
    assert f"Bearer {GRANTED}".encode() in server.requests[1]


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"]
)
@pytest.mark.parametrize("name", ["token", "access_token", "refresh_token", "Token"])
def test_a_token_in_an_error_is_never_shown(known: Asker, status: str, name: str) -> None:
    reply = answer(status, body=json.dumps({name: GRANTED, "errors": [{"message": f"see {GRANTED}"}]}).encode())
    bare = answer(status, body=json.dumps({name: GRANTED}).encode())
    for body in (reply, bare):
        with raw_server(says(body)) as service, raw_server(says(bearer(service))) as server:
            failure = known(server)
        assert isinstance(failure, AccessDenied)
        assert GRANTED not in str(failure)
        assert f"status {status[:3]}" in str(failure)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_a_token_service_may_redirect_within_its_host(known: Asker, status: str) -> None:
    token = answer("200 OK", body=json.dumps({"token": GRANTED}).encode())
    with (
        raw_server(says(answer(status, "Location: /token/?x=1"), token)) as service,
        raw_server(says(bearer(service), GOOD)) as server,
    ):
        assert isinstance(known(server), Manifest)
    assert service.requests[1].startswith(b"GET /token/?x=1 ")
    assert b"uthorization: Basic" in service.requests[1]


def test_a_token_service_that_redirects_to_another_host_does_not_pass_the_password_on(known: Asker) -> None:
    token = answer("200 OK", body=json.dumps({"token": GRANTED}).encode())
    with raw_server(says(token)) as other:
        away = answer("307 Temporary", f"Location: http://localhost:{other.port}/t")
        with raw_server(says(away)) as service, raw_server(says(bearer(service), GOOD)) as server:
            assert isinstance(known(server), Manifest)
    assert b"uthorization" in service.requests[0]
    assert b"uthorization" not in other.requests[0]


@pytest.mark.parametrize("location", ["http://169.254.169.254/x", "ftp://h/x", "http://h.example/x"])
def test_a_token_service_may_not_redirect_anywhere(known: Asker, location: str) -> None:
    away = answer("302 Found", f"Location: {location}")
    with raw_server(says(away)) as service, raw_server(says(bearer(service))) as server:
        failure = known(server)
    assert isinstance(failure, AccessDenied)
    assert "must not be used" in str(failure)


def test_a_token_service_that_redirects_for_ever_is_left(known: Asker) -> None:
    with (
        raw_server(says(answer("302 Found", "Location: ?x"))) as service,
        raw_server(says(bearer(service))) as server,
    ):
        assert "more than 10 times" in str(known(server))
    assert len(service.requests) == 11


def test_a_refresh_token_stays_with_a_redirect_of_the_same_host(known: Asker) -> None:
    known.entry = {"identitytoken": IDENTITY}
    token = answer("200 OK", body=json.dumps({"access_token": GRANTED}).encode())
    with (
        raw_server(says(answer("308 Permanent", "Location: /other"), token)) as service,
        raw_server(says(bearer(service), GOOD)) as server,
    ):
        assert isinstance(known(server), Manifest)
    assert service.requests[1].startswith(b"POST /other ")


# --- what is said -------------------------------------------------------------------------------------------------


def test_no_credentials_names_the_places_the_command_and_the_registrys_words(anonymous: Asker) -> None:
    reply = answer("401 Unauthorized", BASIC, body=errors("UNAUTHORIZED", "please log in"))
    with raw_server(says(reply)) as server:
        failure = anonymous(server)
    assert isinstance(failure, AccessDenied)
    assert failure.denial is Denial.NO_CREDENTIALS
    for words in ("please log in", f"{anonymous.folder}/config.json", f"run 'docker login {server.host}'"):
        assert words in str(failure)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_an_anonymous_token_that_is_refused_means_a_login(anonymous: Asker, status: str) -> None:
    reply = answer(status, body=errors("DENIED", "private"))
    with raw_server(says(reply)) as service, raw_server(says(bearer(service))) as server:
        failure = anonymous(server)
    assert isinstance(failure, AccessDenied)
    assert (failure.denial, "DENIED: private" in str(failure)) == (Denial.NO_CREDENTIALS, True)


def test_a_wrong_password_names_the_entry(known: Asker) -> None:
    reply = answer("401 Unauthorized", BASIC, body=errors("UNAUTHORIZED", f"not {PASSWORD}"))
    with raw_server(says(reply)) as server:
        failure = known(server)
    assert isinstance(failure, AccessDenied)
    assert failure.denial is Denial.WRONG_CREDENTIALS
    assert f"the registry refuses the credentials from {known.folder}/config.json: auths['{server.host}']" in str(
        failure
    )
    assert PASSWORD not in str(failure)


@pytest.mark.parametrize(
    ("status", "denial"),
    [("401 No", Denial.WRONG_CREDENTIALS), ("400 No", Denial.WRONG_CREDENTIALS), ("403 No", Denial.NO_RIGHTS)],
)
def test_a_token_service_that_refuses_the_password_is_quoted(known: Asker, status: str, denial: Denial) -> None:
    reply = answer(status, body=json.dumps({"error": "invalid", "error_description": "incorrect password"}).encode())
    with raw_server(says(reply)) as service, raw_server(says(bearer(service))) as server:
        failure = known(server)
    assert isinstance(failure, AccessDenied)
    assert (failure.denial, "invalid: incorrect password" in str(failure)) == (denial, True)


def test_a_token_that_is_not_enough_means_no_rights(known: Asker) -> None:
    token = answer("200 OK", body=json.dumps({"token": GRANTED}).encode())
    with (
        raw_server(says(token)) as service,
        raw_server(says(bearer(service, ',error="insufficient_scope"'))) as server,
    ):
        failure = known(server)
    assert isinstance(failure, AccessDenied)
    assert (failure.denial, "with another account" in str(failure)) == (Denial.NO_RIGHTS, True)


def test_403_means_no_rights_with_the_registrys_words(known: Asker) -> None:
    challenge = answer("401 Unauthorized", BASIC)
    with raw_server(says(challenge, answer("403 Forbidden", body=errors("DENIED", "ask Eve")))) as server:
        failure = known(server)
    assert isinstance(failure, AccessDenied)
    assert (failure.denial, "DENIED: ask Eve" in str(failure)) == (Denial.NO_RIGHTS, True)


def test_not_found_quotes_the_registry_and_says_whose_right_to_check(known: Asker, anonymous: Asker) -> None:
    missing = answer("404 Not Found", body=errors("MANIFEST_UNKNOWN", "no such tag"))
    with raw_server(says(missing)) as server:
        failure = anonymous(server)
    assert isinstance(failure, NotFound)
    assert "MANIFEST_UNKNOWN: no such tag" in str(failure)
    assert "if it is private, run 'docker login" in str(failure)
    known.entry = {"username": "user", "password": PASSWORD}
    with raw_server(says(answer("401 Unauthorized", BASIC), missing)) as server:
        assert f"the credentials from {known.folder}/config.json" in str(known(server))


@pytest.mark.parametrize(("after", "words"), [("7", "wait for 7 s"), ("Tue, 01 Dec 2026 00:00:00 GMT", "wait a while")])
def test_a_rate_limit_says_how_to_get_a_higher_one(anonymous: Asker, after: str, words: str) -> None:
    reply = answer("429 Slow", f"Retry-After: {after}", body=errors("TOOMANYREQUESTS", "pull rate limit"))
    with raw_server(says(reply)) as server:
        failure = anonymous(server)
    assert isinstance(failure, RegistryUnreachable)
    for expected in ("TOOMANYREQUESTS: pull rate limit", words, "docker login"):
        assert expected in str(failure)


def test_no_network_names_the_proxy_variables(anonymous: Asker) -> None:
    with raw_server(says(b"")) as server:
        pass
    failure = anonymous(server)
    assert isinstance(failure, RegistryUnreachable)
    assert "the network and the proxy variables (HTTPS_PROXY, NO_PROXY)" in str(failure)


def test_an_unknown_authority_names_both_variables(anonymous: Asker) -> None:
    with raw_server(says(GOOD), mutual_tls().server_context) as server:
        away = answer("302 Found", f"Location: https://localhost:{server.port}/x")
        with raw_server(says(away)) as plain:
            failure = anonymous(plain)
    assert isinstance(failure, RegistryUnreachable)
    assert "SSL_CERT_FILE" in str(failure)
    assert "SSL_CERT_DIR" in str(failure)


def test_a_long_and_hostile_answer_is_cut_and_made_harmless(anonymous: Asker) -> None:
    reply = answer("404 Not Found", body=b"##vso[task.x]\x1b[2J" + b"x" * 60_000)
    with raw_server(says(reply)) as server:
        text = str(anonymous(server))
    assert len(text) < 900
    assert "\x1b" not in text
    assert "##vso[" not in text


# --- manifests ----------------------------------------------------------------------------------------------------

LISTED = {"mediaType": OCI_MANIFEST, "digest": "sha256:" + "b" * 64, "size": 3}


def index(*entries: dict[str, object], **more: object) -> dict[str, object]:
    return {"schemaVersion": 2, "manifests": [LISTED | entry for entry in entries], **more}


@pytest.mark.parametrize(
    ("content", "media_type", "platforms"),
    [
        pytest.param(BODY | {"mediaType": ""}, OCI_MANIFEST, (), id="empty-media-type"),
        pytest.param(BODY | {"mediaType": None}, OCI_MANIFEST, (), id="null-media-type"),
        pytest.param({k: v for k, v in BODY.items() if k != "mediaType"}, OCI_MANIFEST, (), id="no-media-type"),
        pytest.param(BODY | {"manifests": None}, OCI_MANIFEST, (), id="null-manifests"),
        pytest.param(BODY | {"annotations": None, "x": 1}, OCI_MANIFEST, (), id="unknown-member"),
        pytest.param(BODY, "application/json", (), id="json-type"),
        pytest.param(BODY, "text/plain; charset=utf-8", (), id="text-type"),
        pytest.param(BODY, "", (), id="no-type"),
        pytest.param(index({"platform": {"os": "linux"}}), OCI_INDEX, ("linux",), id="os-only"),
        pytest.param(index({"platform": None}), OCI_INDEX, (), id="null-platform"),
        pytest.param(index({"platform": {"os": "", "architecture": ""}}), OCI_INDEX, (), id="empty-platform"),
        pytest.param(index({"platform": {"os": "\u001b[2J"}}), OCI_INDEX, (), id="malformed-platform"),
        pytest.param(index({}, mediaType=""), OCI_INDEX, (), id="index-empty-media-type"),
        pytest.param(index({}, config=None, layers=None), OCI_INDEX, (), id="index-null-members"),
        pytest.param(index(), OCI_INDEX, (), id="empty-index"),
    ],
)
def test_odd_but_harmless_manifests_are_accepted(
    anonymous: Asker, content: object, media_type: str, platforms: tuple[str, ...]
) -> None:
    reply = answer("200 OK", f"Content-Type: {media_type}", body=json.dumps(content).encode())
    with raw_server(says(reply)) as server:
        found = anonymous(server)
    assert isinstance(found, Manifest)
    assert found.platforms == platforms


@pytest.mark.parametrize("header", ["", "sha512:{}"])
def test_an_empty_digest_header_and_one_of_sha512_are_accepted(anonymous: Asker, header: str) -> None:
    import hashlib

    body = json.dumps(BODY).encode()
    claimed = header.format(hashlib.sha512(body).hexdigest())
    with raw_server(says(answer("200 OK", TYPE, f"Docker-Content-Digest: {claimed}", body=body))) as server:
        assert isinstance(anonymous(server), Manifest)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (BODY, "text/html"),
        (BODY | {"mediaType": "text/html"}, "application/json"),
        (BODY | {"manifests": []}, OCI_MANIFEST),
        (index({}, layers=[]), OCI_INDEX),
        (BODY | {"schemaVersion": True}, OCI_MANIFEST),
    ],
)
def test_manifests_that_others_may_read_differently_are_refused(
    anonymous: Asker, content: object, media_type: str
) -> None:
    reply = answer("200 OK", f"Content-Type: {media_type}", body=json.dumps(content).encode())
    with raw_server(says(reply)) as server:
        assert isinstance(anonymous(server), BadAnswer)

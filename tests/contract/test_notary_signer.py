"""The notary signer's requests and refusals, beyond the contract of all signers."""

import json
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_adapters.notary.signer import NotarySigner
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import IMAGES, image
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import OCI_INDEX
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_stand_ins.certificates import Authority, mutual_tls
from image_builder_stand_ins.fault import Answer, Stall, proxy_page, redirect
from image_builder_stand_ins.fixtures import (
    SecuredService,
    mtls_signing_service,
    signing_service,
    token_signing_service,
)
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions
from returns.pipeline import is_successful

__all__ = ["mtls_signing_service", "signing_service", "token_signing_service"]

INDEX = replace(image("many", 5), config=None)
INDEX = replace(INDEX, descriptor=replace(INDEX.descriptor, media_type=OCI_INDEX))


def mtls_signer(secured: SecuredService, secret: Path | None = None) -> NotarySigner:
    settings = NotarySettings(secured.service.url, secret=SignerSecret(str(secret or secured.secret), SecretKind.MTLS))
    return NotarySigner("notary", settings, trust=lambda: ssl.create_default_context(cafile=secured.ca))


def only(results: tuple[SignatureResult, ...]) -> SignatureResult:
    """All images share one outcome; this is it."""
    assert len({(one.status, one.attempts, one.transient, one.reason) for one in results}) == 1
    return results[0]


def test_v1_results_are_signed(signing_service: SigningService) -> None:
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    assert only(signer.sign(IMAGES, ManualCancellation())).status is SignatureStatus.SIGNED


def test_v2_results_are_accepted(mtls_signing_service: SecuredService) -> None:
    result = only(mtls_signer(mtls_signing_service).sign(IMAGES, ManualCancellation()))
    assert result.status is SignatureStatus.ACCEPTED


def test_v1_sends_nothing_when_one_image_is_an_index(signing_service: SigningService) -> None:
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    results = signer.sign((*IMAGES, INDEX), ManualCancellation())
    assert len(results) == len(IMAGES) + 1
    assert "several platforms" in only(results).reason
    assert (only(results).status, only(results).transient) == (SignatureStatus.FAILED, False)
    assert signing_service.requests == ()


def test_v2_signs_an_index(mtls_signing_service: SecuredService) -> None:
    mtls_signer(mtls_signing_service).sign((INDEX,), ManualCancellation())
    (received,) = mtls_signing_service.service.received
    assert (received.digest, received.size) == (INDEX.descriptor.digest, INDEX.descriptor.size)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, signing_service: SigningService) -> None:
    signing_service.fail_next(redirect(signing_service.url, status))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.FAILED, 1)
    assert len(signing_service.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 415])
def test_v1_takes_no_for_an_answer(status: int, signing_service: SigningService) -> None:
    signing_service.fail_next(Answer(status, "not this one"))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 1, False)
    assert f"status {status}: not this one" in result.reason


@pytest.mark.parametrize("status", [400, 401, 403, 404, 415, 422])
def test_v2_takes_no_for_an_answer(status: int, mtls_signing_service: SecuredService) -> None:
    mtls_signing_service.service.fail_next(Answer(status, "not this one"))
    result = only(mtls_signer(mtls_signing_service).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 1, False)
    assert f"status {status}: not this one" in result.reason


def test_v1_does_not_take_202_for_signed(signing_service: SigningService) -> None:
    signing_service.fail_next(Answer(202), Answer(500), Answer(404))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.SIGNED, 4)
    assert len({request.body for request in signing_service.requests}) == 1


def test_v2_does_not_take_200_for_accepted(mtls_signing_service: SecuredService) -> None:
    mtls_signing_service.service.fail_next(*[Answer(200)] * 5)
    result = only(mtls_signer(mtls_signing_service).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 5, True)


@pytest.mark.parametrize("length", [0, 200_000])
def test_a_page_of_a_proxy_is_not_a_v1_success(length: int, signing_service: SigningService) -> None:
    signing_service.fail_next(replace(proxy_page(), body="<!doctype html>" + "x" * length))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.FAILED, 1)
    assert "status 200, but with an HTML page" in result.reason


def test_a_page_of_a_proxy_is_not_a_v2_success(mtls_signing_service: SecuredService) -> None:
    mtls_signing_service.service.fail_next(*[proxy_page()] * 5)
    result = only(mtls_signer(mtls_signing_service).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.FAILED, 5)


def test_a_long_answer_is_cut(signing_service: SigningService) -> None:
    signing_service.fail_next(Answer(400, "x" * 200_000))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    assert only(signer.sign(IMAGES, ManualCancellation())).reason.count("x") == 4096


def test_a_success_with_a_long_body_is_a_success(signing_service: SigningService) -> None:
    signing_service.fail_next(Answer(200, "x" * 200_000))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.SIGNED, 1)


def test_an_acceptance_with_a_long_body_is_an_acceptance(mtls_signing_service: SecuredService) -> None:
    mtls_signing_service.service.fail_next(Answer(202, "x" * 200_000))
    result = only(mtls_signer(mtls_signing_service).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.ACCEPTED, 1)


def test_a_request_that_takes_too_long_is_sent_again(signing_service: SigningService) -> None:
    signing_service.fail_next(Stall(1))
    signer = NotarySigner("notary", NotarySettings(signing_service.url, timeout_seconds=0.3))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts) == (SignatureStatus.SIGNED, 2)
    end = time.monotonic() + 10
    while len(signing_service.requests) < 2 and time.monotonic() < end:  # the stalled one is written down late
        time.sleep(0.05)
    first, second = (request.body for request in signing_service.requests)
    assert first == second != b""


def test_a_deadline_ends_a_request_that_hangs(signing_service: SigningService) -> None:
    signing_service.fail_next(Stall(30))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    start = time.monotonic()
    result = only(signer.sign(IMAGES, ManualCancellation(deadline_seconds=0.3)))
    assert time.monotonic() - start < 5
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 1, True)


def test_a_signal_ends_a_request_that_hangs(signing_service: SigningService) -> None:
    signing_service.fail_next(Stall(30))
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    cancellation, start = ScopedCancellation(), time.monotonic()
    threading.Timer(0.3, cancellation.stop, (Interruption.SIGTERM,)).start()
    result = only(signer.sign(IMAGES, cancellation))
    assert time.monotonic() - start < 5
    assert (result.status, result.transient) == (SignatureStatus.FAILED, True)


def test_a_closed_port_is_transient() -> None:
    signer = NotarySigner("notary", NotarySettings("http://127.0.0.1:9/sign"))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 5, True)
    assert "http://127.0.0.1:9/sign" in result.reason


def test_a_signers_certificate_is_not_shown_by_other_clients(
    mtls_signing_service: SecuredService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's trust is shared by all who add nothing to it; a signer adds its key."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mtls_signing_service.ca))
    url = mtls_signing_service.service.url
    signer = NotarySigner(
        "notary", NotarySettings(url, secret=SignerSecret(str(mtls_signing_service.secret), SecretKind.MTLS))
    )
    assert only(signer.sign(IMAGES, ManualCancellation())).status is SignatureStatus.ACCEPTED
    stranger = NotarySigner("stranger", NotarySettings(url))
    assert "certificate" in only(stranger.sign(IMAGES, ManualCancellation())).reason


def test_a_service_of_an_unknown_authority_is_final(mtls_signing_service: SecuredService, tmp_path: Path) -> None:
    ca = tmp_path / "other.pem"
    ca.write_bytes(Authority.create().certificate)
    result = only(mtls_signer(replace(mtls_signing_service, ca=ca)).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 1, False)
    assert "certificate" in result.reason


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_the_service_does_not_know_is_final(newest: ssl.TLSVersion, tmp_path: Path) -> None:
    tls = mutual_tls()
    tls.server_context.maximum_version = newest
    ca, secret = tmp_path / "ca.pem", tmp_path / "stranger.json"
    ca.write_bytes(tls.authority.certificate)
    secret.write_bytes(Authority.create().issue_client().as_secret())
    with SigningService.start(ServiceOptions(Protocol.V2, tls=tls.server_context)) as service:
        result = only(mtls_signer(SecuredService(service, secret, ca)).sign(IMAGES, ManualCancellation()))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 1, False)


def test_a_secret_is_read_once(token_signing_service: SecuredService) -> None:
    secret = SignerSecret(str(token_signing_service.secret), SecretKind.TOKEN)
    signer = NotarySigner("notary", NotarySettings(token_signing_service.service.url, secret=secret))
    assert is_successful(signer.prepare())
    token_signing_service.secret.unlink()
    assert only(signer.sign(IMAGES, ManualCancellation())).status is SignatureStatus.SIGNED


def test_a_broken_secret_fails_every_image_and_sends_nothing(signing_service: SigningService, tmp_path: Path) -> None:
    secret = SignerSecret(str(tmp_path / "none"), SecretKind.TOKEN)
    signer = NotarySigner("notary", NotarySettings(signing_service.url, secret=secret))
    result = only(signer.sign(IMAGES, ManualCancellation()))
    assert str(signer.prepare().failure()) == result.reason
    assert str(tmp_path / "none") in result.reason
    assert signing_service.requests == ()


@pytest.mark.parametrize(
    ("endpoint", "kind", "reason"),
    [
        pytest.param("ftp://sign.example/", None, "not an http or https URL", id="scheme"),
        pytest.param("https:///sign", None, "not an http or https URL", id="no-host"),
        pytest.param("https://sign.example:x/", None, "not a URL", id="port"),
        pytest.param("https://me:pw@sign.example/", None, "user name", id="userinfo"),
        pytest.param("http://sign.example/", SecretKind.TOKEN, "without encryption", id="token-in-the-clear"),
        pytest.param("http://127.0.0.1.example/", SecretKind.TOKEN, "without encryption", id="not-quite-loopback"),
        pytest.param("http://127.0.0.1/", SecretKind.MTLS, "needs an https URL", id="mtls-without-tls"),
        pytest.param("http://sign.example/", SecretKind.SIGNIFY, "without encryption", id="signify-in-the-clear"),
    ],
)
def test_prepare_refuses(endpoint: str, kind: SecretKind | None, reason: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a-token")
    secret.chmod(0o600)
    settings = NotarySettings(endpoint, secret=None if kind is None else SignerSecret(str(secret), kind))
    problem = NotarySigner("notary", settings).prepare().failure()
    assert problem.signer == "notary"
    assert reason in str(problem)


def shown(settings: NotarySettings) -> str:
    return NotarySigner("notary", settings).describe((IMAGES[0].reference,))


def test_the_plan_shows_the_request_of_v1() -> None:
    secret = SignerSecret("/secret/token", SecretKind.TOKEN)
    assert shown(NotarySettings("https://sign.example/sign", secret=secret)) == (
        "POST https://sign.example/sign\n"
        "Content-Type: application/json\n"
        "Authorization: Token *** (from /secret/token)\n"
        "\n"
        '[{"notaryGun":"reg.example/dev/zebra","sha256":"<digest>","byteSize":"<size>","version":"v20260102-abcdef12"}]'
    )


def test_the_plan_shows_the_request_of_v2() -> None:
    secret = SignerSecret("/secret/mtls.json", SecretKind.MTLS)
    head, _, body = shown(NotarySettings("https://sign.example/sign", secret=secret)).partition("\n\n")
    assert "(client certificate from /secret/mtls.json)" in head
    assert json.loads(body)["trustedCollections"][0]["gun"] == "reg.example/dev/zebra"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_never_uses_a_proxy(
    name: str, signing_service: SigningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    signer = NotarySigner("notary", NotarySettings(signing_service.url))
    assert only(signer.sign(IMAGES, ManualCancellation())).attempts == 1

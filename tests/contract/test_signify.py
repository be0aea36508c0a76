"""A notary signer whose secret is exchanged for a token: requests for tokens, and their answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_adapters.notary.signer import NotarySigner
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import IMAGES
from image_builder_domain.signing import SignatureResult, SignatureStatus
from image_builder_stand_ins.fault import Answer, HangUp, Stall, busy, proxy_page, redirect
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.__main__ import signify_secret
from image_builder_stand_ins.signing_service.state import ServiceOptions
from returns.pipeline import is_successful

from tests.contract.signer_bench import PAYLOAD, TOKEN, secret_file

PASSWORD = "a-password-for-tests"


@dataclass(frozen=True)
class Bench:
    service: SigningService
    signer: NotarySigner
    secret: Path
    redactor: Redactor

    def sign(self, cancellation: ManualCancellation | None = None) -> SignatureResult:
        results = self.signer.sign(IMAGES, cancellation or ManualCancellation())
        assert len({(one.status, one.attempts, one.transient, one.reason) for one in results}) == 1
        return results[0]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with SigningService.start(ServiceOptions(token=TOKEN, payload=PAYLOAD)) as service:
        path = secret_file(tmp_path, signify_secret(service.token_url, PAYLOAD))
        settings = NotarySettings(service.url, timeout_seconds=5, secret=SignerSecret(path, SecretKind.SIGNIFY))
        redactor = Redactor()
        yield Bench(service, NotarySigner("notary", settings, redactor), Path(path), redactor)


def answer(body: str) -> Answer:
    return Answer(200, body, "application/json")


def test_prepare_reads_the_file_and_sends_nothing(bench: Bench) -> None:
    assert is_successful(bench.signer.prepare())
    assert (bench.service.token_requests, bench.service.requests) == ((), ())
    bench.secret.unlink()
    assert bench.sign().status is SignatureStatus.SIGNED


def test_the_payload_is_sent_as_written_and_the_token_signs(bench: Bench) -> None:
    assert bench.sign().status is SignatureStatus.SIGNED
    assert bench.service.token_requests == (PAYLOAD.encode(),)
    assert len(bench.service.requests) == 1


def test_each_signing_has_a_fresh_token(bench: Bench) -> None:
    bench.sign()
    bench.sign()
    assert len(bench.service.token_requests) == 2


def test_a_busy_token_service_is_retried_with_the_same_bytes(bench: Bench) -> None:
    bench.service.fail_next_token(Answer(500), HangUp(), busy(7))
    cancellation = ManualCancellation()
    result = bench.sign(cancellation)
    assert (result.status, result.attempts) == (SignatureStatus.SIGNED, 1)
    assert bench.service.token_requests == (PAYLOAD.encode(),) * 4
    assert cancellation.waits == [10, 10, 7]


def test_a_token_service_that_stays_busy_fails_every_image_and_nothing_is_signed(bench: Bench) -> None:
    bench.service.fail_next_token(*[Answer(503, "later")] * 6)
    result = bench.sign()
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 0, True)
    assert "status 503: later after 5 attempts" in result.reason
    assert (len(bench.service.token_requests), bench.service.requests) == (5, ())


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(Answer(400, "bad"), "status 400: bad", id="400"),
        pytest.param(Answer(401, "who?"), "status 401: who?", id="401"),
        pytest.param(Answer(403, "no"), "status 403: no", id="403"),
        pytest.param(Answer(202), "status 202", id="202-against-200"),
        pytest.param(redirect("http://127.0.0.1:9/"), "status 307", id="redirect"),
        pytest.param(proxy_page(), "HTML page", id="html"),
        pytest.param(answer("OK"), "not JSON", id="no-json"),
        pytest.param(answer("[" * 50_000), "not JSON", id="nested-too-deep"),
        pytest.param(answer("[]"), "not a JSON object", id="list"),
        pytest.param(answer('{"access_token": "abc123"}'), "no access_token.token", id="text-for-object"),
        pytest.param(answer('{"access_token": {"token": 7}}'), "no access_token.token", id="number"),
        pytest.param(answer('{"access_token": {"token": " "}}'), "is empty", id="empty"),
        pytest.param(answer('{"access_token": {"token": "a\\nb"}}'), "an HTTP header cannot carry", id="line-break"),
    ],
)
def test_an_answer_without_a_token_is_final(fault: Answer, reason: str, bench: Bench) -> None:
    bench.service.fail_next_token(fault)
    result = bench.sign()
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 0, False)
    assert reason in result.reason
    assert str(bench.secret) in result.reason
    assert (len(bench.service.token_requests), bench.service.requests) == (1, ())


def test_a_deadline_ends_waiting_for_a_token(bench: Bench) -> None:
    bench.service.fail_next_token(Stall(30))
    result = bench.sign(ManualCancellation(deadline_seconds=0.3))
    assert (result.status, result.attempts, result.transient) == (SignatureStatus.FAILED, 0, True)
    assert bench.service.requests == ()


def test_no_part_of_the_secret_is_shown_even_if_it_is_echoed(bench: Bench) -> None:
    bench.service.fail_next_token(Answer(400, f"you sent {PAYLOAD}; {PASSWORD}!"))
    shown = bench.sign().reason + bench.signer.describe((IMAGES[0].reference,))
    assert "you sent ***" in shown
    assert PASSWORD not in shown


def test_the_run_hides_payload_and_token_from_then_on(bench: Bench) -> None:
    bench.sign()
    assert bench.redactor.text(f"{PASSWORD} {TOKEN}") == "*** ***"


def test_the_plan_shows_where_the_token_comes_from(bench: Bench) -> None:
    shown = bench.signer.describe((IMAGES[0].reference,))
    assert f"Authorization: Bearer *** (from the token service that {bench.secret} names)" in shown

"""Our signers keep the contract; faulty ones do not."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import (
    IMAGES,
    ServiceBench,
    SignerBench,
    SignerContract,
    SigningServiceContract,
)
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.result import Result

from tests.contract.clauses import not_kept
from tests.contract.signer_bench import (
    TOKEN,
    cosign_with_key,
    v1_with_signify,
    v1_with_token,
    v1_without_secret,
    v2_with_client_certificate,
)

Opener = Callable[[Path], AbstractContextManager[ServiceBench]]


class TestNotarySigners(SigningServiceContract):
    @pytest.fixture(params=[v1_without_secret, v1_with_token, v1_with_signify, v2_with_client_certificate])
    def service(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceBench]:
        opener: Opener = request.param
        with opener(tmp_path) as bench:
            yield bench


class TestCosignSigners(SignerContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[SignerBench]:
        with cosign_with_key(tmp_path) as bench:
            yield bench


class _Faulty:
    """A signer that passes everything on; each fault overrides one thing."""

    def __init__(self, real: Signer) -> None:
        self.real = real

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return self.real.prepare()

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        return self.real.describe(images)

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return self.real.sign(images, cancellation)


class SignsAnotherImage(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        other = Digest("sha256:" + "e" * 64)
        changed = tuple(
            replace(
                one,
                descriptor=replace(one.descriptor, digest=other),
                config=one.config and replace(one.config, digest=other),
            )
            for one in images
        )
        results = self.real.sign(changed, cancellation)
        return tuple(replace(one, digest=image.descriptor.digest) for one, image in zip(results, images, strict=True))


class SignsOneByOne(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return tuple(result for image in images for result in self.real.sign((image,), cancellation))


class RepeatsRefusals(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        first = self.real.sign(images, cancellation)
        return self.real.sign(images, cancellation) if any(one.reason for one in first) else first


class IgnoresTheDeadline(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        del cancellation
        return self.real.sign(images, ManualCancellation())


class SortsItsResults(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return tuple(sorted(self.real.sign(images, cancellation), key=lambda one: str(one.reference)))


class Raises(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        results = self.real.sign(images, cancellation)
        if any(one.reason for one in results):
            raise RuntimeError("it failed")
        return results


class SendsWhenItPrepares(_Faulty):
    def prepare(self) -> Result[None, SignerMisconfigured]:
        self.real.sign(IMAGES, ManualCancellation())
        return self.real.prepare()


class HidesFailures(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        results = self.real.sign(images, cancellation)
        return tuple(replace(one, status=SignatureStatus.SIGNED, reason="") for one in results)


class LosesAResult(_Faulty):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return self.real.sign(images, cancellation)[1:]


class ShowsItsSecret(_Faulty):
    def describe(self, images: tuple[ImageReference, ...]) -> str:
        return self.real.describe(images) + TOKEN


FAULTY: dict[type[_Faulty], set[str]] = {
    SignsAnotherImage: {"exactly_the_digests_given_are_signed"},
    SignsOneByOne: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
        "all_images_go_in_one_request",
        "every_attempt_sends_the_same_bytes",
    },
    RepeatsRefusals: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
    },
    IgnoresTheDeadline: {
        "a_deadline_ends_the_attempts",
        "a_service_that_stays_busy_is_asked_five_times",
        "the_pause_is_what_the_service_asks_for",
        "work_that_was_stopped_before_reaches_nobody",
    },
    SortsItsResults: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
        "each_image_has_one_result_in_order",
        "what_cannot_be_signed_is_reported_for_each_image",
        "work_that_was_stopped_before_reaches_nobody",
    },
    Raises: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
        "an_echoed_secret_is_not_shown",
        "the_secret_is_never_shown",
        "what_cannot_be_signed_is_reported_for_each_image",
        "work_that_was_stopped_before_reaches_nobody",
    },
    SendsWhenItPrepares: {"prepare_reaches_nobody"},
    HidesFailures: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
        "what_cannot_be_signed_is_reported_for_each_image",
        "work_that_was_stopped_before_reaches_nobody",
    },
    LosesAResult: {
        "a_deadline_ends_the_attempts",
        "a_refusal_is_final",
        "a_service_that_stays_busy_is_asked_five_times",
        "each_image_has_one_result_in_order",
        "every_attempt_sends_the_same_bytes",
        "signing_again_succeeds",
        "what_cannot_be_signed_is_reported_for_each_image",
        "work_that_was_stopped_before_reaches_nobody",
    },
    ShowsItsSecret: {"the_secret_is_never_shown"},
}
"""Signers with one fault each, and the clauses that they do not keep."""


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_signer_is_rejected(faulty: type[_Faulty], caplog: pytest.LogCaptureFixture) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        with tempfile.TemporaryDirectory() as folder, v1_with_token(Path(folder)) as service:
            bench = replace(service.bench, signer=faulty(service.bench.signer))
            yield {"service": replace(service, bench=bench), "bench": bench, "caplog": caplog}

    assert not_kept(SigningServiceContract, fixtures) == FAULTY[faulty]

"""Our signers keep the contract; faulty ones do not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
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

from tests.contract.signer_bench import (
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


BASE, SERVICE = SignerContract(), SigningServiceContract()


@pytest.mark.parametrize(
    ("faulty", "clause"),
    [
        pytest.param(SignsAnotherImage, BASE.test_exactly_the_digests_given_are_signed),
        pytest.param(IgnoresTheDeadline, BASE.test_work_that_was_stopped_before_reaches_nobody),
        pytest.param(SortsItsResults, BASE.test_each_image_has_one_result_in_order),
        pytest.param(SendsWhenItPrepares, BASE.test_prepare_reaches_nobody),
        pytest.param(HidesFailures, BASE.test_what_cannot_be_signed_is_told_for_each_image),
        pytest.param(LosesAResult, BASE.test_each_image_has_one_result_in_order),
    ],
)
def test_the_contract_rejects_a_faulty_signer(
    faulty: type[_Faulty], clause: Callable[[SignerBench], None], tmp_path: Path
) -> None:
    with v1_with_token(tmp_path) as service, pytest.raises(AssertionError):
        clause(replace(service.bench, signer=faulty(service.bench.signer)))


@pytest.mark.parametrize(
    ("faulty", "clause"),
    [
        pytest.param(SignsOneByOne, SERVICE.test_all_images_go_in_one_request),
        pytest.param(RepeatsRefusals, SERVICE.test_a_refusal_is_final),
        pytest.param(IgnoresTheDeadline, SERVICE.test_a_deadline_ends_the_attempts),
    ],
)
def test_the_contract_rejects_a_signer_that_is_rude_to_its_service(
    faulty: type[_Faulty], clause: Callable[[ServiceBench], None], tmp_path: Path
) -> None:
    with v1_with_token(tmp_path) as service, pytest.raises(AssertionError):
        clause(replace(service, bench=replace(service.bench, signer=faulty(service.bench.signer))))


def test_the_contract_rejects_a_signer_that_raises(tmp_path: Path) -> None:
    with v1_with_token(tmp_path) as service, pytest.raises(RuntimeError):
        BASE.test_what_cannot_be_signed_is_told_for_each_image(
            replace(service.bench, signer=Raises(service.bench.signer))
        )


def test_the_contract_rejects_a_signer_that_shows_its_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class ShowsItsSecret(_Faulty):
        def describe(self, images: tuple[ImageReference, ...]) -> str:
            return self.real.describe(images) + (tmp_path / "secret").read_text()

    with v1_with_token(tmp_path) as service, pytest.raises(AssertionError):
        BASE.test_the_secret_is_never_shown(replace(service.bench, signer=ShowsItsSecret(service.bench.signer)), caplog)

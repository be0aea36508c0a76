"""Our signers keep the contract; faulty ones do not."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import SignerBench, SignerContract
from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.reference import Digest, ImageReference
from image_builder_domain.signing import ImageToSign, SignatureResult, SignerMisconfigured
from returns.result import Result

from tests.contract.signer_bench import v1_with_signify, v1_with_token, v1_without_secret, v2_with_client_certificate

Opener = Callable[[Path], AbstractContextManager[SignerBench]]


class TestNotarySigners(SignerContract):
    @pytest.fixture(params=[v1_without_secret, v1_with_token, v1_with_signify, v2_with_client_certificate])
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SignerBench]:
        opener: Opener = request.param
        with opener(tmp_path) as bench:
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


Clause = Callable[[SignerContract, SignerBench], None]


@pytest.mark.parametrize(
    ("faulty", "clause"),
    [
        pytest.param(SignsAnotherImage, SignerContract.test_exactly_the_digests_given_are_signed),
        pytest.param(SignsOneByOne, SignerContract.test_all_images_go_in_one_request),
        pytest.param(RepeatsRefusals, SignerContract.test_a_refusal_is_final),
        pytest.param(IgnoresTheDeadline, SignerContract.test_a_deadline_ends_the_attempts),
        pytest.param(IgnoresTheDeadline, SignerContract.test_work_that_was_stopped_before_sends_nothing),
        pytest.param(SortsItsResults, SignerContract.test_each_image_has_one_result_in_order),
    ],
)
def test_the_contract_rejects_a_faulty_signer(faulty: type[_Faulty], clause: Clause, tmp_path: Path) -> None:
    with v1_with_token(tmp_path) as bench, pytest.raises(AssertionError):
        clause(SignerContract(), replace(bench, signer=faulty(bench.signer)))


def test_the_contract_rejects_a_signer_that_shows_its_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class ShowsItsSecret(_Faulty):
        def describe(self, images: tuple[ImageReference, ...]) -> str:
            return self.real.describe(images) + (tmp_path / "secret").read_text()

    with v1_with_token(tmp_path) as bench, pytest.raises(AssertionError):
        SignerContract().test_the_secret_is_never_shown(replace(bench, signer=ShowsItsSecret(bench.signer)), caplog)

"""Engines and signers of other packages never raise, and are not believed about what they were not asked."""

from collections.abc import Callable

import pytest
from image_builder_adapters.plugin_guard import GuardedEngine, GuardedSigner
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.image_engine import Attempt
from image_builder_contracts.signer import IMAGES
from image_builder_domain.build import BuildFailed, BuildRequest, BuiltImage, PushFailed
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation, ImageEngine
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

REQUEST = BuildRequest("app", None, "/src", "Dockerfile", ())
REMEDY = "fix or remove the package that brings it"


class Broken:
    """An object whose every attribute raises."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("hunter2")


def broken() -> ImageEngine:
    return Broken()  # type: ignore[return-value]  # that is the point


# --- engines ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [broken, lambda: Broken().engine])
def test_an_engine_that_raises_fails_as_the_port_says(make: Callable[[], ImageEngine]) -> None:
    engine = GuardedEngine("press", make)
    failed = engine.build(REQUEST, Attempt(), ManualCancellation()).failure()
    assert str(engine.check().failure()) == f"the engine 'press' has a bug: RuntimeError; {REMEDY}"
    assert isinstance(failed, BuildFailed)
    assert failed.reason == "the engine 'press' has a bug: RuntimeError"
    assert engine.command(REQUEST) == ("press", "(a bug: RuntimeError)")
    assert engine.at_once() == 1
    engine.close()


class Answers:
    """An engine that gives one answer to every build."""

    def __init__(self, answer: Result[object, object]) -> None:
        self._answer = answer

    def build(self, *_: object) -> Result[object, object]:
        return self._answer


def built(answer: Result[object, object]) -> object:
    engine = GuardedEngine("press", lambda: Answers(answer))  # type: ignore[arg-type,return-value]  # asked to build alone
    return engine.build(REQUEST, Attempt(), ManualCancellation())


@pytest.mark.parametrize("answer", [Success(None), Failure("it failed"), Success("sha256:0")])
def test_a_result_of_another_type_is_a_failed_build(answer: Result[object, object]) -> None:
    failed = built(answer)
    assert isinstance(failed, Failure)
    assert isinstance(failed.failure(), BuildFailed)


def test_the_result_of_a_good_engine_is_passed_on() -> None:
    failure: Result[BuiltImage, PushFailed] = Failure(PushFailed("no room"))
    assert built(failure) == failure


# --- signers ----------------------------------------------------------------------------------------------------------


class Works:
    """A signer of another package; each fault overrides one method."""

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return Success(None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        return f"{len(images)} faxes"

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        del cancellation
        signed = SignatureStatus.SIGNED
        return tuple(SignatureResult("f", one.reference, one.descriptor.digest, signed, 1, 0.5) for one in images)


class Raises(Works):
    def prepare(self) -> Result[None, SignerMisconfigured]:
        raise ValueError("hunter2")

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        raise ValueError(f"hunter2 {images}")

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        raise ValueError(f"hunter2 {images} {cancellation}")


class ForgetsOne(Works):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return super().sign(images[1:], cancellation)


class AnotherOrder(Works):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return super().sign(images[::-1], cancellation)


def test_a_signer_that_works_is_passed_through() -> None:
    signer = GuardedSigner("f", Works)
    assert is_successful(signer.prepare())
    assert signer.describe(()) == "0 faxes"
    assert signer.sign(IMAGES, ManualCancellation()) == Works().sign(IMAGES, ManualCancellation())


def test_an_exception_of_a_signer_is_a_failure_without_its_text() -> None:
    signer = GuardedSigner("f", Raises)
    results = signer.sign(IMAGES, ManualCancellation())
    shown = [str(signer.prepare().failure()), signer.describe(()), *(one.reason for one in results)]
    assert all("a bug: ValueError" in text for text in shown)
    assert "hunter2" not in "".join(shown)
    assert [(one.reference, one.status) for one in results] == [
        (one.reference, SignatureStatus.FAILED) for one in IMAGES
    ]


def test_a_signer_that_cannot_be_made_is_a_failure() -> None:
    signer = GuardedSigner("f", lambda: 1 / 0)  # type: ignore[arg-type,return-value]  # as bad as it gets
    assert "ZeroDivisionError" in str(signer.prepare().failure())


@pytest.mark.parametrize("signer", [ForgetsOne, AnotherOrder])
def test_results_for_other_images_are_failures(signer: Callable[[], Works]) -> None:
    results = GuardedSigner("f", signer).sign(IMAGES, ManualCancellation())
    assert [one.reference for one in results] == [one.reference for one in IMAGES]
    assert {one.reason for one in results} == {"its results are not for the images that it was given"}

"""Our verifier keeps the contract; faulty ones do not."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.cosign.verifier import CosignVerifier
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.verifier import VerifierBench, VerifierContract
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signing import ImageToSign, SignatureStatus, SignerMisconfigured
from returns.result import Failure, Result, Success

from tests.contract.clauses import not_kept
from tests.cosign import PASSWORD, environment, key_pair
from tests.oci_registry import push_image, start_registry


class TestCosign(VerifierContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[VerifierBench]:
        """Three images in a registry, one signed by us, one by somebody else."""
        ours, theirs = (_keys(tmp_path / name) for name in ("ours", "theirs"))
        with start_registry(tmp_path / "registry") as registry:
            signed, unsigned, foreign = (_push(registry.host_port, name) for name in ("signed", "unsigned", "foreign"))
            for keys, image in ((ours, signed), (theirs, foreign)):
                (done,) = CosignSigner("s", keys, environment(tmp_path)).sign((image,), ManualCancellation())
                assert done.status is SignatureStatus.SIGNED, done
            before = _requests(tmp_path)
            yield VerifierBench(
                CosignVerifier("s", replace(ours, key=None), environment(tmp_path), Redactor()),
                _pinned(signed),
                _pinned(unsigned),
                _pinned(foreign),
                reached=lambda: _requests(tmp_path) - before,
                spoil=lambda: shutil.rmtree(tmp_path / "registry" / "data"),
                secret=PASSWORD,
            )


def _pinned(image: ImageToSign) -> ImageReference:
    return image.reference.pinned(image.descriptor.digest)


def _keys(folder: Path) -> CosignSettings:
    folder.mkdir()
    pair = key_pair(folder)
    return CosignSettings(key=pair.private, public_key=pair.public, transparency_log=False)


def _push(host: str, name: str) -> ImageToSign:
    pushed = push_image(host, f"dev/{name}", "v1", marker=name)
    return ImageToSign(ImageReference.parse(f"{host}/dev/{name}:v1").unwrap(), pushed.descriptor, pushed.config)


def _requests(folder: Path) -> int:
    return (folder / "registry" / "registry.log").read_text(errors="replace").count("response completed")


# --- faulty ones ------------------------------------------------------------------------------------------------------


def image(letter: str) -> ImageReference:
    return ImageReference.parse(f"reg.example/{letter}@sha256:{letter * 64}").unwrap()


OURS, NOBODYS, THEIRS = image("a"), image("b"), image("c")


class Book:
    """A verifier that looks signatures up in a book; each fault overrides one thing."""

    def __init__(self) -> None:
        self.signatures = {str(OURS.digest): "ours", str(THEIRS.digest): "theirs"}
        self.reached = 0
        self.is_lost = False

    def look_up(self, image: ImageReference) -> str | None:
        self.reached += 1
        return None if self.is_lost else self.signatures.get(str(image.digest))

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return Success(None)

    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        if cancellation.reason() is not None:
            return Failure("stopped before it was asked")
        return Success(None) if self.accepts(image) else Failure("there is no signature of ours")

    def accepts(self, image: ImageReference) -> bool:
        return self.look_up(image) == "ours"


class AsksToPrepare(Book):
    def prepare(self) -> Result[None, SignerMisconfigured]:
        self.look_up(OURS)
        return Success(None)


class BelievesEverything(Book):
    def accepts(self, image: ImageReference) -> bool:
        self.look_up(image)
        return True


class AsksNobody(Book):
    def accepts(self, image: ImageReference) -> bool:
        return image == OURS


class BelievesAnybody(Book):
    def accepts(self, image: ImageReference) -> bool:
        return self.look_up(image) is not None


class BelievesTheName(Book):
    def accepts(self, image: ImageReference) -> bool:
        return super().accepts(image) or image.repository == OURS.repository


class GoesOnWhenStopped(Book):
    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        del cancellation
        return super().verify(image, ManualCancellation())


class Remembers(Book):
    def accepts(self, image: ImageReference) -> bool:
        self.is_lost = False
        return super().accepts(image)


class Raises(Book):
    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        return Success(super().verify(image, cancellation).unwrap())


class SaysNothing(Book):
    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        return super().verify(image, cancellation).alt(lambda _: "")


class ShowsItsSecret(Book):
    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        return super().verify(image, cancellation).alt(lambda reason: f"{reason} with the key hunter2")


def bench(book: Book) -> VerifierBench:
    def spoil() -> None:
        book.is_lost = True

    return VerifierBench(book, OURS, NOBODYS, THEIRS, lambda: book.reached, spoil, secret="hunter2")


class TestTheUnspoiltBook(VerifierContract):
    @pytest.fixture
    def bench(self) -> VerifierBench:
        return bench(Book())


FAULTY: dict[type[Book], set[str]] = {
    AsksToPrepare: {"prepare_reaches_nobody"},
    AsksNobody: {"a_good_signature_is_good", "what_cannot_be_looked_up_is_not_signed"},
    BelievesEverything: {
        "an_image_without_a_signature_is_not_signed",
        "another_signers_signature_does_not_count",
        "the_digest_decides_and_not_the_tag",
        "what_cannot_be_looked_up_is_not_signed",
    },
    BelievesAnybody: {"another_signers_signature_does_not_count"},
    BelievesTheName: {"the_digest_decides_and_not_the_tag", "what_cannot_be_looked_up_is_not_signed"},
    GoesOnWhenStopped: {"work_that_was_stopped_before_reaches_nobody"},
    Remembers: {"what_cannot_be_looked_up_is_not_signed"},
    Raises: {
        "an_image_without_a_signature_is_not_signed",
        "another_signers_signature_does_not_count",
        "the_digest_decides_and_not_the_tag",
        "the_secret_is_never_shown",
        "what_cannot_be_looked_up_is_not_signed",
        "work_that_was_stopped_before_reaches_nobody",
    },
    SaysNothing: {
        "an_image_without_a_signature_is_not_signed",
        "another_signers_signature_does_not_count",
        "the_digest_decides_and_not_the_tag",
        "what_cannot_be_looked_up_is_not_signed",
    },
    ShowsItsSecret: {"the_secret_is_never_shown"},
}
"""Verifiers with one fault each, and the clauses that they do not keep."""


@pytest.mark.parametrize("faulty", FAULTY)
def test_a_faulty_verifier_is_rejected(faulty: type[Book], caplog: pytest.LogCaptureFixture) -> None:
    @contextmanager
    def fixtures() -> Iterator[dict[str, object]]:
        yield {"bench": bench(faulty()), "caplog": caplog}

    assert not_kept(VerifierContract, fixtures) == FAULTY[faulty]

"""Signers of other packages, kept from harming a run: images are published already when they are asked.

An exception becomes a failed signature, and results that do not answer what was asked are not believed. Exceptions are
told by their type alone: their text could hold a secret.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, final

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.signer_type import SignerMaker, Surroundings
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.result import Failure, Result

_T = TypeVar("_T")


def guarded(make: SignerMaker) -> SignerMaker:
    """Makes the same signers, guarded."""

    def make_guarded(name: str, settings: Any, around: Surroundings) -> Signer:
        return GuardedSigner(name, lambda: make(name, settings, around))

    return make_guarded


def guarded_secrets(read: Callable[[Any], Iterable[str]] | None) -> Callable[[Any], Iterable[str]]:
    """Return the same secrets; none if the package fails."""

    def secrets(settings: Any) -> Iterable[str]:
        try:
            return [secret for secret in (read(settings) if read is not None else ()) if isinstance(secret, str)]
        except Exception:  # a foreign package may raise anything
            return ()

    return secrets


@final
class GuardedSigner:
    """Implements ``Signer`` by another; ``make`` is called when it is first needed."""

    def __init__(self, name: str, make: Callable[[], Signer]) -> None:
        self._name = name
        self._make = make
        self._signer: Signer | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``."""
        return self._guard(
            lambda signer: signer.prepare(), lambda reason: Failure(SignerMisconfigured(self._name, "signer", reason))
        )

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``."""
        return self._guard(lambda signer: signer.describe(images), lambda reason: f"({reason})")

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``."""
        results = self._guard(
            lambda signer: signer.sign(images, cancellation), lambda reason: self._failed(images, reason)
        )
        wanted = [(self._name, image.reference, image.descriptor.digest) for image in images]
        if [(one.signer, one.reference, one.digest) for one in results] != wanted:
            return self._failed(images, "its results are not about what it was asked to sign")
        return results

    def _guard(self, do: Callable[[Signer], _T], otherwise: Callable[[str], _T]) -> _T:
        try:
            if self._signer is None:
                self._signer = self._make()
            return do(self._signer)
        except Exception as error:  # a foreign package may raise anything
            return otherwise(f"a bug in this signer's package: {type(error).__name__}")

    def _failed(self, images: tuple[ImageToSign, ...], reason: str) -> tuple[SignatureResult, ...]:
        failed = SignatureStatus.FAILED
        return tuple(
            SignatureResult(self._name, image.reference, image.descriptor.digest, failed, 0, 0.0, reason)
            for image in images
        )

"""A signer that remembers what it was given."""

from collections.abc import Callable
from typing import final

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.result import Result, Success


@final
class Signer:
    """Implements ``Signer``: every image gets the same ``status``; ``images`` are those of the last request."""

    def __init__(self, status: SignatureStatus = SignatureStatus.SIGNED) -> None:
        self.status = status
        self.images: tuple[ImageToSign, ...] = ()
        self.requests = 0
        self.before_signing: Callable[[], object] = lambda: None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return Success(None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        return str(images)

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        self.images = images
        self.requests += 1
        self.before_signing()
        reason = "refused" if self.status is SignatureStatus.FAILED else ""
        return tuple(
            SignatureResult("s", image.reference, image.descriptor.digest, self.status, 1, 0.0, reason)
            for image in images
        )

"""What came of signing images that exist."""

from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.exit_code import ExitCode
from image_builder_domain.image.descriptor import Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.interruption import Interruption
from image_builder_domain.signing import SignatureResult, SignatureStatus


@final
@dataclass(frozen=True, slots=True)
class SignedImage:
    """One reference: what it was when it was resolved, who signed it; ``reason`` is why that is not enough."""

    reference: ImageReference
    manifest: Manifest | None
    reason: str = ""
    signatures: tuple[SignatureResult, ...] = ()

    @property
    def digest(self) -> Digest | None:
        """What is signed; None when the reference could not be resolved."""
        return self.manifest.descriptor.digest if self.manifest is not None else None

    @property
    def is_resolved(self) -> bool:
        """True when it may be signed."""
        return self.manifest is not None and not self.reason

    @property
    def is_done(self) -> bool:
        """True when every signer signed it, and its tag still names it."""
        signed = all(found.status is not SignatureStatus.FAILED for found in self.signatures)
        return self.is_resolved and bool(self.signatures) and signed

    @property
    def is_signed(self) -> bool:
        """True when at least one signer signed it."""
        return any(found.status is not SignatureStatus.FAILED for found in self.signatures)

    def seen_again(self, answer: Manifest | str) -> "SignedImage":
        """The same image after its tag was asked once more: ``answer`` is what it is now, or why that is unknown."""
        if isinstance(answer, str):
            return replace(self, reason=f"after signing, its tag could not be asked again: {answer}")
        if answer.descriptor.digest == self.digest:
            return self
        moved = f"its tag moved while it was signed: {self.digest} was signed, {answer.descriptor.digest} is there now"
        return replace(self, reason=f"{moved}; find out who moved it, then sign again")

    def failures(self) -> tuple[str, ...]:
        """A line for everything that went wrong with it."""
        own = (f"{self.reference}: {self.reason}",) if self.reason else ()
        failed = (found for found in self.signatures if found.status is SignatureStatus.FAILED)
        return (*own, *(f"{found.signer}: {found.reference}: {found.reason}" for found in failed))


@final
@dataclass(frozen=True, slots=True)
class SigningOutcome:
    """The whole run. ``interruption`` is what stopped it early; ``lost`` tells files that could not be written."""

    images: tuple[SignedImage, ...]
    interruption: Interruption | None = None
    lost: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """True when every image has all its signatures."""
        return all(image.is_done for image in self.images)

    def exit_code(self) -> ExitCode:
        """The first failure in the order of specification section 1."""
        if self.interruption is not None:
            return ExitCode(self.interruption.value)
        if not self.is_complete:
            return ExitCode.SIGNING_FAILED
        return ExitCode.FILE_NOT_WRITTEN if self.lost else ExitCode.DONE

"""Signing: what is signed, what a signer declares about itself, and the result."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, final

from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import Digest, ImageReference


class SignerSettings(Protocol):
    """The settings of a signer, as the decoder of its type made them of ``config``."""

    @property
    def signs_indexes(self) -> bool:
        """True when it can sign an image of several platforms."""
        ...

    @property
    def needs_tags(self) -> bool:
        """True when it signs the names of tags, and not digests alone."""
        ...


@final
@dataclass(frozen=True, slots=True)
class ImageToSign:
    """One tag of one image, fixed by the digest that was built. ``config`` is the image's configuration object."""

    reference: ImageReference
    descriptor: Descriptor
    config: Descriptor | None


class SignatureStatus(Enum):
    """What is known after signing: ``accepted`` is queued by a service, which keeps no promise yet."""

    SIGNED = "signed"
    ACCEPTED = "accepted"
    FAILED = "failed"


@final
@dataclass(frozen=True, slots=True)
class SignatureResult:
    """One image, one signer. ``reason`` is empty unless it failed; ``transient`` failures are worth another run.

    ``note`` is what a reader of the report must know about a signature that succeeded.
    """

    signer: str
    reference: ImageReference
    digest: Digest
    status: SignatureStatus
    attempts: int
    duration_seconds: float
    reason: str = ""
    transient: bool = False
    note: str = ""

    @property
    def author(self) -> str:
        """The signer, with the note when there is one: for people."""
        return f"{self.signer} ({self.note})" if self.note else self.signer


@final
@dataclass(frozen=True, slots=True)
class SignerMisconfigured:
    """A signer that cannot work: its secret or settings are wrong. Names the path, never the content."""

    signer: str
    where: str
    reason: str

    def __str__(self) -> str:
        return f"signer {self.signer!r}: {self.where}: {self.reason}"

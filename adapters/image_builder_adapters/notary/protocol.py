"""The two notary protocols: how they name images in a request, and what the statuses of their answers mean.

v1 names an image by its *configuration* (digest and size) and by its repository as the user wrote it. v2 names it by
its *manifest* and its normalised repository. Digests are sent without ``sha256:``. The kind of secret selects the
protocol.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.signing import ImageToSign, SignatureStatus
from returns.result import Failure, Result, Success

from image_builder_adapters.notary.exchange import Verdict
from image_builder_adapters.notary.settings import SecretKind, SignerSecret

_DIGEST_PLACEHOLDER: Final = "<digest>"
_SIZE_PLACEHOLDER: Final = "<size>"

_Entry: TypeAlias = Callable[[ImageReference, str, int | str], object]
"""The JSON that names one image, from its reference, the hexadecimal digest and the size."""


@final
@dataclass(frozen=True, slots=True)
class NotaryProtocol:
    """One protocol. ``signed`` is what it signs of an image; None if it cannot name the image.

    A status that is neither ``success`` nor in ``final_statuses`` is retried: signing a digest twice is harmless.
    """

    entry: _Entry
    body_of: Callable[[list[object]], object]
    signed: Callable[[ImageToSign], Descriptor | None]
    success: int
    success_means: SignatureStatus
    final_statuses: frozenset[int]

    def body(self, images: tuple[ImageToSign, ...]) -> Result[bytes, str]:
        """The request for all images, in order; fails for an image without a tag, or one that cannot be named."""
        entries = []
        for image in images:
            if image.reference.tag is None:
                return Failure(f"{image.reference} has no tag, and a notary signs tags; name it as repository:tag")
            signed = self.signed(image)
            if signed is None:
                return Failure(
                    f"{image.reference} has several platforms, which protocol v1 cannot name; "
                    "build one platform, or use a secret of type 'mtls' (protocol v2)"
                )
            entries.append(self.entry(image.reference, signed.digest.hexadecimal, signed.size))
        return Success(self._serialised(entries))

    def example(self, references: tuple[ImageReference, ...]) -> bytes:
        """The request before anything is built, with placeholders for digests and sizes."""
        return self._serialised([self.entry(each, _DIGEST_PLACEHOLDER, _SIZE_PLACEHOLDER) for each in references])

    def verdict(self, status: int) -> Verdict:
        """The verdict for a status. A redirect is final: it would send credentials and body to another host."""
        if status == self.success:
            return Verdict.SUCCESS
        is_final = status in self.final_statuses or 300 <= status < 400
        return Verdict.FINAL if is_final else Verdict.TRANSIENT

    def _serialised(self, entries: list[object]) -> bytes:
        return json.dumps(self.body_of(entries), separators=(",", ":")).encode("ascii")


def _v1_entry(reference: ImageReference, digest: str, size: int | str) -> object:
    return {"notaryGun": reference.written, "sha256": digest, "byteSize": size, "version": reference.tag}


def _v2_entry(reference: ImageReference, digest: str, size: int | str) -> object:
    target = {"name": reference.tag, "byteSize": size, "digest": digest}
    return {"gun": str(reference.repository), "targets": [target]}


V1: Final = NotaryProtocol(
    _v1_entry,
    lambda entries: entries,
    lambda image: image.config,
    200,
    SignatureStatus.SIGNED,
    frozenset({400, 401, 403, 415}),
)
V2: Final = NotaryProtocol(
    _v2_entry,
    lambda entries: {"trustedCollections": entries},
    lambda image: image.descriptor,
    202,
    SignatureStatus.ACCEPTED,
    frozenset({400, 401, 403, 404, 415, 422}),
)


def protocol_for(secret: SignerSecret | None) -> NotaryProtocol:
    """v2 for mutual TLS, v1 for everything else."""
    return V2 if secret is not None and secret.kind is SecretKind.MTLS else V1

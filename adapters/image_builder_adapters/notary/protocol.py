"""What differs between the two notary protocols, as one value each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_domain.configuration.signer_settings import SecretKind, SignerSecret
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.signing import ImageToSign, SignatureStatus
from returns.result import Failure, Result, Success

from image_builder_adapters.notary.exchange import Verdict

DIGEST_PLACEHOLDER = "<digest>"
SIZE_PLACEHOLDER = "<size>"


def v1_body(images: tuple[ImageToSign, ...]) -> Result[bytes, str]:
    """One list for all images, in order; fails for an image without a tag or of several platforms."""
    entries = []
    for image in images:
        if image.reference.tag is None:
            return Failure(_without_tag(image.reference))
        if image.config is None:
            return Failure(
                f"{image.reference} holds several platforms, which protocol v1 cannot name; "
                "build one platform, or use a secret of type 'mtls' (protocol v2)"
            )
        entries.append(_v1_entry(image.reference, image.config.digest.hexadecimal, image.config.size))
    return Success(_serialised(entries))


def v2_body(images: tuple[ImageToSign, ...]) -> Result[bytes, str]:
    """One collection for each image, in order, each with one target; fails for an image without a tag."""
    collections = []
    for image in images:
        if image.reference.tag is None:
            return Failure(_without_tag(image.reference))
        collections.append(_v2_entry(image.reference, image.descriptor.digest.hexadecimal, image.descriptor.size))
    return Success(_v2_serialised(collections))


def v1_example(references: tuple[ImageReference, ...]) -> bytes:
    """The v1 body before anything is built."""
    return _serialised([_v1_entry(reference, DIGEST_PLACEHOLDER, SIZE_PLACEHOLDER) for reference in references])


def v2_example(references: tuple[ImageReference, ...]) -> bytes:
    """The v2 body before anything is built."""
    return _v2_serialised([_v2_entry(reference, DIGEST_PLACEHOLDER, SIZE_PLACEHOLDER) for reference in references])


def _v1_entry(reference: ImageReference, digest: str, size: int | str) -> object:
    return {"notaryGun": reference.written, "sha256": digest, "byteSize": size, "version": reference.tag}


def _v2_entry(reference: ImageReference, digest: str, size: int | str) -> object:
    target = {"name": reference.tag, "byteSize": size, "digest": digest}
    return {"gun": str(reference.repository), "targets": [target]}


def _v2_serialised(collections: list[object]) -> bytes:
    return _serialised({"trustedCollections": collections})


def _serialised(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _without_tag(reference: ImageReference) -> str:
    return f"{reference} has no tag, and a notary signs tags; name it as repository:tag"


BodyMaker: TypeAlias = Callable[[tuple[ImageToSign, ...]], Result[bytes, str]]
ExampleMaker: TypeAlias = Callable[[tuple[ImageReference, ...]], bytes]


@final
@dataclass(frozen=True, slots=True)
class NotaryProtocol:
    """One protocol: how images become a body, and which answers are success or final.

    Any other answer is asked again: signing the same digest twice is harmless.
    """

    body: BodyMaker
    example: ExampleMaker
    success: int
    success_means: SignatureStatus
    final_statuses: frozenset[int]

    def verdict(self, status: int) -> Verdict:
        """Judge a status. Redirects are final: following one would hand credentials and body to another host."""
        if status == self.success:
            return Verdict.SUCCESS
        is_final = status in self.final_statuses or 300 <= status < 400
        return Verdict.FINAL if is_final else Verdict.TRANSIENT


V1 = NotaryProtocol(v1_body, v1_example, 200, SignatureStatus.SIGNED, frozenset({400, 401, 403, 415}))
V2 = NotaryProtocol(v2_body, v2_example, 202, SignatureStatus.ACCEPTED, frozenset({400, 401, 403, 404, 415, 422}))


def protocol_for(secret: SignerSecret | None) -> NotaryProtocol:
    """Mutual TLS speaks v2, everything else v1."""
    return V2 if secret is not None and secret.kind is SecretKind.MTLS else V1

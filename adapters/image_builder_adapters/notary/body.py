"""Request bodies of the two notary protocols; pure.

v1 names an image by its *configuration* (digest and size) and its repository as the user wrote it. v2 names it by its
*manifest* and its normalised repository. Digests go without ``sha256:``. Which of the two is spoken is settled by the
kind of secret, see :mod:`image_builder_adapters.notary.protocol`.
"""

import json

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.signing import ImageToSign
from returns.result import Failure, Result, Success

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

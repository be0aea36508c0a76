"""Ask every signer for its signatures."""

from collections.abc import Mapping

from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.signing import ImageToSign, SignatureResult

from image_builder.workflows.side_by_side import side_by_side


def signatures_of(
    images: tuple[ImageToSign, ...], signers: Mapping[str, Signer], cancellation: Cancellation
) -> tuple[tuple[SignatureResult, ...], ...]:
    """For each image the results of all signers, of which there is at least one, in their order.

    All images go to each signer at once; signers run side by side, and one that fails does not stop the others.
    """
    by_signer = side_by_side(lambda signer: signer.sign(images, cancellation), signers.values(), len(signers))
    return tuple(zip(*by_signer, strict=True))

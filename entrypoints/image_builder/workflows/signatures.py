"""Ask every signer for its signatures."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from image_builder_domain.ports import Cancellation, Signer
from image_builder_domain.signing import ImageToSign, SignatureResult


def signatures_of(
    images: tuple[ImageToSign, ...], signers: Mapping[str, Signer], cancellation: Cancellation
) -> tuple[tuple[SignatureResult, ...], ...]:
    """For each image the results of all signers, of which there is at least one, in their order.

    All images go to each signer at once; signers run side by side, and one that fails does not stop the others.
    """
    with ThreadPoolExecutor(len(signers), "sign") as pool:
        by_signer = tuple(pool.map(lambda signer: signer.sign(images, cancellation), signers.values()))
    return tuple(zip(*by_signer, strict=True))

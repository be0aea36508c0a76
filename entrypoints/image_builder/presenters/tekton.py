"""The results of a Tekton task, as Tekton Chains reads them to attest what a task built.

Chains takes ``IMAGE_URL`` and ``IMAGE_DIGEST`` as one image, and ``IMAGES`` as a list of images with their digests.
All results of a task together have 4 KiB, so a reference stands there once, without its tags.
Source: https://tekton.dev/docs/chains/slsa-provenance
"""

from collections.abc import Callable
from typing import Final

from image_builder_domain.report.report import Report


def _images(report: Report) -> list[str]:
    """Each repository that holds an image, with the digest; none unless every image was published."""
    if not report.pushed:
        return []
    named = (
        f"{_repository(place.reference)}@{image.digest}"
        for image in report.images
        if image.digest
        for place in image.destinations
        if place.holds_digest
    )
    return list(dict.fromkeys(named))


def _repository(reference: str) -> str:
    path, slash, name = reference.partition("@")[0].rpartition("/")
    return f"{path}{slash}{name.partition(':')[0]}"


def _one(report: Report, part: int) -> bytes | None:
    """The repository or the digest, if one image was built; its first repository counts."""
    images = _images(report)
    digests = {image.partition("@")[2] for image in images}
    return images[0].split("@")[part].encode() if len(digests) == 1 else None


FILES: Final[dict[str, Callable[[Report], bytes | None]]] = {
    "IMAGE_URL": lambda report: _one(report, 0),
    "IMAGE_DIGEST": lambda report: _one(report, 1),
    "IMAGES": lambda report: ",".join(_images(report)).encode() or None,
}
"""The files by their names in the results folder; None for a result that there is not."""

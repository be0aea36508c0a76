"""The pushed image, as ``buildctl`` reports it in the file of ``--metadata-file``; pure.

Source: BuildKit's README, "Metadata": ``containerimage.digest`` and ``containerimage.descriptor``.
"""

from dataclasses import dataclass
from typing import final

from image_builder_domain.build import BuiltImage
from image_builder_domain.image.descriptor import MANIFEST_TYPES, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result


@final
@dataclass(frozen=True, slots=True)
class BadMetadata:
    """The file is not what BuildKit writes after a push."""

    reason: str

    def __str__(self) -> str:
        return f"BuildKit's metadata file cannot be used: {self.reason}; is this BuildKit version supported?"


def parse_metadata(content: bytes) -> Result[BuiltImage, BadMetadata]:
    """The pushed image's descriptor (for several platforms, the index's) and a single image's platform."""
    metadata = unwrap_or_failure(json_object(content))
    if isinstance(metadata, str):
        return Failure(BadMetadata(f"it {metadata}"))
    descriptor, digest = metadata.get("containerimage.descriptor"), metadata.get("containerimage.digest")
    if not isinstance(descriptor, dict):
        return Failure(BadMetadata("containerimage.descriptor is missing"))
    if descriptor.get("digest") != digest:
        return Failure(BadMetadata("containerimage.digest is missing or differs from the descriptor's"))
    platform = _platform(descriptor.get("platform"))
    return _descriptor(descriptor.get("mediaType"), digest, descriptor.get("size")).map(
        lambda parsed: BuiltImage(parsed, platform)
    )


def _platform(platform: object) -> Platform | None:
    """The platform of a single image. None when BuildKit reports none, or an invalid one."""
    fields = platform if isinstance(platform, dict) else {}
    text = "/".join(str(fields[name]) for name in ("os", "architecture", "variant") if fields.get(name))
    return Platform.parse(text).value_or(None)


def _descriptor(media_type: object, digest: object, size: object) -> Result[Descriptor, BadMetadata]:
    if media_type not in MANIFEST_TYPES or not isinstance(media_type, str):
        return Failure(BadMetadata(f"{media_type!r} is not a media type of an image"))
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        return Failure(BadMetadata(f"{size!r} is not the size of a manifest"))
    return (
        Digest.parse(digest if isinstance(digest, str) else "")
        .map(lambda parsed: Descriptor(media_type, parsed, size))
        .alt(lambda _: BadMetadata(f"{digest!r} is not a digest"))
    )

"""Descriptors: the media type, digest and size of content (OCI Image Specification, "Content Descriptors")."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.image.reference import Digest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"

INDEX_TYPES = (OCI_INDEX, DOCKER_LIST)
MANIFEST_TYPES = (*INDEX_TYPES, OCI_MANIFEST, DOCKER_MANIFEST)


@final
@dataclass(frozen=True, slots=True)
class Descriptor:
    """Content by media type, digest and size in bytes."""

    media_type: str
    digest: Digest
    size: int

    @property
    def is_index(self) -> bool:
        """True for a manifest of several platforms."""
        return self.media_type in INDEX_TYPES


@final
@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that a registry holds.

    ``config`` is the image's configuration, ``None`` for an index; ``platforms`` is what an index lists
    (``os/arch[/variant]``, attestations left out), empty for a single image.
    """

    descriptor: Descriptor
    config: Descriptor | None
    platforms: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class HeldManifest:
    """A manifest that a registry holds, with its exact bytes.

    ``children`` are the manifests that an index lists, attestations included; empty for a single image.
    ``annotations`` are the manifest's or index's own, in the order of the bytes.
    """

    manifest: Manifest
    content: bytes
    children: tuple[Descriptor, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def descriptor(self) -> Descriptor:
        """Media type, digest and size of the bytes."""
        return self.manifest.descriptor

    def annotation(self, name: str) -> str | None:
        """The value of an annotation; None if the manifest does not have it."""
        return dict(self.annotations).get(name)


@final
@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that refers to an image; ``artifact_type`` is its kind, empty if the registry does not give it."""

    descriptor: Descriptor
    artifact_type: str

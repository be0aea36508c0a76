"""Manifests with annotations, as a registry returns them."""

import json

from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor, HeldManifest, Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.publish.identity import Identity
from image_builder_domain.publish.semantic_version import SemanticVersion

SOURCE = "https://github.com/acme/demo"
TAG = ImageReference.parse("registry.example/app:latest").unwrap()
NOW = 1_700_000_000


def digest(number: int) -> Digest:
    return Digest(f"sha256:{number:064x}")


def commit(number: int) -> str:
    return f"{number + 1:040x}"


def identity(number: int, time: int | None = NOW, version: str = "", source: str | None = SOURCE) -> Identity:
    """An image of the commit with this number."""
    return Identity(source, commit(number), time, SemanticVersion.parse(version))


def held(number: int, found: Identity | None) -> HeldManifest:
    """A manifest with a digest of this number, that says so of itself; without an identity it says nothing."""
    annotations = found.described("app") if found is not None else ()
    manifest = Manifest(Descriptor(OCI_MANIFEST, digest(number), 2), None, ())
    return HeldManifest(manifest, json.dumps(dict(annotations)).encode(), (), annotations)

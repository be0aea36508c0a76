"""OCI image layouts in folders, as kaniko writes them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


@final
@dataclass(frozen=True, slots=True)
class LayoutFolder:
    """A layout to which content is added."""

    folder: Path

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs" / "sha256"

    def path(self, blob: Descriptor) -> Path:
        return self.blobs / blob.digest.hexadecimal

    def blob(self, media_type: str, content: bytes) -> Descriptor:
        self.blobs.mkdir(parents=True, exist_ok=True)
        descriptor = Descriptor(media_type, Digest(f"sha256:{hashlib.sha256(content).hexdigest()}"), len(content))
        self.path(descriptor).write_bytes(content)
        return descriptor

    def manifest(self, media_type: str, content: Mapping[str, object]) -> Descriptor:
        return self.blob(media_type, json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}).encode())

    def image(self, *layers: bytes) -> Descriptor:
        """An image of these layers."""
        config = self.blob(CONFIG_TYPE, json.dumps({"os": "linux", "layers": len(layers)}).encode())
        added = [entry(self.blob(LAYER_TYPE, layer)) for layer in layers]
        return self.manifest(OCI_MANIFEST, {"config": entry(config), "layers": added})

    def index(self, *images: Descriptor) -> Descriptor:
        """An index of these images."""
        return self.manifest(OCI_INDEX, {"manifests": [entry(image) for image in images]})


def entry(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}

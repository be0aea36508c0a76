"""An image of one layer, made of a tar file that a Dockerfile of two lines names; and its OCI layout.

OCI Image Specification: "Image Manifest", "Image Configuration", "Image Layout".
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from image_builder_domain.build import BuildRequest
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from returns.result import Failure, Result, Success

LARGEST_TAR = 256 * 1024 * 1024
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_ADD = re.compile(r"ADD\s+(\S+\.tar)\s+/")


@final
@dataclass(frozen=True, slots=True)
class Image:
    """The manifest with its descriptor, and the bytes of what it names: the configuration and the layer."""

    descriptor: Descriptor
    manifest: bytes
    blobs: tuple[tuple[Descriptor, bytes], ...]


def read_image(request: BuildRequest, platform: Platform) -> Result[Image, str]:
    """The image of ``FROM scratch`` and ``ADD file.tar /``; any other instruction is refused by its name."""
    dockerfile = request.dockerfile
    try:
        lines = Path(request.context, dockerfile).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        return Failure(f"{dockerfile} cannot be read: {type(error).__name__}")
    steps = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if steps[:1] != ["FROM scratch"]:
        return Failure(f"{dockerfile} must begin with 'FROM scratch', not {steps[0] if steps else 'end at once'!r}")
    added = _ADD.fullmatch(steps[1]) if len(steps) == 2 else None
    if added is None:
        return Failure(f"after 'FROM scratch' there must be one 'ADD file.tar /' alone, not {steps[1:]!r}")
    return _layer(request.context, added[1]).map(lambda layer: _image(layer, platform, request))


def write_layout(image: Image, folder: Path) -> None:
    """Write the layout; its index comes last, so that a reader who finds it finds everything. Raises ``OSError``."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    for descriptor, content in ((image.descriptor, image.manifest), *image.blobs):
        _write(blobs / str(descriptor.digest).removeprefix("sha256:"), content)
    _write(folder / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    listed = [_entry(image.descriptor)]
    _write(folder / "index.json", json.dumps({"schemaVersion": 2, "manifests": listed}).encode())


def _layer(context: str, name: str) -> Result[bytes, str]:
    """The tar file's bytes; a context may come from a stranger, so it must lie in there."""
    path, root = os.path.realpath(os.path.join(context, name)), os.path.realpath(context)
    if os.path.commonpath((path, root)) != root or not os.path.isfile(path):
        return Failure(f"ADD: {name!r} is not a file in the context")
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_TAR + 1)
    except OSError as error:
        return Failure(f"ADD: {name!r} cannot be read: {error.strerror}")
    return Success(content) if len(content) <= LARGEST_TAR else Failure(f"ADD: {name!r} is larger than 256 MiB")


def _image(layer: bytes, platform: Platform, request: BuildRequest) -> Image:
    layer_descriptor = _describe(_LAYER, layer)
    config = _encoded(
        {
            "architecture": platform.architecture,
            "os": platform.os,
            **({"variant": platform.variant} if platform.variant else {}),
            "config": {"Labels": dict(request.labels)} if request.labels else {},
            "rootfs": {"type": "layers", "diff_ids": [str(layer_descriptor.digest)]},
        }
    )
    config_descriptor = _describe(_CONFIG, config)
    manifest = _encoded(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _entry(config_descriptor),
            "layers": [_entry(layer_descriptor)],
            **({"annotations": dict(request.annotations)} if request.annotations else {}),
        }
    )
    blobs = ((config_descriptor, config), (layer_descriptor, layer))
    return Image(_describe(OCI_MANIFEST, manifest), manifest, blobs)


def _describe(media_type: str, content: bytes) -> Descriptor:
    return Descriptor(media_type, Digest(f"sha256:{hashlib.sha256(content).hexdigest()}"), len(content))


def _entry(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def _encoded(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")  # builds of one name may run at the same time
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

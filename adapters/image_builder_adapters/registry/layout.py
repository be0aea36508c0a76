"""An image in a folder: which manifests and blobs belong to a digest, and their content.

OCI Image Specification, "Image Layout". Build steps may have written into the folder, so no link below it is followed,
only regular files are read, and every manifest must have the digest that names it. What the digest does not lead to is
ignored: kaniko puts the layers of its cache into the same folder.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Self, final

from image_builder_domain.image.descriptor import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.message import StreamedBody
from image_builder_adapters.registry.manifest import LARGEST_MANIFEST, parse_descriptor

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE: Final = 256 * 1024
_MOST_MANIFESTS: Final = 1000
_DEEPEST: Final = 4


@final
@dataclass(frozen=True, slots=True)
class LayoutManifest:
    """A manifest or index of the layout, with its exact bytes."""

    descriptor: Descriptor
    content: bytes


@final
@dataclass(frozen=True, slots=True)
class LayoutImage:
    """All that belongs to one digest: manifests in the order of pushing, the last one has the digest; blobs, once."""

    manifests: tuple[LayoutManifest, ...]
    blobs: tuple[Descriptor, ...]

    @property
    def descriptor(self) -> Descriptor:
        """The image's own."""
        return self.manifests[-1].descriptor


@final
class Layout:
    """An open layout. The descriptor of its folder of blobs makes later changes of the path harmless."""

    def __init__(self, blobs: int) -> None:
        self._blobs = blobs

    @classmethod
    @contextmanager
    def open(cls, folder: str, inside: str = "") -> Iterator[Result[Self, str]]:
        """The layout at ``inside``, a path below ``folder``, of which no part may be a link. Never raises OSError."""
        with _Descriptors() as opened:
            try:
                for part in (folder, *inside.strip("/").split("/"), "blobs", "sha256"):
                    opened.enter(part)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                yield Failure(f"its folder cannot be opened: {reason}")
                return
            yield Success(cls(opened.last))

    def image(self, digest: Digest) -> Result[LayoutImage, str]:
        """What the digest leads to, without its blobs' content, which need not be there."""
        manifests, blobs = list[LayoutManifest](), dict[Digest, Descriptor]()
        problem = self._collect(digest, None, manifests, blobs, _DEEPEST)
        return Failure(problem) if problem else Success(LayoutImage(tuple(manifests), tuple(blobs.values())))

    def blob(self, blob: Descriptor) -> Result[StreamedBody, str]:
        """A blob's content, to be streamed as often as needed while the layout is open."""
        try:
            with self._file(blob.digest) as descriptor:
                size = os.fstat(descriptor).st_size
        except OSError as error:
            return Failure(f"{blob.digest} cannot be read: {error.strerror}")
        if size != blob.size:
            return Failure(f"{blob.digest} has {size} bytes, but the manifest says {blob.size}")
        return Success(StreamedBody(size, lambda: self._pieces(blob.digest)))

    def _collect(
        self,
        digest: Digest,
        media_type: str | None,
        manifests: list[LayoutManifest],
        blobs: dict[Digest, Descriptor],
        depth: int,
    ) -> str:
        """Add what the digest leads to, children first; why that is not possible, or nothing."""
        if any(known.descriptor.digest == digest for known in manifests):
            return ""
        read = unwrap_or_failure(self._manifest(digest, media_type))
        if isinstance(read, str):
            return f"{digest} {read}"
        manifest, listed = read
        for entry in listed:
            if entry is None:
                return f"{digest} has an entry that is not a descriptor"
            if manifest.descriptor.is_index:
                if depth == 0 or len(manifests) >= _MOST_MANIFESTS:
                    return f"{digest} has too many manifests"
                problem = self._collect(entry.digest, entry.media_type, manifests, blobs, depth - 1)
                if problem:
                    return problem
            else:
                blobs[entry.digest] = entry
        manifests.append(manifest)
        return ""

    def _manifest(
        self, digest: Digest, media_type: str | None
    ) -> Result[tuple[LayoutManifest, list[Descriptor | None]], str]:
        try:
            with self._file(digest) as descriptor:
                content = os.read(descriptor, LARGEST_MANIFEST + 1)
        except OSError as error:
            return Failure(f"cannot be read: {error.strerror}")
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest.text:
            return Failure("has other content than its digest says")
        fields = unwrap_or_failure(json_object(content))
        if isinstance(fields, str):
            return Failure(fields)
        kind = str(fields.get("mediaType") or media_type or (OCI_INDEX if "manifests" in fields else OCI_MANIFEST))
        if kind not in MANIFEST_TYPES:
            return Failure(f"has the media type {kind[:100]!r}, which is not a manifest's")
        return Success((LayoutManifest(Descriptor(kind, digest, len(content)), content), _named(fields, kind)))

    def _pieces(self, digest: Digest) -> Iterator[bytes]:
        with self._file(digest) as descriptor:
            while piece := os.read(descriptor, _PIECE):
                yield piece

    @contextmanager
    def _file(self, digest: Digest) -> Iterator[int]:
        descriptor = os.open(digest.hexadecimal, _FILE, dir_fd=self._blobs)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is not a regular file")
            yield descriptor
        finally:
            os.close(descriptor)


@final
class _Descriptors:
    """Open folders, each below the one before, closed at the end of the block."""

    def __init__(self) -> None:
        self._open: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open:
            with suppress(OSError):
                os.close(descriptor)

    @property
    def last(self) -> int:
        return self._open[-1]

    def enter(self, part: str) -> None:
        if part:
            self._open.append(os.open(part, _FOLDER, dir_fd=self._open[-1] if self._open else None))


def _named(fields: Mapping[str, Any], media_type: str) -> list[Descriptor | None]:
    if media_type in INDEX_TYPES:
        entries = fields.get("manifests")
        return [parse_descriptor(entry) for entry in entries] if isinstance(entries, list) else [None]
    layers = fields.get("layers")
    return [parse_descriptor(entry) for entry in (fields.get("config"), *(layers if isinstance(layers, list) else [0]))]

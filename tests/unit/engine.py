"""An engine that builds nothing: each variant is a manifest of its own, pushed by digest to registries in memory."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias, final

from image_builder_domain.build import BuildFailure, BuildRequest, BuiltImage, EngineMissing
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, Repository
from image_builder_domain.ports import BuildProgress, Cancellation
from image_builder_stand_ins.registry_in_memory import MemoryRegistry
from image_builder_stand_ins.registry_store import digest_of
from returns.result import Result, Success

Build: TypeAlias = Callable[[BuildRequest, Cancellation], Result[BuiltImage, BuildFailure]]

_CONFIG = "application/vnd.oci.image.config.v1+json"


def image(name: str, annotations: Mapping[str, str] | None = None) -> bytes:
    """The manifest of a variant; another name gives another digest."""
    config = {"mediaType": _CONFIG, "digest": digest_of(name.encode()), "size": len(name)}
    content = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    return json.dumps(content | ({"annotations": dict(annotations)} if annotations else {})).encode()


def described(name: str, annotations: Mapping[str, str] | None = None) -> Descriptor:
    """Its descriptor."""
    content = image(name, annotations)
    return Descriptor(OCI_MANIFEST, Digest(digest_of(content)), len(content))


def push(
    registry: MemoryRegistry, place: Repository, name: str, annotations: Mapping[str, str] | None = None
) -> Descriptor:
    """Push it by digest."""
    registry.store(place).put_blob(place.path, digest_of(name.encode()), name.encode())
    registry.push(place, OCI_MANIFEST, image(name, annotations))
    return described(name, annotations)


@final
class Engine:
    """Implements ``ImageEngine``. ``builds`` has functions for variants that are not simply built and pushed."""

    def __init__(self, registry: MemoryRegistry, builds: Mapping[str, Build]) -> None:
        self._registry = registry
        self._builds = builds
        self.is_closed = False
        self.built: list[str | None] = []

    def check(self) -> Result[None, EngineMissing]:
        return Success(None)

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        return ("build", request.name)

    def at_once(self) -> None: ...

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        assert not self.is_closed
        self.built.append(request.variant)
        progress.output(f"building {request.variant}\n".encode())
        return self._builds.get(request.variant or "f", self.push)(request, cancellation)

    def push(self, request: BuildRequest, _cancellation: Cancellation) -> Result[BuiltImage, BuildFailure]:
        """What it does with a variant that has no function of its own."""
        for place in request.repositories:
            push(self._registry, place, request.variant or "f", dict(request.annotations))
        return Success(BuiltImage(described(request.variant or "f", dict(request.annotations))))

    def close(self) -> None:
        self.is_closed = True

"""Registries in memory without a network, for tests of what publishes to them.

:class:`MemoryRegistry` implements ``Registry`` and ``PublishingRegistry`` for any number of hosts. It is as strict as
the stand-in that speaks HTTP, because both keep their content in a :class:`RegistryStore`.
"""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, final

from image_builder_domain.failure import BadCredentials, NotFound, PushDenied, RegistryFailure, RegistryUnreachable
from image_builder_domain.image.descriptor import Descriptor, HeldManifest, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_stand_ins.registry_store import HeldManifest as StoredManifest
from image_builder_stand_ins.registry_store import RegistryStore

_Failure: TypeAlias = PushDenied | RegistryFailure


@final
@dataclass(frozen=True, slots=True)
class _Fault:
    call: str
    failure: _Failure
    takes_effect: bool


@final
class MemoryRegistry:
    """Registries of every host, empty at first. Safe to use from several threads.

    ``calls`` lists what was asked for, in order: the method's name, a blank and the repository or reference, such as
    ``put registry.example/team/app:1``. :meth:`fail_next` makes a call fail.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._faults: list[_Fault] = []
        self._stores: dict[str, RegistryStore] = {}
        self._lock = threading.Lock()

    def store(self, repository: Repository) -> RegistryStore:
        """The content of the repository's host, by the paths of its repositories."""
        with self._lock:
            return self._stores.setdefault(repository.domain, RegistryStore())

    def fail_next(self, call: str, failure: PushDenied | RegistryFailure, *, takes_effect: bool = False) -> None:
        """Let the next call that begins with ``call`` fail; with ``takes_effect`` only its answer is lost."""
        self._faults.append(_Fault(call, failure, takes_effect))

    def push(self, repository: Repository, media_type: str, content: bytes) -> Digest:
        """Add a manifest by digest, as an engine pushes it. What it names must be there."""
        stored = StoredManifest(media_type, content)
        problem = self.store(repository).put_manifest(repository.path, stored.digest, stored)
        assert not problem, problem
        return Digest(stored.digest)

    # --- ports --------------------------------------------------------------------------------------------------------

    def check(self, _repositories: Iterable[Repository] = (), /) -> Result[None, BadCredentials]:
        """Implement ``Registry.check``: there are no credentials."""
        return Success(None)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Implement ``Registry.resolve``."""
        fault = self._begin("resolve", reference, cancellation)
        if fault is not None:
            return _reading(fault)
        return self._held(reference).map(lambda held: held.manifest)

    def check_push(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Implement ``PublishingRegistry.check_push``."""
        fault = self._begin("check_push", repository, cancellation)
        return Success(None) if fault is None else Failure(fault.failure)

    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        """Implement ``PublishingRegistry.fetch``."""
        fault = self._begin("fetch", reference, cancellation)
        return self._held(reference) if fault is None else _reading(fault)

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        """Implement ``PublishingRegistry.find``."""
        fault = self._begin("find", reference, cancellation)
        if fault is not None:
            return _reading(fault)
        return self._held(reference).map(lambda held: held.descriptor.digest)

    def put(
        self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Implement ``PublishingRegistry.put``."""
        fault = self._begin("put", reference, cancellation)
        if fault is not None and not fault.takes_effect:
            return Failure(fault.failure)
        repository = reference.repository
        name, stored = reference.tag or str(reference.digest), StoredManifest(media_type, content)
        problem = self.store(repository).put_manifest(repository.path, name, stored)
        if problem:
            return Failure(PushDenied(str(reference), repository.domain, f"status 400: {problem}", None))
        return Success(None) if fault is None else Failure(fault.failure)

    def _begin(self, name: str, about: ImageReference | Repository, cancellation: Cancellation) -> _Fault | None:
        if cancellation.reason() is not None:
            return _Fault(name, RegistryUnreachable(str(about), "stopped before the request was sent"), False)
        call = f"{name} {about}"
        with self._lock:
            self.calls.append(call)
            fault = next((fault for fault in self._faults if call.startswith(fault.call)), None)
            if fault is not None:
                self._faults.remove(fault)
            return fault

    def _held(self, reference: ImageReference) -> Result[HeldManifest, RegistryFailure]:
        name = reference.digest.text if reference.digest is not None else reference.tag or ""
        stored = self.store(reference.repository).manifest(reference.repository.path, name)
        return Failure(NotFound(str(reference))) if stored is None else Success(_read(stored))


def _reading(fault: _Fault) -> Failure[RegistryFailure]:
    assert not isinstance(fault.failure, PushDenied)
    return Failure(fault.failure)


def _read(stored: StoredManifest) -> HeldManifest:
    content: dict[str, Any] = json.loads(stored.content)
    listed = content.get("manifests", [])
    config = _descriptor(content["config"]) if "config" in content else None
    named = ["/".join(str(part) for part in _platform(entry).values()) for entry in listed]
    platforms = tuple(name for name in named if name not in ("", "unknown/unknown"))
    descriptor = Descriptor(stored.media_type, Digest(stored.digest), len(stored.content))
    manifest = Manifest(descriptor, config, platforms)
    annotations = tuple(content.get("annotations", {}).items())
    return HeldManifest(manifest, stored.content, tuple(map(_descriptor, listed)), annotations)


def _platform(entry: dict[str, Any]) -> dict[str, str]:
    platform: dict[str, str] = entry.get("platform", {})
    return {key: platform[key] for key in ("os", "architecture", "variant") if key in platform}


def _descriptor(entry: dict[str, Any]) -> Descriptor:
    return Descriptor(entry["mediaType"], Digest(entry["digest"]), entry["size"])

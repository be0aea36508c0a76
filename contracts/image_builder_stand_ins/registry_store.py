"""What the stand-in registry holds: blobs and manifests by digest, tags, and what refers to what. No I/O."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Final, final

from image_builder_domain.image.descriptor import INDEX_TYPES, OCI_INDEX

_KEYS: Final = ("config", "layers", "manifests")


@final
@dataclass(frozen=True, slots=True)
class HeldManifest:
    """A manifest's bytes and media type."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """``sha256:`` and the digest of the exact bytes."""
        return digest_of(self.content)


@final
@dataclass(slots=True)
class _Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, HeldManifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@final
class RegistryStore:
    """Repositories by path. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._repositories: dict[str, _Repository] = {}

    def put_blob(self, path: str, digest: str, content: bytes) -> bool:
        """Keep a blob; False when the digest is another's."""
        if digest_of(content) != digest:
            return False
        with self._lock:
            self._repository(path).blobs[digest] = content
        return True

    def blob(self, path: str, digest: str) -> bytes | None:
        """A blob's bytes."""
        with self._lock:
            return self._repository(path).blobs.get(digest)

    def put_manifest(self, path: str, name: str, manifest: HeldManifest) -> str:
        """Keep a manifest under a tag or its digest; why it is refused, or nothing."""
        try:
            content = json.loads(manifest.content)
        except ValueError:
            return "MANIFEST_INVALID"
        with self._lock:
            found = self._repository(path)
            if content.get("mediaType", manifest.media_type) != manifest.media_type:
                return "MANIFEST_INVALID"
            if any(entry["digest"] not in self._known(found, manifest.media_type) for entry in _named(content)):
                return "MANIFEST_BLOB_UNKNOWN"
            if ":" in name and name != manifest.digest:
                return "DIGEST_INVALID"
            found.manifests[manifest.digest] = manifest
            if ":" not in name:
                found.tags[name] = manifest.digest
        return ""

    def manifest(self, path: str, name: str) -> HeldManifest | None:
        """A manifest by tag or digest."""
        with self._lock:
            found = self._repository(path)
            return found.manifests.get(found.tags.get(name, name))

    def remove_manifest(self, path: str, digest: str) -> None:
        """Forget a manifest, as a registry does that collects those without a tag."""
        with self._lock:
            self._repository(path).manifests.pop(digest, None)

    def referrers(self, path: str, digest: str, artifact_type: str | None) -> list[dict[str, Any]]:
        """Descriptors of the manifests whose subject this is."""
        with self._lock:
            held = list(self._repository(path).manifests.values())
        listed = (_referrer(manifest) for manifest in held if _subject(manifest) == digest)
        return [entry for entry in listed if artifact_type in (None, entry["artifactType"])]

    def tags(self, path: str) -> list[str]:
        """The tags of a repository, sorted."""
        with self._lock:
            return sorted(self._repository(path).tags)

    def _repository(self, path: str) -> _Repository:
        return self._repositories.setdefault(path, _Repository())

    @staticmethod
    def _known(found: _Repository, media_type: str) -> dict[str, Any]:
        return {**found.manifests} if media_type in INDEX_TYPES else {**found.blobs}


def digest_of(content: bytes) -> str:
    """``sha256:`` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def index_of(entries: list[dict[str, Any]]) -> bytes:
    """An OCI index of these descriptors."""
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()


def _named(content: dict[str, Any]) -> list[dict[str, Any]]:
    found = [content.get(key, []) for key in _KEYS]
    return [entry for part in found for entry in (part if isinstance(part, list) else [part])]


def _subject(manifest: HeldManifest) -> str | None:
    subject = json.loads(manifest.content).get("subject")
    return subject["digest"] if isinstance(subject, dict) else None


def _referrer(manifest: HeldManifest) -> dict[str, Any]:
    content = json.loads(manifest.content)
    kind = content.get("artifactType") or content.get("config", {}).get("mediaType", "")
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "artifactType": kind,
    }

"""What a manifest answer says, and whether it may be trusted.

OCI Distribution Specification, "Pulling manifests"; OCI Image Specification, manifests and indexes; Docker's schema 2.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from image_builder_domain.image.descriptor import INDEX_TYPES, MANIFEST_TYPES, OCI_INDEX, Descriptor, Manifest, Referrer
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer

ACCEPT = ", ".join(MANIFEST_TYPES)
"""All four types in one header: a registry that misses one converts the image, or picks a platform by itself."""

LARGEST_MANIFEST = 4 * 1024 * 1024

_Object: TypeAlias = Mapping[str, object]
_LONGEST_TEXT = 200


def read_manifest(answer: HttpAnswer, requested: Digest | None) -> Result[Manifest, str]:
    """The manifest in a 200 answer, or why it cannot be trusted."""
    return Result.do(
        manifest
        for digest in _digest(answer, requested)
        for media_type in _media_type(answer)
        for content in _content(answer.body, media_type)
        for manifest in _manifest(Descriptor(media_type, digest, len(answer.body)), content)
    )


def _digest(answer: HttpAnswer, requested: Digest | None) -> Result[Digest, str]:
    digest = Digest(f"sha256:{hashlib.sha256(answer.body).hexdigest()}")
    said = answer.header("Docker-Content-Digest")
    if said is not None and said.strip() != digest.text:
        return Failure(f"it says that the digest is {said.strip()[:_LONGEST_TEXT]}, but its content has {digest}")
    if requested is not None and requested != digest:
        return Failure(f"it was asked for {requested}, but its content has {digest}")
    return Success(digest)


def _media_type(answer: HttpAnswer) -> Result[str, str]:
    media_type = (answer.header("Content-Type") or "").partition(";")[0].strip().lower()
    if media_type in MANIFEST_TYPES:
        return Success(media_type)
    return Failure(
        f"its media type is {media_type[:_LONGEST_TEXT]!r}, which is no image manifest or index that we know"
    )


def _content(body: bytes, media_type: str) -> Result[_Object, str]:
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return Failure("its content is no JSON")
    if not isinstance(content, dict):
        return Failure("its content is no JSON object")
    version = content.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        return Failure("its schemaVersion is not 2")
    if content.get("mediaType", media_type) != media_type:
        inner = str(content["mediaType"])[:_LONGEST_TEXT]
        return Failure(f"its content has the media type {inner!r}, but its Content-Type is {media_type!r}")
    # Content that can be read both ways would be one image for us and another one for somebody else.
    foreign = ("config", "layers") if media_type in INDEX_TYPES else ("manifests",)
    for key in foreign:
        if key in content:
            return Failure(f"its content has {key!r}, which does not belong to {media_type!r}")
    return Success(content)


def _manifest(descriptor: Descriptor, content: _Object) -> Result[Manifest, str]:
    if descriptor.is_index:
        return _platforms(content.get("manifests")).map(lambda found: Manifest(descriptor, None, found))
    return _config(content.get("config")).map(lambda config: Manifest(descriptor, config, ()))


def _config(config: object) -> Result[Descriptor, str]:
    fields = config if isinstance(config, dict) else {}
    media_type, digest, size = fields.get("mediaType"), fields.get("digest"), fields.get("size")
    parsed = unwrap_or_failure(Digest.parse(digest if isinstance(digest, str) else ""))
    is_size = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    if not (isinstance(media_type, str) and isinstance(parsed, Digest) and is_size):
        return Failure("its 'config' is no descriptor with media type, SHA-256 digest and size")
    return Success(Descriptor(media_type, parsed, int(str(size))))


def _platforms(manifests: object) -> Result[tuple[str, ...], str]:
    if not isinstance(manifests, list):
        return Failure("its 'manifests' is no list")
    names: dict[str, None] = {}
    for entry in manifests:
        platform = entry.get("platform") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(platform, (dict, type(None))):
            return Failure("its 'manifests' has an entry that is no descriptor")
        name = (
            "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))
            if platform
            else ""
        )
        if name in ("", "unknown/unknown"):  # an attestation, or an entry for no platform
            continue
        if not isinstance(unwrap_or_failure(Platform.parse(name)), Platform):
            return Failure(f"its 'manifests' has the malformed platform {name[:_LONGEST_TEXT]!r}")
        names[name] = None
    return Success(tuple(names))


MOST_PAGES: Final = 100
_NEXT: Final = re.compile(r"""<([^<>]*)>[^,<]*;\s*rel="?next"?(?:[\s;,]|$)""", re.IGNORECASE)


def fallback_tag(digest: Digest) -> str:
    """The tag under which registries without the referrers API keep the list."""
    return digest.text.replace(":", "-")


def read_referrers(answer: HttpAnswer) -> Result[tuple[Referrer, ...], str]:
    """The referrers in a 200 answer, or why it cannot be trusted."""
    kind = (answer.header("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != OCI_INDEX:
        return Failure(f"its media type is {kind[:200]!r}, and not an index's")
    return parse_referrers(answer.body)


def parse_referrers(body: bytes) -> Result[tuple[Referrer, ...], str]:
    """The referrers in an index."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return Failure("its content is no JSON")
    listed = content.get("manifests") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        return Failure("its content has no list 'manifests'")
    found = [_referrer(entry) for entry in listed]
    complete = tuple(entry for entry in found if entry is not None)
    return Success(complete) if len(complete) == len(found) else Failure("its 'manifests' has an entry that is none")


def next_page(answer: HttpAnswer) -> str | None:
    """Where the list goes on (RFC 8288), relative to this answer's URL; None at its end."""
    found = (_NEXT.search(value) for value in answer.header_values("Link"))
    return next((match[1] for match in found if match is not None), None)


def _referrer(entry: object) -> Referrer | None:
    fields: Mapping[str, object] = entry if isinstance(entry, dict) else {}
    media_type, size, kind = fields.get("mediaType"), fields.get("size"), fields.get("artifactType", "")
    digest = fields.get("digest")
    parsed = unwrap_or_failure(Digest.parse(digest if isinstance(digest, str) else ""))
    if not isinstance(parsed, Digest) or not isinstance(media_type, str) or not isinstance(kind, str):
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return None
    return Referrer(Descriptor(media_type, parsed, size), kind)

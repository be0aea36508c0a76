"""Manifests, indexes and lists of referrers in a registry's answers, and whether they can be trusted.

OCI Distribution Specification, "Pulling manifests" and "Listing Referrers"; OCI Image Specification, manifests and
indexes; Docker's schema 2.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from image_builder_domain.image.descriptor import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    Descriptor,
    HeldManifest,
    Manifest,
    Referrer,
)
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer

ACCEPT: Final = ", ".join(MANIFEST_TYPES)
"""All four types in one header: a registry that misses one converts the image, or picks a platform by itself."""

LARGEST_MANIFEST: Final = 4 * 1024 * 1024
MOST_PAGES: Final = 100

_Object: TypeAlias = Mapping[str, object]
_LONGEST_TEXT: Final = 200
_UNSPECIFIC: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})
_NAMES_OF_PLATFORM: Final = re.compile(r"[A-Za-z0-9._-]{1,40}(?:/[A-Za-z0-9._-]{1,40}){0,2}")
_NEXT: Final = re.compile(r"""<([^<>]*)>[^,<]*;\s*rel="?next"?(?:[\s;,]|$)""", re.IGNORECASE)


def read_manifest(answer: HttpAnswer, requested: Digest | None) -> Result[Manifest, str]:
    """The manifest in a 200 answer, or why it cannot be trusted."""
    return Result.do(
        manifest
        for digest in _digest(answer, requested)
        for media_type in _manifest_type(answer)
        for content in _content(answer.body, media_type)
        for manifest in _manifest(Descriptor(media_type, digest, len(answer.body)), content)
    )


def read_held_manifest(answer: HttpAnswer, requested: Digest | None) -> Result[HeldManifest, str]:
    """The same with its exact bytes, and with what an index lists."""
    return read_manifest(answer, requested).bind(lambda manifest: hold_manifest(manifest, answer.body))


def hold_manifest(manifest: Manifest, content: bytes) -> Result[HeldManifest, str]:
    """A valid manifest with its bytes, or what is wrong with the list of an index."""
    fields = json_object(content).value_or({})
    children = _descriptors(fields.get("manifests", []))
    if children is None:
        return Failure("its 'manifests' has an entry that is not a descriptor")
    listed: object = fields.get("annotations")
    annotations = listed if isinstance(listed, dict) else {}
    texts = tuple((name, text) for name, text in annotations.items() if isinstance(text, str))
    return Success(HeldManifest(manifest, content, children, texts))


def fallback_tag(digest: Digest) -> str:
    """The tag that holds the list of referrers in a registry without the referrers API."""
    return digest.text.replace(":", "-")


def read_referrers(answer: HttpAnswer) -> Result[tuple[Referrer, ...], str]:
    """The referrers in a 200 answer, or why it cannot be trusted."""
    if answer.media_type != OCI_INDEX:
        return Failure(f"its media type is {answer.media_type[:_LONGEST_TEXT]!r}, not {OCI_INDEX!r}")
    return parse_referrers(answer.body)


def parse_referrers(body: bytes) -> Result[tuple[Referrer, ...], str]:
    """The referrers in an index."""
    content = unwrap_or_failure(json_object(body, strict=True))
    if isinstance(content, str):
        return Failure(f"its content {content}")
    listed = content.get("manifests")
    if not isinstance(listed, list):
        return Failure("its content has no list 'manifests'")
    found = [_referrer(entry) for entry in listed]
    valid = tuple(entry for entry in found if entry is not None)
    return Success(valid) if len(valid) == len(found) else Failure("its 'manifests' has an entry that is not valid")


def next_page(answer: HttpAnswer) -> str | None:
    """The URL of the next page of the list (RFC 8288), relative to this answer's; None on the last page."""
    found = (_NEXT.search(value) for value in answer.header_values("Link"))
    return next((match[1] for match in found if match is not None), None)


def _digest(answer: HttpAnswer, requested: Digest | None) -> Result[Digest, str]:
    digest = Digest(f"sha256:{hashlib.sha256(answer.body).hexdigest()}")
    claimed = (answer.header("Docker-Content-Digest") or "").strip()
    algorithm = "sha512" if claimed.startswith("sha512:") else "sha256"
    if claimed and claimed != f"{algorithm}:{hashlib.new(algorithm, answer.body).hexdigest()}":
        return Failure(f"its header claims the digest {claimed[:_LONGEST_TEXT]}, but its content has {digest}")
    if requested is not None and requested != digest:
        return Failure(f"{requested} was requested, but its content has {digest}")
    return Success(digest)


def _manifest_type(answer: HttpAnswer) -> Result[str, str]:
    media_type = answer.media_type
    if media_type in _UNSPECIFIC:  # some registries leave it to the content to say what it is
        media_type = str(json_object(answer.body).value_or({}).get("mediaType", media_type))
    if media_type in MANIFEST_TYPES:
        return Success(media_type)
    return Failure(f"its media type {media_type[:_LONGEST_TEXT]!r} is not a known image manifest or index")


def _content(body: bytes, media_type: str) -> Result[_Object, str]:
    content = unwrap_or_failure(json_object(body, strict=True))
    if isinstance(content, str):
        return Failure(f"its content {content}")
    version = content.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        return Failure("its schemaVersion is not 2")
    if (content.get("mediaType") or media_type) != media_type:
        inner = str(content["mediaType"])[:_LONGEST_TEXT]
        return Failure(f"its content has the media type {inner!r}, but its Content-Type is {media_type!r}")
    # A client that reads such content as the other type would see another image.
    foreign = ("config", "layers") if media_type in INDEX_TYPES else ("manifests",)
    for key in foreign:
        if content.get(key) is not None:
            return Failure(f"its content has {key!r}, which does not belong to {media_type!r}")
    return Success(content)


def _manifest(descriptor: Descriptor, content: _Object) -> Result[Manifest, str]:
    if descriptor.is_index:
        return _platforms(content.get("manifests")).map(lambda platforms: Manifest(descriptor, None, platforms))
    config = parse_descriptor(content.get("config"))
    if config is None:
        return Failure("its 'config' is not a descriptor with media type, SHA-256 digest and size")
    return Success(Manifest(descriptor, config, ()))


def parse_descriptor(value: object) -> Descriptor | None:
    """The descriptor in an entry of a manifest; None if it is not one."""
    fields: _Object = value if isinstance(value, dict) else {}
    media_type, digest, size = fields.get("mediaType"), fields.get("digest"), fields.get("size")
    parsed = unwrap_or_failure(Digest.parse(digest if isinstance(digest, str) else ""))
    if not isinstance(media_type, str) or not isinstance(parsed, Digest):
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        return None
    return Descriptor(media_type, parsed, size)


def _descriptors(entries: object) -> tuple[Descriptor, ...] | None:
    """All entries of a list; None if it is not a list of descriptors."""
    if not isinstance(entries, list):
        return None
    found = [parse_descriptor(entry) for entry in entries]
    return None if None in found else tuple(one for one in found if one is not None)


def _referrer(entry: object) -> Referrer | None:
    descriptor, kind = parse_descriptor(entry), entry.get("artifactType", "") if isinstance(entry, dict) else None
    return Referrer(descriptor, kind) if descriptor is not None and isinstance(kind, str) else None


def _platforms(manifests: object) -> Result[tuple[str, ...], str]:
    if not isinstance(manifests, list):
        return Failure("its 'manifests' is not a list")
    names: dict[str, None] = {}
    for entry in manifests:
        platform = (entry.get("platform") or {}) if isinstance(entry, dict) else None
        if not isinstance(platform, dict):
            return Failure("its 'manifests' has an entry that is not a descriptor")
        name = "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))
        if name in ("", "unknown/unknown"):  # an attestation, or an entry without a platform
            continue
        is_whole = isinstance(unwrap_or_failure(Platform.parse(name)), Platform)
        if is_whole or _NAMES_OF_PLATFORM.fullmatch(name):  # others are left out: platforms are only shown
            names[name] = None
    return Success(tuple(names))

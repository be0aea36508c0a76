"""What refers to an image, such as its signatures: OCI Distribution Specification, "Listing Referrers"."""

import json
import re
from collections.abc import Mapping
from typing import Final

from image_builder_domain.image.descriptor import OCI_INDEX, Descriptor, Referrer
from image_builder_domain.image.reference import Digest
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer

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

"""What ``cosign`` says, judged; pure. Its exit codes tell little, so some of this reads its messages."""

import json
import re
from collections.abc import Iterable
from typing import Final

from image_builder_domain.image.reference import Digest

LARGEST_REASON = 1000
NOT_SIGNED: Final = frozenset({10, 11})
"""Exit codes of ``verify``: no signature, no such place. Another writer may have overwritten ours."""

_TRANSIENT: Final = re.compile(
    r"connection (refused|reset)|i/o timeout|handshake timeout|deadline exceeded|no such host|network is unreachable"
    r"|server misbehaving|unexpected EOF|broken pipe|status code (408|429|5\d\d)\b|\b(TOOMANYREQUESTS|UNAVAILABLE)\b",
    re.IGNORECASE,
)


def names_digest(lines: Iterable[str], digest: Digest) -> bool:
    """Whether ``verify --output json`` says that a signature is for this digest."""
    return any(digest.text in _digests(line) for line in lines if line.startswith("["))


def is_transient(lines: Iterable[str]) -> bool:
    """Whether this looks like trouble on the way that may be gone soon."""
    return any(_TRANSIENT.search(line) for line in lines)


def reason_of(lines: tuple[str, ...]) -> str:
    """The error in one line without control characters; the last line when none is marked as one."""
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")] or [
        line for line in lines if line.strip()
    ]
    words = " ".join("".join(c if c.isprintable() else " " for c in (told[-1] if told else "")).split())
    # Azure Pipelines obeys '##vso[' anywhere in a line, GitHub Actions '::' at its beginning.
    return words.replace("##", "# #").replace("::", ": :")[:LARGEST_REASON] or "it said nothing"


def _digests(line: str) -> list[object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [_at(_at(_at(one, "critical"), "image"), "docker-manifest-digest") for one in found]


def _at(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None

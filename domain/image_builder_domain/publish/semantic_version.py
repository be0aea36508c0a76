"""Semantic versions, as git tags name releases: ``v1.2.3`` and ``1.2.3-rc.1`` (Semantic Versioning 2.0.0)."""

import re
from dataclasses import dataclass, field
from typing import Self, final

_PARTS = r"(?:0|[1-9]\d{0,17}|\d*[A-Za-z-][0-9A-Za-z-]*)"
_NUMBER = r"(0|[1-9]\d{0,17})"
_VERSION = (
    rf"v?({_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PARTS}(?:\.{_PARTS})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)"
)
_LONGEST = 255


@final
@dataclass(frozen=True, slots=True)
class SemanticVersion:
    """A version. ``text`` is without the ``v``, ``prerelease`` is empty for a release."""

    text: str
    numbers: tuple[int, int, int] = field(compare=False)
    prerelease: tuple[str, ...] = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a version with or without ``v``; None for any other text, such as ``v1.2`` or ``1.2.3.4``."""
        found = re.fullmatch(_VERSION, text, re.ASCII) if len(text) <= _LONGEST else None
        if found is None:
            return None
        numbers = (int(found[2]), int(found[3]), int(found[4]))
        return cls(found[1], numbers, tuple(found[5].split(".")) if found[5] else ())

    @property
    def is_prerelease(self) -> bool:
        """True for a version such as ``1.2.3-rc.1``."""
        return bool(self.prerelease)

    def is_lower_than(self, other: "SemanticVersion") -> bool:
        """Whether ``other`` has the higher precedence. Build metadata (``+build``) does not count."""
        return self._precedence() < other._precedence()

    def _precedence(self) -> tuple[object, ...]:
        """Numbers come before words, and a prerelease before its release."""
        parts = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in self.prerelease)
        return (self.numbers, not self.prerelease, parts)

    def __str__(self) -> str:
        return self.text

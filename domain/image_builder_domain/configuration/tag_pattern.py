"""Patterns of tags: the entries of ``moving-tags`` and ``immutable-tags``."""

from dataclasses import dataclass
from typing import Any, Final, Self, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read

_CHARACTERS: Final = r"[A-Za-z0-9_.*-]{1,128}"


@final
@dataclass(frozen=True, slots=True)
class TagPattern:
    """The text of a tag, in which ``*`` stands for any characters, also for none."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Result[Self, str]:
        """Accept the characters of tags and ``*``."""
        import re

        if re.fullmatch(_CHARACTERS, text):
            return Success(cls(text))
        return Failure(f"{text[:80]!r} is not a pattern of tags")

    def matches(self, tag: str) -> bool:
        """True when the whole tag matches. Each piece is taken at its first place, so that nothing backtracks."""
        first, *pieces = self.text.split("*")
        if not pieces:
            return tag == first
        last = pieces.pop()
        if not tag.startswith(first) or not tag.endswith(last) or len(tag) < len(first) + len(last):
            return False
        between = tag[len(first) : len(tag) - len(last)]
        for piece in pieces:
            _, found, between = between.partition(piece) if piece else ("", "*", between)
            if not found:
                return False
        return True


LATEST: Final = (TagPattern("latest"),)
"""The default of ``moving-tags``."""


def _patterns() -> read.Decoder[tuple[TagPattern, ...]]:
    pattern = read.text.parsed(TagPattern.parse, "write a tag, in which * stands for any characters")
    item = read.Decoder(pattern.read, lambda: read.text.schema() | {"pattern": f"^{_CHARACTERS}$"})
    return read.one_or_list_of(item, can_be_empty=True)


TAG_PATTERN_KEYS: dict[str, read.Decoder[Any]] = {
    "moving-tags": read.deferred(_patterns).about(
        "Tags that only go forward in registry: an older commit never replaces a newer one.",
        default=[pattern.text for pattern in LATEST],
    ),
    "immutable-tags": read.deferred(_patterns).about("Tags that are written once in registry.", default=[]),
}
"""The decoders of these keys."""

"""Finds which of many secrets occur in a block of output, in a time that hardly depends on how many they are.

A build prints gigabytes, and a job may know hundreds of secrets (each line of a private key is one) in a dozen
encodings each. Looking for one after the other takes about 1 s for each GB and encoding. So every encoding is
represented by an *anchor*, its longest run of letters and digits, and a block is looked at in three steps, each of them
one call into C:

1. Has it any run of letters and digits that is as long as the shortest anchor? Most blocks have none.
2. Of every 8 aligned bytes, taken as a number, is any a part of an anchor? An anchor of 15 bytes or more has 8 aligned
   bytes in it wherever it lies. This leaves next to nothing but secrets.
3. Which encodings of the secrets that these numbers belong to are really there?

Encodings whose anchor is too short for that are looked for one after the other; most of them belong to short passwords.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final, final

_WORD: Final = 8
# The least length at which a run holds a whole aligned word wherever it begins.
_SHORTEST_ANCHOR: Final = 2 * _WORD - 1
_RUNS: Final = re.compile(rb"[0-9A-Za-z]+")
_IS_ALPHANUMERIC: Final = bytes(ord("x") if chr(byte).isalnum() and byte < 128 else ord(" ") for byte in range(256))

Group = tuple[bytes, ...]
"""The encodings of one secret."""


@final
class SecretFinder:
    """Knows groups of encodings; made anew when there are more of them. Safe to use from several threads."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self._words: dict[int, tuple[Group, ...]] = {}
        self._plain: list[tuple[bytes, Group]] = []
        self._run = b""
        self.longest = 0
        shortest: int | None = None
        for group in groups:
            self.longest = max(self.longest, *map(len, group))
            for form in _minimal(group):
                anchor = max(_RUNS.findall(form), key=len, default=b"")
                if len(anchor) < _SHORTEST_ANCHOR:
                    self._plain.append((form, group))
                    continue
                shortest = min(shortest or len(anchor), len(anchor))
                for word in _words(anchor):
                    self._words[word] = (*self._words.get(word, ()), group)
        if shortest is not None:
            self._run = b"x" * shortest
        self._known_words = frozenset(self._words)

    def found(self, data: bytes) -> tuple[bytes, ...]:
        """Every encoding in ``data``, the longest first: so that no rest of one stays when they are replaced."""
        groups = {group for form, group in self._plain if form in data}
        if self._run and self._run in data.translate(_IS_ALPHANUMERIC):
            aligned = memoryview(data)[: len(data) // _WORD * _WORD].cast("Q")
            for word in self._known_words.intersection(aligned):
                groups.update(self._words[word])
        forms = {form for group in groups for form in group if form in data}
        return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _minimal(group: Group) -> Iterator[bytes]:
    """The encodings that hold no other one: where none of these is, none of the others can be."""
    kept: list[bytes] = []
    for form in sorted(group, key=len):
        if not any(other in form for other in kept):
            kept.append(form)
            yield form


def _words(anchor: bytes) -> set[int]:
    return {int.from_bytes(anchor[start : start + _WORD], sys.byteorder) for start in range(len(anchor) - _WORD + 1)}

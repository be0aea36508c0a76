"""Build arguments: ``NAME=value`` pairs that a Dockerfile takes with ``ARG``."""

import re
from dataclasses import dataclass
from typing import final

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_WORDS = re.compile(r"token|secret|password|passwd|credential|key", re.IGNORECASE)


@final
@dataclass(frozen=True, slots=True)
class BuildArgument:
    """One argument; ``value`` is kept byte for byte (surrogate escapes stand for bytes that are no UTF-8)."""

    name: str
    value: str

    @property
    def looks_secret(self) -> bool:
        """True when the name says that the value should be hidden; it is passed all the same, and kept in the image."""
        return _SECRET_WORDS.search(self.name) is not None

    def __str__(self) -> str:
        return f"{self.name}={'***' if self.looks_secret else self.value}"


def is_argument_name(text: str) -> bool:
    """True for the names that a Dockerfile's ``ARG`` can declare."""
    return _NAME.fullmatch(text) is not None

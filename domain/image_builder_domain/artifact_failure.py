"""How writing evidence fails."""

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class ArtifactFailure:
    """A log, report or output file could not be written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: cannot be written: {self.reason}; choose another place, or free some space"

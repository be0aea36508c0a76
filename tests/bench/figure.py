"""One figure: what was measured, what it must be, and the table of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and the most it may be, or the least if ``is_minimum``, both in ``unit``."""

    name: str
    measured: float
    limit: float
    unit: str
    is_minimum: bool = False

    @property
    def holds(self) -> bool:
        return self.measured >= self.limit if self.is_minimum else self.measured <= self.limit

    @property
    def row(self) -> tuple[str, str, str, str]:
        must = f"at {'least' if self.is_minimum else 'most'} {self.limit:g}{self.unit}"
        return self.name, f"{self.measured:.3f}{self.unit}", must, "yes" if self.holds else "NO"


HEAD = ("figure", "measured", "must be", "ok")


def table(figures: Sequence[Figure]) -> str:
    """The figures as lines of Markdown, in aligned columns."""
    rows = [HEAD, *(figure.row for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" if index != 1 else f"|-{line}-|" for index, line in enumerate(lines))

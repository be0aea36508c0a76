"""Problems: what is wrong with the command line, the configuration or the CI environment.

They are collected and reported together, before anything is done. Each says where, what is wrong, and what to do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, Never, TypeAlias, TypeVar, TypeVarTuple, final, overload

from returns.result import Failure, Result, Success

_A = TypeVar("_A")
_B = TypeVar("_B")
_C = TypeVar("_C")
_D = TypeVar("_D")
_E = TypeVar("_E")
_F = TypeVar("_F")
_G = TypeVar("_G")
_H = TypeVar("_H")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


@final
@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to fix. ``where`` is a flag, a variable, or ``file:line:column``."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.what}{remedy}"


Problems: TypeAlias = tuple[Problem, ...]

MOST_PROBLEMS: Final = 100
"""How many problems of one text are reported; a file from a pull request could hold a million."""


def refuse(where: str, what: str, remedy: str = "") -> Result[Never, Problems]:
    """One problem as a failure."""
    return Failure((Problem(where, what, remedy),))


def problems_of(result: Result[Any, Problems]) -> Problems:
    """The problems of a failure; empty for a success."""
    return result.failure() if isinstance(result, Failure) else ()


def located(result: Result[_A, Any], where: str, remedy: str = "") -> Result[_A, Problems]:
    """Give a value's own failure its place."""
    return result.alt(lambda failure: (Problem(where, str(failure), remedy),))


def in_order(problems: Iterable[Problem]) -> Problems:
    """Each problem once, in the order of the lines and columns of their file."""
    return tuple(sorted(dict.fromkeys(problems), key=_line_and_column))


def _line_and_column(problem: Problem) -> tuple[int, int]:
    parts = problem.where.rsplit(":", 2)
    if len(parts) < 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):
        return (0, 0)
    return (int(parts[1]), int(parts[2]))


@final
class Gathered(Generic[*_Ts]):
    """The values of several results, or the problems of all that failed; made by :func:`gather`."""

    __slots__ = ("values",)

    def __init__(self, values: Result[tuple[*_Ts], Problems]) -> None:
        self.values = values

    def map(self, make: Callable[[*_Ts], _T]) -> Result[_T, Problems]:
        """What ``make`` makes of the values."""
        return self.values.map(lambda found: make(*found))

    def bind(self, make: Callable[[*_Ts], Result[_T, Problems]]) -> Result[_T, Problems]:
        """The same for a ``make`` that can fail."""
        return self.values.bind(lambda found: make(*found))


@overload
def gather(a: Result[_A, Problems], b: Result[_B, Problems], /) -> Gathered[_A, _B]: ...
@overload
def gather(a: Result[_A, Problems], b: Result[_B, Problems], c: Result[_C, Problems], /) -> Gathered[_A, _B, _C]: ...
@overload
def gather(
    a: Result[_A, Problems], b: Result[_B, Problems], c: Result[_C, Problems], d: Result[_D, Problems], /
) -> Gathered[_A, _B, _C, _D]: ...
@overload
def gather(
    a: Result[_A, Problems],
    b: Result[_B, Problems],
    c: Result[_C, Problems],
    d: Result[_D, Problems],
    e: Result[_E, Problems],
    /,
) -> Gathered[_A, _B, _C, _D, _E]: ...
@overload
def gather(
    a: Result[_A, Problems],
    b: Result[_B, Problems],
    c: Result[_C, Problems],
    d: Result[_D, Problems],
    e: Result[_E, Problems],
    f: Result[_F, Problems],
    /,
) -> Gathered[_A, _B, _C, _D, _E, _F]: ...
@overload
def gather(
    a: Result[_A, Problems],
    b: Result[_B, Problems],
    c: Result[_C, Problems],
    d: Result[_D, Problems],
    e: Result[_E, Problems],
    f: Result[_F, Problems],
    g: Result[_G, Problems],
    /,
) -> Gathered[_A, _B, _C, _D, _E, _F, _G]: ...
@overload
def gather(
    a: Result[_A, Problems],
    b: Result[_B, Problems],
    c: Result[_C, Problems],
    d: Result[_D, Problems],
    e: Result[_E, Problems],
    f: Result[_F, Problems],
    g: Result[_G, Problems],
    h: Result[_H, Problems],
    /,
) -> Gathered[_A, _B, _C, _D, _E, _F, _G, _H]: ...
def gather(*results: Result[Any, Problems]) -> Any:
    """All values, or the problems of all failures: unlike ``Result.do``, which stops at the first."""
    return Gathered(every(results))


def every(results: Iterable[Result[_A, Problems]]) -> Result[tuple[_A, ...], Problems]:
    """All values in order, or every problem once, in order.

    After :data:`MOST_PROBLEMS` nothing more is read: a file from a pull request may have any number of them.
    """
    values: list[_A] = []
    problems: dict[Problem, None] = {}
    for result in results:
        if not isinstance(result, Failure):
            values.append(result.unwrap())
            continue
        problems.update(dict.fromkeys(result.failure()))
        if len(problems) > MOST_PROBLEMS:
            return Failure(first_problems(problems))
    return Failure(tuple(problems)) if problems else Success(tuple(values))


def first_problems(problems: Iterable[Problem]) -> Problems:
    """Each problem once, in order; of more than :data:`MOST_PROBLEMS` the first ones, and that there are more."""
    found = tuple(dict.fromkeys(problems))
    if len(found) <= MOST_PROBLEMS:
        return found
    kept = found[:MOST_PROBLEMS]
    return (*kept, Problem(kept[-1].where, f"only the first {MOST_PROBLEMS} problems are listed", "fix these first"))


# --- hints: the nearest known word ------------------------------------------------------------------------------------

_MOST_SHOWN: Final = 16
_MOST_COMPARED, _LONGEST_COMPARED, _MOST_HINTS = 1_000, 64, 50
_NONE_IS_LIKE_IT: Final = "check its spelling; no known name is similar"
_CHECK: Final = "check its spelling"


def nearest(word: str, known: Iterable[str], before: int = 0) -> str:
    """A hint that names the known word most similar to ``word``, or all known words if they are few.

    Comparing costs time, and a file from a pull request may hold any number of mistakes: a word of more than 64
    characters is not compared, nor are more than 1,000 known words. ``before`` counts the mistakes of the same text
    that were reported before this one; after 50 of them, nothing is compared any more.
    """
    names = sorted(islice(known, _MOST_COMPARED + 1)) if before < _MOST_HINTS else None
    if names is None or len(names) > _MOST_COMPARED or len(word) > _LONGEST_COMPARED:
        return _CHECK
    if not names:
        return "there are none here; remove it"
    from difflib import get_close_matches  # only a mistake pays for it

    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(names)}" if len(names) <= _MOST_SHOWN else _NONE_IS_LIKE_IT

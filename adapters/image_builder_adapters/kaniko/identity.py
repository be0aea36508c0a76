"""Which users a build's root has: root and everybody else, each mapped to somebody outside.

Root maps everybody to himself, as far as he has them. An ordinary user becomes root inside, and needs others to be
everybody else: files of an image belong to many users. Administrators lend him those in ``/etc/subuid`` and
``/etc/subgid`` (``subuid(5)``), and newuidmap hands them out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.build import EngineMissing
from returns.result import Failure, Result, Success

from image_builder_adapters.process import find_program

IdentityMap = tuple[tuple[int, int, int], ...]
"""Lines of ``uid_map``: first inside, first outside, how many."""

_ENOUGH: Final = 65536
_LENT: Final = ("/etc/subuid", "/etc/subgid")


@final
@dataclass(frozen=True, slots=True)
class Identities:
    """The maps, and the programs that write them; None when we may do so ourselves."""

    users: IdentityMap
    groups: IdentityMap
    helpers: tuple[str, str] | None = None


def identities_of_root(process: str = "/proc/self") -> Identities:
    """Everybody whom we have in our own namespace stays who he is."""
    return Identities(_same(f"{process}/uid_map"), _same(f"{process}/gid_map"))


def identities_of_user(
    user: int, group: int, name: str, environment: Mapping[str, str], lent: tuple[str, str] = _LENT
) -> Result[Identities, EngineMissing]:
    """Root inside is ``user``; everybody else is lent to him. Starts nothing."""
    programs = tuple(find_program(program, environment) for program in ("newuidmap", "newgidmap"))
    if programs[0] is None or programs[1] is None:
        return Failure(EngineMissing("newuidmap", "install the package uidmap: kaniko needs it when not run as root"))
    maps = tuple(_lent(file, (name, str(user)), own) for file, own in zip(lent, (user, group), strict=True))
    for file, found in zip(lent, maps, strict=True):
        if len(found) < 2:
            remedy = f"let an administrator run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
            what = f"lends {name} no {_ENOUGH} identities, which kaniko needs when not run as root"
            return Failure(EngineMissing(file, remedy, what))
    return Success(Identities(maps[0], maps[1], (programs[0], programs[1])))


def _same(path: str) -> IdentityMap:
    with open(path, encoding="ascii") as file:
        lines = [tuple(map(int, line.split())) for line in file]
    return tuple((first, first, count) for first, _, count in lines)


def _lent(path: str, names: tuple[str, str], own: int) -> IdentityMap:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            ranges = list(_ranges(file, names))
    except OSError:
        ranges = []
    found = next((first for first, count in ranges if count >= _ENOUGH), None)
    return ((0, own, 1),) if found is None else ((0, own, 1), (1, found, _ENOUGH))


def _ranges(lines: Iterable[str], names: tuple[str, str]) -> Iterable[tuple[int, int]]:
    for line in lines:
        name, _, numbers = line.strip().partition(":")
        first, _, count = numbers.partition(":")
        if name in names and first.isdecimal() and count.isdecimal():
            yield int(first), int(count)

"""A root of its own for one build, outside a container: its users, what it shows, and the run in it.

Root maps every user to itself, as far as its own namespace has that user. An ordinary user becomes root inside. The
files of an image belong to many users, so the others are mapped to the ranges that administrators assign in
``/etc/subuid`` and ``/etc/subgid`` (``subuid(5)``), by newuidmap and newgidmap.
"""

import json
import os
import pwd
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from image_builder_domain.build import EngineMissing
from image_builder_domain.ports import Cancellation, OutputSink
from returns.result import Failure, Result, Success

from image_builder_adapters.kaniko.environment import INSIDE, own_root_environment
from image_builder_adapters.process import Command, Ending, find_program, run

if TYPE_CHECKING:
    from image_builder_adapters.kaniko.supervisor import Order

CONTEXT: Final = f"{INSIDE}/buildcontext"
"""Where the context is, read-only. It hides no folder of an image."""

EXECUTOR: Final = f"{INSIDE}/executor"
LAYOUT: Final = f"{INSIDE}/layout"
_DIGEST: Final = f"{INSIDE}/digest"
_REMOVED_WITHIN: Final = 5.0
_CERTIFICATES: Final = f"{INSIDE}/ssl/certs"
# Where Go, and so the executor outside, looks for the system's authorities (crypto/x509, root_linux.go).
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_SUPERVISOR: Final = (sys.executable, "-I", "-m", "image_builder_adapters.kaniko.supervisor")
_LONGEST_REPORT: Final = 4096
_ENOUGH: Final = 65536
_RANGES: Final = ("/etc/subuid", "/etc/subgid")

IdentityMap = tuple[tuple[int, int, int], ...]
"""Lines of ``uid_map``: first inside, first outside, count."""


@final
@dataclass(frozen=True, slots=True)
class Identities:
    """The maps, and the programs that write them. None if this process may write them itself."""

    users: IdentityMap
    groups: IdentityMap
    helpers: tuple[str, str] | None = None


@final
@dataclass(frozen=True, slots=True)
class NoOwnRoot:
    """The machine does not allow one. Nothing was run."""

    reason: str


@final
@dataclass(frozen=True, slots=True)
class Ran:
    """How the executor ended, and the digest that it wrote, empty without one.

    ``layout`` is a folder and the path of the OCI layout below it, which need not exist. It is there as long as the
    block that gave this.
    """

    ending: Ending
    digest: str
    layout: tuple[str, str]


def identities(environment: Mapping[str, str], user: int) -> Result[Identities, EngineMissing]:
    """The users of the root, or what an ordinary user lacks for it. Starts nothing."""
    if user == 0:
        return Success(identities_of_root())
    name = str(user)
    with suppress(KeyError):
        name = pwd.getpwuid(user).pw_name
    return identities_of_user(user, os.getegid(), name, environment)


def identities_of_root(process: str = "/proc/self") -> Identities:
    """Every user and group of this process's namespace, mapped to itself."""
    return Identities(_same(f"{process}/uid_map"), _same(f"{process}/gid_map"))


def identities_of_user(
    user: int, group: int, name: str, environment: Mapping[str, str], files: tuple[str, str] = _RANGES
) -> Result[Identities, EngineMissing]:
    """``user`` as root, and a range of the file for everybody else. Starts nothing."""
    users, groups = find_program("newuidmap", environment), find_program("newgidmap", environment)
    if users is None or groups is None:
        return Failure(EngineMissing("newuidmap", "install the package uidmap: kaniko needs it when not run as root"))
    maps = []
    for file, own in zip(files, (user, group), strict=True):
        first = _first_of_range(file, (name, str(user)))
        if first is None:
            remedy = f"let an administrator run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}"
            what = f"assigns {name} no {_ENOUGH} identities, which kaniko needs when not run as root"
            return Failure(EngineMissing(file, remedy, what))
        maps.append(((0, own, 1), (1, first, _ENOUGH)))
    return Success(Identities(maps[0], maps[1], (users, groups)))


@contextmanager
def run_in_own_root(
    executor: str,
    arguments: tuple[str, ...],
    context: str,
    environment: Mapping[str, str],
    user: int,
    output: OutputSink,
    cancellation: Cancellation,
    login: bytes = b"{}",
) -> Iterator[Ran | NoOwnRoot]:
    """Run the executor in a root that shows only ``context``, what it needs to reach registries, and the network.

    ``login`` is the content of Docker's ``config.json``, which stays in memory. The root is removed at the end of the
    block. Nothing of it is left, even if this process is killed.
    """
    known = identities(environment, user)
    if isinstance(known, Failure):
        yield NoOwnRoot(str(known.failure()))
        return
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            binds = ((executor, EXECUTOR, False), (context, CONTEXT, False))
            ran = _run(arguments, binds, environment, known.unwrap(), login, output, cancellation, theirs.fileno())
        try:
            yield ran
        finally:
            ours.settimeout(_REMOVED_WITHIN)
            with suppress(OSError):
                ours.shutdown(socket.SHUT_WR)
                ours.recv(1)  # returns when the janitor, which has the other end, has ended


def _run(
    arguments: tuple[str, ...],
    binds: tuple[tuple[str, str, bool], ...],
    environment: Mapping[str, str],
    known: Identities,
    login: bytes,
    output: OutputSink,
    cancellation: Cancellation,
    janitor: int,
) -> Ran | NoOwnRoot:
    try:
        with open(os.memfd_create("report"), "rb") as report, open(os.memfd_create("login"), "r+b", 0) as secret:
            secret.write(login)
            descriptors = (report.fileno(), janitor, secret.fileno())
            order = _order(_place(environment), [*binds, *_surroundings(environment)], known, descriptors)
            inside = own_root_environment(environment, _certificate_folders(environment))
            words = (*_SUPERVISOR, json.dumps(order), EXECUTOR, *arguments, f"--digest-file={_DIGEST}")
            command = Command(words, inside, descriptors=descriptors)
            ending = run(command, output, cancellation)
            word, _, text = os.pread(report.fileno(), _LONGEST_REPORT, 0).decode("utf-8", "replace").partition(" ")
    except OSError as error:
        return NoOwnRoot(f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}")
    if word == "refused":
        return NoOwnRoot(text)
    root, _, digest = text.partition("\n")
    return Ran(ending, digest.strip(), (root, LAYOUT))


def _same(path: str) -> IdentityMap:
    with open(path, encoding="ascii") as file:
        lines = [tuple(map(int, line.split())) for line in file]
    return tuple((first, first, count) for first, _, count in lines)


def _first_of_range(path: str, names: tuple[str, str]) -> int | None:
    """The first number of a range that the file assigns to one of the names and that is large enough."""
    with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        return next((first for first, count in _ranges(file, names) if count >= _ENOUGH), None)
    return None


def _ranges(lines: Iterable[str], names: tuple[str, str]) -> Iterator[tuple[int, int]]:
    for line in lines:
        name, _, numbers = line.strip().partition(":")
        first, _, count = numbers.partition(":")
        if name in names and first.isdecimal() and count.isdecimal():
            yield int(first), int(count)


def _place(environment: Mapping[str, str]) -> str:
    """The folder for roots, on a disk: an image can be larger than the memory that holds /tmp on some machines."""
    usual = "/var/tmp" if os.access("/var/tmp", os.W_OK) else "/tmp"  # noqa: S108 (made private and unique by mkdtemp)
    place = os.path.abspath(environment.get("TMPDIR") or usual)
    if os.statvfs(place).f_flag & os.ST_NOEXEC:
        raise OSError(f"no program may run in {place}; set TMPDIR to another folder")
    return place


def _order(
    place: str, binds: list[tuple[str, str, bool]], known: Identities, descriptors: tuple[int, int, int]
) -> "Order":
    report, janitor, login = descriptors
    return {
        "place": place,
        "binds": binds,
        "users": known.users,
        "groups": known.groups,
        "helpers": known.helpers,
        "report": report,
        "janitor": janitor,
        "result": _DIGEST,
        "login": login,
        "login_file": f"{INSIDE}/.docker/config.json",
    }


def _surroundings(environment: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """The names of hosts and certificate authorities, as far as they exist."""
    files = [(f"/etc/{name}", f"/etc/{name}") for name in ("resolv.conf", "hosts")]
    bundle = environment.get("SSL_CERT_FILE") or next(filter(os.path.isfile, _BUNDLES), "")
    files.append((bundle, f"{_CERTIFICATES}/ca-certificates.crt"))
    files += zip(_own_folders(environment), _certificate_folders(environment)[1:], strict=True)
    return ((os.path.realpath(source), target, False) for source, target in files if os.path.exists(source))


def _certificate_folders(environment: Mapping[str, str]) -> tuple[str, ...]:
    return (_CERTIFICATES, *(f"{INSIDE}/ssl/certs-{number}" for number in range(len(_own_folders(environment)))))


def _own_folders(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(filter(None, environment.get("SSL_CERT_DIR", "").split(":")))

"""A root of its own for one build, outside a container: what is shown in it, and the run itself."""

import json
import os
import pwd
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.build import EngineMissing
from image_builder_domain.ports import Cancellation, OutputSink
from returns.result import Failure, Result, Success

from image_builder_adapters.kaniko.environment import INSIDE, own_root_environment
from image_builder_adapters.kaniko.identity import Identities, identities_of_root, identities_of_user
from image_builder_adapters.process import Command, Ending, run

CONTEXT: Final = f"{INSIDE}/buildcontext"
"""Where the context is, read-only. No folder of an image is hidden by it."""

EXECUTOR: Final = f"{INSIDE}/executor"
_DIGEST: Final = f"{INSIDE}/digest"
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
_LONGEST_REPORT: Final = 4096
_LONGEST_CONFIGURATION: Final = 1024 * 1024
_HELPERS_NOTE: Final = (
    b"image-builder: credential helpers of Docker's config.json cannot be run in the build's own root; "
    b"kaniko knows what stands under auths\n"
)

Bind = tuple[str, str, bool]
"""Source outside, target inside, whether it may be written."""


@final
@dataclass(frozen=True, slots=True)
class NoOwnRoot:
    """This machine does not let us have one; nothing was run."""

    reason: str


@final
@dataclass(frozen=True, slots=True)
class Ran:
    """How the executor ended, and what it wrote as the digest, empty when nothing."""

    ending: Ending
    digest: str


def identities(environment: Mapping[str, str], user: int) -> Result[Identities, EngineMissing]:
    """Whom the root will know; what an ordinary user lacks for it. Starts nothing."""
    if user == 0:
        return Success(identities_of_root())
    name = str(user)
    with suppress(KeyError):
        name = pwd.getpwuid(user).pw_name
    return identities_of_user(user, os.getegid(), name, environment)


def run_in_own_root(
    executor: str,
    arguments: tuple[str, ...],
    context: str,
    environment: Mapping[str, str],
    user: int,
    output: OutputSink,
    cancellation: Cancellation,
) -> Ran | NoOwnRoot:
    """Run the executor where nothing of the host can be seen but ``context``, what it needs to reach registries, and
    the network. Nothing of it is left afterwards, however it or we end."""
    known = identities(environment, user)
    if isinstance(known, Failure):
        return NoOwnRoot(str(known.failure()))
    binds = ((executor, EXECUTOR, False), (context, CONTEXT, False), *_surroundings(environment))
    inside = own_root_environment(environment, _certificate_folders(environment))
    words = (EXECUTOR, *arguments, f"--digest-file={_DIGEST}")
    if _asks_helpers(environment):
        output(_HELPERS_NOTE)
    try:
        with open(os.memfd_create("report"), "rb") as report:
            order = _order(_place(environment), binds, known.unwrap(), report.fileno())
            supervisor = (sys.executable, "-I", "-m", "image_builder_adapters.kaniko.supervisor", order)
            command = Command((*supervisor, *words), inside, descriptors=(report.fileno(),))
            return _told(report.fileno(), run(command, output, cancellation))
    except OSError as error:
        return NoOwnRoot(f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}")


def _place(environment: Mapping[str, str]) -> str:
    """Where roots are made: on a disk, for images can be larger than memory, where /tmp may be."""
    usual = "/var/tmp" if os.access("/var/tmp", os.W_OK) else "/tmp"  # noqa: S108 (made private and unique by mkdtemp)
    place = os.path.abspath(environment.get("TMPDIR") or usual)
    if os.statvfs(place).f_flag & os.ST_NOEXEC:
        raise OSError(f"no program may run in {place}; set TMPDIR to another folder")
    return place


def _order(place: str, binds: tuple[Bind, ...], known: Identities, report: int) -> str:
    return json.dumps(
        {
            "place": place,
            "binds": binds,
            "users": known.users,
            "groups": known.groups,
            "helpers": known.helpers,
            "report": report,
            "result": _DIGEST,
        }
    )


def _told(report: int, ending: Ending) -> Ran | NoOwnRoot:
    os.lseek(report, 0, os.SEEK_SET)
    word, _, text = os.read(report, _LONGEST_REPORT).decode("utf-8", "replace").partition(" ")
    return NoOwnRoot(text) if word == "refused" else Ran(ending, text.strip())


def _surroundings(environment: Mapping[str, str]) -> Iterator[Bind]:
    """The names of hosts, certificate authorities and registry credentials, where there are any."""
    files = [(f"/etc/{name}", f"/etc/{name}") for name in ("resolv.conf", "hosts")]
    files.append((_docker_configuration(environment), f"{INSIDE}/.docker/config.json"))
    bundle = environment.get("SSL_CERT_FILE") or next(filter(os.path.isfile, _BUNDLES), "")
    files.append((bundle, f"{_CERTIFICATES}/ca-certificates.crt"))
    files += zip(_own_folders(environment), _certificate_folders(environment)[1:], strict=True)
    return ((os.path.realpath(source), target, False) for source, target in files if os.path.exists(source))


def _docker_configuration(environment: Mapping[str, str]) -> str:
    folder = environment.get("DOCKER_CONFIG") or os.path.join(environment.get("HOME") or "/", ".docker")
    return os.path.join(folder, "config.json")


def _asks_helpers(environment: Mapping[str, str]) -> bool:
    """Whether Docker's configuration leaves credentials to programs, which the root does not hold."""
    try:
        with open(_docker_configuration(environment), "rb") as file:
            content = json.loads(file.read(_LONGEST_CONFIGURATION))
    except (OSError, ValueError, RecursionError):
        return False  # absent, or for the registry's own check to tell
    return isinstance(content, dict) and bool(content.get("credsStore") or content.get("credHelpers"))


def _certificate_folders(environment: Mapping[str, str]) -> tuple[str, ...]:
    own = range(len(_own_folders(environment)))
    return (_CERTIFICATES, *(f"{INSIDE}/ssl/certs-{number}" for number in own))


def _own_folders(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(filter(None, environment.get("SSL_CERT_DIR", "").split(":")))

"""The program ``cosign``: how it is run, with which registry credentials, and what its output means.

Its exit codes say little, so some rules here read its messages. Its output is never shown as it is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_value
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.console_text import single_line
from image_builder_adapters.cosign.command import Files, Subject, cosign_environment
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.process import Command, CouldNotStart, Finished, Tail, run
from image_builder_adapters.registry.docker_config import DockerCredentials, docker_configuration

LARGEST_REASON: Final = 1000
"""Characters."""

NOT_SIGNED: Final = frozenset({10, 11})
"""Exit codes of ``verify``: no signature, no such reference. Another writer may have overwritten our signature."""

_LONGEST_SECONDS: Final = 180.0
_LONGEST_LOCAL_SECONDS: Final = 30.0
# An image that was signed a thousand times has as many entries, all in one line.
_LARGEST_OUTPUT: Final = 8 * 1024 * 1024
_TRANSIENT: Final = re.compile(
    r"connection (refused|reset)|i/o timeout|handshake timeout|deadline exceeded|no such host|network is unreachable"
    r"|server misbehaving|unexpected EOF|broken pipe|status code (408|429|5\d\d)\b|\b(TOOMANYREQUESTS|UNAVAILABLE)\b",
    re.IGNORECASE,
)


@final
@dataclass(frozen=True, slots=True)
class Exited:
    """An exit of its own. ``lines`` is the end of its output, errors and results in the order they were written."""

    code: int
    lines: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class CosignFailure:
    """Why an image is not signed or not verified; ``transient`` if another attempt may succeed."""

    reason: str
    transient: bool = False


@final
class CosignClient:
    """Runs ``cosign`` for one image at a time, with the credentials that Image Builder itself uses for the registry.

    cosign looks in fewer places, reads the first file only, and ignores entries of ``auths`` for a namespace, so it
    could not sign some images that were pushed. ``environment`` is the tool's own; ``secrets`` learns credentials.
    """

    def __init__(self, environment: Mapping[str, str], settings: CosignSettings, secrets: Secrets) -> None:
        self._environment = cosign_environment(environment, settings)
        self._credentials = DockerCredentials(environment)
        self._secrets = secrets

    def run(
        self,
        arguments: tuple[str, ...],
        files: Files,
        subject: Subject,
        cancellation: Cancellation,
        descriptors: tuple[int, ...] = (),
    ) -> Exited | CosignFailure:
        """The exit, or why there was none."""
        found = unwrap_or_failure(self._credentials.find(subject.repository, cancellation))
        if isinstance(found, BadCredentials):
            return CosignFailure(str(found))
        for secret in found.secrets if found is not None else ():
            self._secrets.learn(secret)
        environment = self._environment | {"DOCKER_CONFIG": files.docker_folder}
        login = docker_configuration(subject.repository, found)
        return run_cosign(arguments, environment, cancellation, descriptors, login)


def run_cosign(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    cancellation: Cancellation,
    descriptors: tuple[int, ...] = (),
    data: bytes = b"",
) -> Exited | CosignFailure:
    """Run a command for at most 180 s: its exit, or why there was none. ``data`` is its standard input."""
    tail = Tail(_discard, _LARGEST_OUTPUT)
    limit = ScopedCancellation(cancellation, _LONGEST_SECONDS)
    ending = run(Command(arguments, environment, descriptors=descriptors, input=data), tail, limit)
    what = " ".join(arguments[:2])
    if isinstance(ending, Finished) and ending.code < 0:
        reason = f"killed by signal {-ending.code}, possibly out of memory; it is safe to run again"
        return CosignFailure(f"{what}: {reason}", transient=True)
    if isinstance(ending, Finished):
        return Exited(ending.code, tail.lines())
    if isinstance(ending, CouldNotStart):
        return CosignFailure(str(ending))
    if cancellation.reason() is not None:
        return stopped(cancellation)
    reason = f"did not end within {_LONGEST_SECONDS:g} s; signing is safe to run again"
    return CosignFailure(f"{what}: {reason}", transient=True)


def run_locally(arguments: tuple[str, ...], environment: Mapping[str, str]) -> Result[tuple[str, ...], str]:
    """The output of a command that uses no network, or why it failed; runs for at most 30 s."""
    tail = Tail(_discard)
    ending = run(Command(arguments, environment), tail, ScopedCancellation(seconds=_LONGEST_LOCAL_SECONDS))
    if ending == Finished(0):
        return Success(tail.lines())
    is_exit = isinstance(ending, Finished)
    return Failure(reason_of(tail.lines()) if is_exit else f"did not end within {_LONGEST_LOCAL_SECONDS:g} s")


def stopped(cancellation: Cancellation) -> CosignFailure:
    """The failure of a run that was canceled."""
    reason = cancellation.reason()
    name = reason.name.lower() if reason is not None else "stopped"
    return CosignFailure(f"stopped ({name}); signing is safe to run again", transient=True)


def names_digest(lines: Iterable[str], digest: Digest) -> bool:
    """Whether the output of ``verify --output json`` has a signature for this digest."""
    return any(digest.text in _digests(line) for line in lines if line.startswith("["))


def is_transient(lines: Iterable[str]) -> bool:
    """Whether the output names a network problem that may be temporary."""
    return any(_TRANSIENT.search(line) for line in lines)


def reason_of(lines: tuple[str, ...]) -> str:
    """The last error in one line; the last line of all if none is marked as an error."""
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    last = (errors or [line for line in lines if line.strip()] or [""])[-1]
    return single_line(last, LARGEST_REASON) or "no output"


def _digests(line: str) -> list[object]:
    value = json_value(line).value_or(None)
    signatures = value if isinstance(value, list) else []
    return [_at(_at(_at(each, "critical"), "image"), "docker-manifest-digest") for each in signatures]


def _at(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _discard(_: bytes) -> None:
    """Output is not shown; its end is kept by the caller's ``Tail``."""

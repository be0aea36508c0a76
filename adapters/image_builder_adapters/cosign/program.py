"""Running ``cosign``: with a time limit, heeding the cancellation, its output kept and never shown as it is."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Digest
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.cosign.command import Files, Subject, cosign_environment
from image_builder_adapters.process import Command, CouldNotStart, Finished, Tail, run
from image_builder_adapters.registry.docker_config import DockerCredentials, docker_configuration

LARGEST_REASON = 1000
NOT_SIGNED: Final = frozenset({10, 11})
"""Exit codes of ``verify``: no signature, no such place. Another writer may have overwritten ours."""

_TRANSIENT: Final = re.compile(
    r"connection (refused|reset)|i/o timeout|handshake timeout|deadline exceeded|no such host|network is unreachable"
    r"|server misbehaving|unexpected EOF|broken pipe|status code (408|429|5\d\d)\b|\b(TOOMANYREQUESTS|UNAVAILABLE)\b",
    re.IGNORECASE,
)


def names_digest(lines: Iterable[str], digest: Digest) -> bool:
    """Whether ``verify --output json`` says that a signature is for this digest."""
    return any(digest.text in _digests(line) for line in lines if line.startswith("["))


def is_transient(lines: Iterable[str]) -> bool:
    """Whether this looks like trouble on the way that may be gone soon."""
    return any(_TRANSIENT.search(line) for line in lines)


def reason_of(lines: tuple[str, ...]) -> str:
    """The error in one line without control characters; the last line when none is marked as one."""
    told = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")] or [
        line for line in lines if line.strip()
    ]
    words = " ".join("".join(c if c.isprintable() else " " for c in (told[-1] if told else "")).split())
    # Azure Pipelines obeys '##vso[' anywhere in a line, GitHub Actions '::' at its beginning.
    return words.replace("##", "# #").replace("::", ": :")[:LARGEST_REASON] or "it said nothing"


def _digests(line: str) -> list[object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [_at(_at(_at(one, "critical"), "image"), "docker-manifest-digest") for one in found]


def _at(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


LONGEST_RUN_SECONDS: Final = 180.0
"""For one run of the program that talks to others."""

_LOCAL_SECONDS: Final = 30.0
# An image that was signed a thousand times has as many entries, all in one line.
_LARGEST_OUTPUT: Final = 8 * 1024 * 1024


@final
@dataclass(frozen=True, slots=True)
class Ended:
    """It ended by itself. ``lines`` is the end of its output, errors and results in the order they were written."""

    code: int
    lines: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is not so, or not known; ``transient`` when another attempt may do better."""

    reason: str
    transient: bool = False


def run_cosign(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    cancellation: Cancellation,
    descriptors: tuple[int, ...] = (),
    data: bytes = b"",
) -> Ended | Trouble:
    """How it ended, or why there is no end that counts; ``data`` is its standard input."""
    tail = Tail(_nobody, _LARGEST_OUTPUT)
    limit = ScopedCancellation(cancellation, LONGEST_RUN_SECONDS)
    ending = run(Command(arguments, environment, descriptors=descriptors, input=data), tail, limit)
    what = " ".join(arguments[:2])
    if isinstance(ending, Finished) and ending.code < 0:
        reason = f"killed by signal {-ending.code}, perhaps for want of memory; it is safe to run again"
        return Trouble(f"{what}: {reason}", transient=True)
    if isinstance(ending, Finished):
        return Ended(ending.code, tail.lines())
    if isinstance(ending, CouldNotStart):
        return Trouble(str(ending))
    if cancellation.reason() is not None:
        return stopped(cancellation)
    return Trouble(f"{what}: no end within {LONGEST_RUN_SECONDS:g} s; signing is safe to run again", transient=True)


def run_locally(arguments: tuple[str, ...], environment: Mapping[str, str]) -> Result[tuple[str, ...], str]:
    """The output of a command that asks nobody, or why it failed; takes at most half a minute."""
    tail = Tail(_nobody)
    ending = run(Command(arguments, environment), tail, ScopedCancellation(seconds=_LOCAL_SECONDS))
    if ending == Finished(0):
        return Success(tail.lines())
    return Failure(reason_of(tail.lines()) if isinstance(ending, Finished) else f"no end within {_LOCAL_SECONDS:g} s")


def stopped(cancellation: Cancellation) -> Trouble:
    """Work had to stop."""
    reason = cancellation.reason()
    name = reason.name.lower() if reason is not None else "stopped"
    return Trouble(f"stopped ({name}); signing is safe to run again", transient=True)


def _nobody(_: bytes) -> None:
    """Output that only its end matters of."""


@final
class CosignClient:
    """Runs the program for one image at a time. ``environment`` is the tool's own; ``secrets`` learns credentials."""

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
    ) -> Ended | Trouble:
        """How it ended, or why there is no end that counts."""
        found = unwrap_or_failure(self._credentials.find(subject.repository, cancellation))
        if isinstance(found, BadCredentials):
            return Trouble(str(found))
        for secret in found.secrets if found is not None else ():
            self._secrets.learn(secret)
        environment = self._environment | {"DOCKER_CONFIG": files.docker_folder}
        login = docker_configuration(subject.repository, found)
        return run_cosign(arguments, environment, cancellation, descriptors, login)

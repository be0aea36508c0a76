"""Credentials of registries, and the credential helpers that hold them: programs ``docker-credential-<name>``.

Protocol of helpers: ``get`` is the only argument, the server's name is on standard input, and JSON is on standard
output. A failure is an exit code, with its message on standard output. Source:
github.com/docker/docker-credential-helpers.
"""

import base64
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeGuard, final

from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.process import Command, CouldNotStart, Finished, find_program, run


def is_text(value: object) -> TypeGuard[str]:
    """Whether a JSON value is text that can be sent; a lone surrogate, which JSON can contain, cannot."""
    return isinstance(value, str) and value.encode("utf-8", "replace").decode() == value


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and password, an identity token (OAuth refresh token), a registry token (a bearer token), or several.

    None of them is in ``repr``. ``source`` names the entry or helper that gave them, for messages.
    """

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = field(default="", compare=False)

    @property
    def is_usable(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.username or self.identity_token or self.registry_token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets, plain and as they are sent."""
        basic = (self.basic or "").removeprefix("Basic ")
        return (self.password, self.identity_token, self.registry_token, basic)

    @property
    def basic(self) -> str | None:
        """The value of ``Authorization`` (RFC 7617, UTF-8); None without a user."""
        if not self.username:
            return None
        pair = f"{self.username}:{self.password}".encode("utf-8", "surrogateescape")
        return "Basic " + base64.b64encode(pair).decode("ascii")


CLOUD_VARIABLES: Final = (
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SDK_LOAD_CONFIG"),
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"),
    *("GOOGLE_APPLICATION_CREDENTIALS", "DOCKER_CREDENTIAL_GCR_CONFIG"),
)
"""Variables by which the helpers of cloud registries find their files and regions; none holds a secret."""

_LONGEST_SECONDS: Final = 30.0
_LARGEST_OUTPUT: Final = 64 * 1024

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_NOT_FOUND: Final = b"credentials not found in native keychain"
_IDENTITY_TOKEN: Final = "<token>"
# Long enough for a burst of requests; a helper may return tokens that expire.
_KEPT_SECONDS: Final = 60.0
# A helper signs in to its cloud with the job's variables. These belong to Azure DevOps and cosign.
_WITHHELD: Final = frozenset({"ADO_PAT", "SYSTEM_ACCESSTOKEN", "COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN"})

_Answer = Result[Credentials | None, str]


@final
class CredentialHelpers:
    """Runs helpers, one at a time, and keeps each answer for a minute. Their output is never shown."""

    def __init__(
        self,
        environment: Mapping[str, str],
        seconds: float = _LONGEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = {name: text for name, text in environment.items() if name not in _WITHHELD}
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], tuple[float, _Answer]] = {}

    def problem(self, name: str) -> str | None:
        """Why this helper cannot be run; None if it can."""
        if not _NAME.fullmatch(name):
            return f"{name!r} is not a valid name of a credential helper"
        if find_program(_program(name), self._environment) is None:
            return f"{_program(name)} is not on PATH; install it"
        return None

    def ask(self, name: str, server: str, cancellation: Cancellation) -> _Answer:
        """The helper's credentials for this server, None if it has none; a failure never quotes its output."""
        problem = self.problem(name)
        if problem is not None:
            return Failure(problem)
        with self._lock:
            until, answer = self._answers.get((name, server), (0.0, Success(None)))
            if until <= self._clock():
                answer = self._asked(name, server, cancellation)
                self._answers[name, server] = (self._clock() + _KEPT_SECONDS, answer)
            return answer

    def _asked(self, name: str, server: str, cancellation: Cancellation) -> _Answer:
        output = _Bounded()
        command = Command((_program(name), "get"), self._environment, input=f"{server}\n".encode(), results_only=True)
        ending = run(command, output, ScopedCancellation(cancellation, self._seconds))
        if isinstance(ending, CouldNotStart):
            return Failure(str(ending))
        if not isinstance(ending, Finished):
            stopped = cancellation.reason() is not None
            return Failure(f"{_program(name)} " + ("was stopped" if stopped else f"took more than {self._seconds:g} s"))
        if output.is_too_large:
            return Failure(f"{_program(name)} printed more than 64 KiB")
        if ending.code != 0 and _NOT_FOUND in output.content:
            return Success(None)
        if ending.code != 0:
            reason = f"failed with exit code {ending.code} for {server}; run it by hand to see its error"
            return Failure(f"{_program(name)} {reason}")
        return _credentials(output.content).alt(lambda reason: f"{_program(name)} {reason}")


@final
class _Bounded:
    """An output sink that keeps the first 64 KiB."""

    def __init__(self) -> None:
        self.content = b""
        self.is_too_large = False

    def __call__(self, lines: bytes) -> None:
        self.content = (self.content + lines)[: _LARGEST_OUTPUT + 2]
        self.is_too_large = len(self.content) > _LARGEST_OUTPUT + 1  # one more: `run` ends the last line with a newline


def _program(name: str) -> str:
    return f"docker-credential-{name}"


def _credentials(output: bytes) -> _Answer:
    answer = json_object(output).value_or(None)
    if answer is None:
        return Failure("did not print a JSON object")
    user, secret = answer.get("Username"), answer.get("Secret")
    if not is_text(user) or not is_text(secret) or not user or not secret:
        return Failure("printed JSON without the strings Username and Secret")
    if user == _IDENTITY_TOKEN:
        return Success(Credentials(identity_token=secret))
    return Success(Credentials(user, secret))

"""BuildKit as an ``ImageEngine``, with one of three kinds of daemon.

A running BuildKit at the address of ``engines.buildkit`` or ``BUILDKIT_HOST`` (unix, tcp with TLS, kube-pod,
docker-container). Without an address, ``buildctl-daemonless.sh`` if it is on PATH and the run builds one image. Else a
private daemon for all builds of the run.
"""

import os
import secrets
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    EngineMissing,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.build_steps import BuildSteps
from image_builder_domain.failure import BadCredentials
from image_builder_domain.ports import BuildProgress, Cancellation
from image_builder_domain.trust.side import Side
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.buildkit.command import build_arguments, exports_side_by_side, refusal
from image_builder_adapters.buildkit.daemon import PrivateDaemon
from image_builder_adapters.buildkit.daemonless import DAEMONLESS, FLAGS, daemonless_flags, has_daemonless, lock_script
from image_builder_adapters.buildkit.environment import client_environment, daemonless_environment, rootless_variables
from image_builder_adapters.buildkit.failure import failure_of, unreported
from image_builder_adapters.buildkit.host import VARIABLE, BuildkitHost
from image_builder_adapters.buildkit.isolation import Isolation, find_isolation, missing_helper
from image_builder_adapters.buildkit.metadata import parse_metadata
from image_builder_adapters.buildkit.progress import ProgressReader
from image_builder_adapters.buildkit.push_again import PUSH_POLICY, push_again
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.files import read_regular
from image_builder_adapters.http.retry import RetryPolicy, Transient, repeat
from image_builder_adapters.process import (
    Command,
    CouldNotStart,
    Finished,
    Stopped,
    Tail,
    dies_with_parent,
    find_program,
    run,
)
from image_builder_adapters.program_version import version_in
from image_builder_adapters.registry.engine_login import EngineLogins, login_folder, with_login

HELPERS: Final = {
    "docker-container": "docker",
    "podman-container": "podman",
    "nerdctl-container": "nerdctl",
    "kube-pod": "kubectl",
    "ssh": "ssh",
}
"""Schemes of addresses to which ``buildctl`` connects by running another program."""

RUNC: Final = ("runc", "buildkit-runc")
"""The names by which ``buildkitd`` finds runc."""

INSTALL: Final = "install BuildKit (https://github.com/moby/buildkit/releases) and put it on PATH"
_ANSWERS_WITHIN: Final = 10.0
_NEW_NAMESPACE: Final = "NEW-IN-EVERY-BUILD"
_LARGEST_METADATA: Final = 64 << 20  # an image that was pushed must not count as failed because of a long description


@final
@dataclass(frozen=True, slots=True)
class BuildkitSettings:
    """Settings of :class:`BuildkitEngine`.

    ``environment`` is the tool's own. Its ``BUILDKIT_TLS_DIR`` is the folder with ``ca.pem``, ``cert.pem`` and
    ``key.pem`` for a ``tcp://`` address (``buildctl --tlsdir``, for which ``buildctl`` reads no variable).
    ``state_directory`` keeps the private daemon's root between runs. ``user`` is the effective user number. ``redact``
    hides secrets in the daemon's log. ``host`` is the decided daemon. Without it ``BUILDKIT_HOST`` counts.
    ``push_policy`` says how often a failed push is repeated.
    ``learn`` gets the credentials of each build before they are used.
    """

    environment: Mapping[str, str]
    state_directory: str
    daemon_log: str
    single_build: bool
    user: int
    redact: Callable[[bytes], bytes] = bytes
    host: BuildkitHost | None = None
    push_policy: RetryPolicy = PUSH_POLICY
    learn: Callable[[str], None] = lambda _: None

    @property
    def daemon(self) -> BuildkitHost:
        """The daemon to use."""
        if self.host is not None:
            return self.host
        return BuildkitHost(self.environment.get(VARIABLE) or None, VARIABLE, Side.PRODUCTION)


@final
class BuildkitEngine:
    """Implements ``ImageEngine``."""

    def __init__(self, settings: BuildkitSettings) -> None:
        self._settings = settings
        self._chosen = settings.daemon
        self._host = self._chosen.address
        self._logins = EngineLogins(settings.environment, settings.learn)
        self._tls = settings.environment.get("BUILDKIT_TLS_DIR") or None
        self._is_daemonless = (
            self._host is None
            and settings.single_build
            and has_daemonless(settings.environment, settings.user, self._chosen.side)
        )
        self._asking = threading.Lock()
        self._version: str | None = None
        self._daemon = PrivateDaemon(
            settings.environment, settings.state_directory, settings.daemon_log, settings.user, settings.redact
        )

    def check(self) -> Result[None, EngineMissing]:
        """Implement ``ImageEngine.check``."""
        environment = self._settings.environment
        for names in self._programs():
            if not any(find_program(name, environment) for name in names):
                return Failure(EngineMissing(names[0], self._install(names[0])))
        helper = None if self._host is not None else missing_helper(environment, self._settings.user)
        return Success(None) if helper is None else Failure(helper)

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """Implement ``ImageEngine.command``.

        A private daemon's socket and a namespace are not known before the run. An old daemon gets one output with all
        names instead of one for each registry.
        """
        namespace = _NEW_NAMESPACE if self._chosen.is_cacheless else None
        client = (DAEMONLESS,) if self._is_daemonless else self._client(self._host)
        return (*client, *build_arguments(request, namespace))

    def at_once(self) -> None:
        """Implement ``ImageEngine.at_once``: all variants share one daemon."""

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Implement ``ImageEngine.build``."""
        refused = refusal(request)
        if refused is not None:
            return Failure(BuildFailed(refused))
        reason = cancellation.reason()
        if reason is not None:
            return Failure(BuildInterrupted(reason))
        if self._host is not None:
            return self._run(self._client(self._host), request, progress, cancellation)
        if self._is_daemonless:
            with lock_script(self._settings.user) as lock:
                if lock is not None:
                    return self._run((DAEMONLESS,), request, progress, cancellation, lock)
        address = unwrap_or_failure(self._daemon.address(cancellation))
        if not isinstance(address, str):
            return Failure(address)
        return self._run(self._client(address), request, progress, cancellation)

    def close(self) -> None:
        """Implement ``ImageEngine.close``. Takes 5 s at most."""
        self._daemon.close()

    def _programs(self) -> tuple[tuple[str, ...], ...]:
        if self._host is None:
            return (("buildctl",), ("buildkitd",), RUNC)
        helper = HELPERS.get(self._host.partition("://")[0])
        return (("buildctl",),) if helper is None else (("buildctl",), (helper,))

    def _install(self, program: str) -> str:
        if program in HELPERS.values():
            return f"install it: buildctl connects to {self._host} ({self._chosen.source}) through it"
        return f"{INSTALL}, or set BUILDKIT_HOST to a running BuildKit" if self._host is None else INSTALL

    def _client(self, address: str | None) -> tuple[str, ...]:
        tls = ("--tlsdir", self._tls) if self._tls is not None and self._host is not None else ()
        return ("buildctl", *(("--addr", address) if address is not None else ()), *tls)

    def _run(
        self,
        client: tuple[str, ...],
        request: BuildRequest,
        progress: BuildProgress,
        cancellation: Cancellation,
        lock: int | None = None,
    ) -> Result[BuiltImage, BuildFailure]:
        """Build and push. While the daemon has the layers, a failed push is repeated, and never the build."""
        # Unpredictable, so that no other build can have written into mounts of this namespace.
        namespace = secrets.token_hex(16) if self._chosen.is_cacheless else None
        one_output = not self._takes_several_outputs(client, request, cancellation)
        arguments = build_arguments(request, namespace, one_output=one_output)
        first = list[BuildSteps]()

        def attempt() -> Result[BuiltImage, BuildFailure] | Transient[Result[BuiltImage, BuildFailure]]:
            built = self._run_once((*client, *arguments), request, progress, cancellation, lock)
            first.append(_steps(built))
            # Without a cache another run would build everything again.
            return built if self._chosen.is_cacheless else _again(built, progress)

        built = repeat(attempt, self._settings.push_policy, cancellation)
        is_lost = isinstance(built, Failure) and isinstance(built.failure(), PushFailed)
        may_export = not self._chosen.is_cacheless and cancellation.reason() is None
        if is_lost and request.cache.exports and may_export:
            # The failed push has cancelled the export, without which a second run would build everything again.
            progress.output(b"the push failed; exporting the cache without it\n")
            exporting = build_arguments(request, namespace, cache_only=True)
            self._run_once((*client, *exporting), request, progress, cancellation, lock)
        return _with_steps(built, first[0])

    def _run_once(
        self,
        words: tuple[str, ...],
        request: BuildRequest,
        progress: BuildProgress,
        cancellation: Cancellation,
        lock: int | None,
    ) -> Result[BuiltImage, BuildFailure]:
        login = unwrap_or_failure(self._logins.login(request, cancellation))
        if isinstance(login, BadCredentials):
            return Failure(BuildFailed(str(login)))
        for note in login.notes:
            progress.output(f"image-builder: {note}\n".encode())
        try:
            with tempfile.TemporaryDirectory(
                prefix="image-builder-", dir=self._settings.environment.get("TMPDIR"), ignore_cleanup_errors=True
            ) as folder:
                metadata = os.path.join(folder, "metadata.json")
                command = self._command((*words, "--metadata-file", metadata), folder, lock)
                reader = ProgressReader(progress.output, progress.at, request.dockerfile)
                with login_folder(login, self._logins.own_folder, folder, is_inherited=lock is not None) as docker:
                    return self._outcome(with_login(command, docker), metadata, reader, cancellation)
        except OSError as error:
            return Failure(BuildFailed(f"no temporary folder for BuildKit's files: {error}"))

    def _takes_several_outputs(
        self, client: tuple[str, ...], request: BuildRequest, cancellation: Cancellation
    ) -> bool:
        """Whether the daemon exports several outputs side by side. It is asked once, and only if that matters."""
        if len({repository.domain for repository in request.repositories}) < 2:
            return True
        environment = client_environment(self._settings.environment)
        with self._asking:
            if self._version is None:
                words = ("buildkitd", "--version") if DAEMONLESS in client else (*client, "debug", "info")
                tail = Tail(lambda _: None)
                ending = run(Command(words, environment), tail, ScopedCancellation(cancellation, _ANSWERS_WITHIN))
                self._version = version_in("\n".join(tail.lines())) if ending == Finished(0) else ""
            return exports_side_by_side(self._version)

    def _command(self, arguments: tuple[str, ...], folder: str, lock: int | None) -> Command:
        """With a ``lock``, run the daemonless script, whose processes keep the lock open until the last one ends."""
        environment, user = self._settings.environment, self._settings.user
        if lock is None:
            return Command(arguments, client_environment(environment))
        isolation = find_isolation(environment, user, folder) or Isolation()
        flags = {FLAGS: " ".join((*isolation.flags, *daemonless_flags(environment, user, self._chosen.side)))}
        if user == 0:
            command = (*isolation.wrapper, *arguments)
            return Command(command, daemonless_environment(environment) | flags, descriptors=(lock,))
        # For an ordinary user the script itself starts rootlesskit, which must end with the script.
        wrapper = {"ROOTLESSKIT": " ".join((*dies_with_parent(environment), *isolation.wrapper))}
        own = rootless_variables(environment, user, folder)
        variables = wrapper | daemonless_environment(environment) | flags | own
        return Command(arguments, variables, descriptors=(lock,))

    def _outcome(
        self, command: Command, metadata: str, reader: ProgressReader, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        is_script = DAEMONLESS in command.arguments
        ending = run(command, reader, cancellation)
        progress = reader.finish()
        match ending:
            case Stopped(interruption):
                return Failure(BuildInterrupted(interruption))
            case CouldNotStart(program, reason):
                return Failure(EngineUnavailable(program, reason, INSTALL))
            case Finished(0):
                built = _built(metadata).map(lambda image: replace(image, steps=progress.steps))
                return built.alt(lambda reason: unreported(progress, reason, 0))
            case Finished(code):
                return Failure(failure_of(progress, code, self._where(is_script), self._remedy(is_script)))
            case _:
                assert_never(ending)

    def _where(self, is_script: bool) -> str:
        return self._host or (DAEMONLESS if is_script else "buildkitd")

    def _remedy(self, is_script: bool) -> str:
        if self._host is not None:
            return f"check {self._chosen.source} and, for tcp, BUILDKIT_TLS_DIR"
        return "see its output" if is_script else f"see {self._daemon.log_path}"


def _again(
    built: Result[BuiltImage, BuildFailure], progress: BuildProgress
) -> Result[BuiltImage, BuildFailure] | Transient[Result[BuiltImage, BuildFailure]]:
    """Mark a failed push that may succeed later. The log file says why the build's output comes again."""
    failure = built.failure() if isinstance(built, Failure) else None
    if not isinstance(failure, PushFailed) or (seconds := push_again(failure)) is None:
        return built
    progress.output(f"the push failed, and may be repeated: {failure.reason}\n".encode())
    return Transient(built, seconds)


def _steps(built: Result[BuiltImage, BuildFailure]) -> BuildSteps:
    outcome = unwrap_or_failure(built)
    return outcome.steps if isinstance(outcome, BuiltImage | BuildFailed | PushFailed) else BuildSteps()


def _with_steps(built: Result[BuiltImage, BuildFailure], steps: BuildSteps) -> Result[BuiltImage, BuildFailure]:
    """The outcome with the steps of the first run: those of a repeated push all come from the cache."""
    outcome = unwrap_or_failure(built)
    if isinstance(outcome, BuiltImage):
        return Success(replace(outcome, steps=steps))
    return Failure(replace(outcome, steps=steps)) if isinstance(outcome, PushFailed) else built


def _built(metadata: str) -> Result[BuiltImage, str]:
    file = read_regular(metadata, _LARGEST_METADATA).alt(lambda error: f"BuildKit's metadata file {error}")
    return file.bind(lambda found: parse_metadata(found.content).alt(str))

"""A private ``buildkitd``: started by the first build that needs it, shared by all builds of the run, then stopped."""

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import FileIO
from typing import Final, final

from image_builder_domain.build import BuildInterrupted, EngineUnavailable
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation, OutputSink
from returns.result import Failure, Result, Success

from image_builder_adapters.buildkit.environment import daemon_environment, rootless_variables
from image_builder_adapters.buildkit.isolation import Isolation, find_isolation
from image_builder_adapters.buildkit.state import DaemonFolders, open_folders
from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_adapters.process import Command, CouldNotStart, Ending, Finished, Tail, run
from image_builder_adapters.safe_folder import opened_folder

_READY_WITHIN: Final = 30.0
_NOTICE: Final = re.compile(r"\[rootlesskit:\w+ *\] error: (?:child exited|command \[)")
# Non-blocking: opening a pipe in this place would wait for a reader, and nobody could interrupt the run.
_LOG: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_POLL: Final = 0.02
# With the 3 s that stopping buildctl may take, everything has ended within 8 s.
_GRACE_PERIOD: Final = 1.5
_REMOVE_WITHIN: Final = 1.5


@final
class PrivateDaemon:
    """The daemon of one run. Safe to use from several threads."""

    def __init__(
        self,
        environment: Mapping[str, str],
        state_directory: str,
        log_path: str,
        user: int,
        redact: Callable[[bytes], bytes] = bytes,
    ) -> None:
        self._environment = environment
        self._state_directory = state_directory
        self._log_path = log_path
        self._user = user
        self._redact = redact
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._address: Result[str, EngineUnavailable | BuildInterrupted] | None = None

    @property
    def log_path(self) -> str:
        """The path of its log file."""
        return self._log_path

    def address(self, cancellation: Cancellation) -> Result[str, EngineUnavailable | BuildInterrupted]:
        """Its address. The first call starts it and waits until it answers. After a failure all calls fail."""
        with self._lock:
            if self._address is None:
                self._address = self._start(cancellation)
            return self._address

    def close(self) -> None:
        """Stop it with everything below it, within 5 s. May be called twice."""
        with self._lock:
            running, self._running = self._running, None
            self._address = Failure(
                EngineUnavailable("buildkitd", "it was stopped", "build before the engine is closed")
            )
            if running is not None:
                running.stop()

    def _start(self, cancellation: Cancellation) -> Result[str, EngineUnavailable | BuildInterrupted]:
        try:
            folders = open_folders(self._state_directory, self._environment)
        except OSError as error:
            return Failure(EngineUnavailable("buildkitd", f"no place for it: {error}", "set TMPDIR"))
        log = _open_log(self._log_path)
        isolation = find_isolation(self._environment, self._user, folders.runtime)
        if isolation is None:
            log.close()
            folders.remove()
            return Failure(EngineUnavailable("buildkitd", "root may not mount anything here", _remedy(self._user)))
        self._running = _Running(self._command(isolation, folders), isolation, folders, log, self._redact)
        return self._running.wait_until_ready(cancellation, self._log_path, self._user)

    def _command(self, isolation: Isolation, folders: DaemonFolders) -> Command:
        arguments = (
            *isolation.wrapper,
            "buildkitd",
            f"--root={folders.root}",
            f"--addr=unix://{folders.socket}",
            # By default all daemons of the machine share one path, which only root may write.
            f"--otel-socket-path={folders.runtime}/otel.sock",
            "--oci-worker=true",
            "--containerd-worker=false",
            *isolation.flags,
        )
        environment = daemon_environment(self._environment)
        if self._user != 0:
            environment |= rootless_variables(self._environment, self._user, folders.runtime)
        return Command(arguments, environment, _GRACE_PERIOD, () if folders.lock is None else (folders.lock,))


@final
class _Running:
    """A daemon's process. The thread that starts it waits for it, because the kernel kills it when that thread ends."""

    def __init__(
        self,
        command: Command,
        isolation: Isolation,
        folders: DaemonFolders,
        log: FileIO,
        redact: Callable[[bytes], bytes],
    ) -> None:
        self._command = command
        self._isolation = isolation
        self._folders = folders
        self._log = log
        # The daemon runs until :meth:`stop`, even after a signal.
        self._cancellation = ScopedCancellation()
        self._tail = Tail(_writer(log, redact))
        self._ending: Ending | None = None
        self._thread = threading.Thread(target=self._run, name="buildkitd", daemon=True)
        self._thread.start()

    def wait_until_ready(
        self, cancellation: Cancellation, log_path: str, user: int
    ) -> Result[str, EngineUnavailable | BuildInterrupted]:
        deadline, remedy = time.monotonic() + _READY_WITHIN, f"see {log_path}; {_remedy(user)}{self._hint()}"
        while not _serves(self._folders.socket):
            reason = cancellation.reason()
            if reason is not None:
                return Failure(BuildInterrupted(reason))
            if not self._thread.is_alive():
                return Failure(EngineUnavailable("buildkitd", self._why_it_ended(), remedy))
            if time.monotonic() > deadline:
                why = f"it did not answer within {_READY_WITHIN:.0f} s"
                return Failure(EngineUnavailable("buildkitd", why, remedy))
            cancellation.wait(_POLL)
        return Success(f"unix://{self._folders.socket}")

    def _hint(self) -> str:
        return f"; if {self._folders.root} is damaged, remove it" if self._folders.is_kept else ""

    def stop(self) -> None:
        self._cancellation.stop(Interruption.SIGTERM)
        self._thread.join()
        self._log.close()
        if not self._folders.is_kept:
            # Steps may leave files of users that exist only in the daemon's namespace, so they are removed from there.
            remove = (*self._isolation.wrapper, "rm", "-rf", "--", self._folders.root)
            run(Command(remove, self._command.environment), lambda _: None, ScopedCancellation(seconds=_REMOVE_WITHIN))
        self._folders.remove()

    def _run(self) -> None:
        self._ending = run(self._command, self._tail, self._cancellation)

    def _why_it_ended(self) -> str:
        if isinstance(self._ending, CouldNotStart):
            return str(self._ending)
        # Its last message stands above a stack trace, and above rootlesskit's notice that it ended.
        lines = [line for line in reversed(self._tail.lines()) if line.strip() and not _NOTICE.match(line)]
        last = next((line for line in lines if line.startswith("buildkitd: ")), lines[0] if lines else "no output")
        code = f" with code {self._ending.code}" if isinstance(self._ending, Finished) else ""
        return f"it ended{code} before it answered: {last}"


def _serves(path: str) -> bool:
    """True if the daemon answers: a ready gRPC server sends HTTP/2 SETTINGS first. Before that it only listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.5)
        try:
            client.connect(path)
            return len(client.recv(1)) == 1
        except OSError:
            return False


def _remedy(user: int) -> str:
    needs = (
        "a private BuildKit needs root with all capabilities: run in a privileged container, or in none"
        if user == 0
        else "a private BuildKit needs user namespaces, and this user in /etc/subuid and /etc/subgid"
    )
    return f"{needs}; or set BUILDKIT_HOST to a running BuildKit"


def _open_log(path: str) -> FileIO:
    """The log file, or the null device: the build continues, and its own log in that folder reports the failure."""
    try:
        with opened_folder(os.path.dirname(path) or os.curdir) as folder:
            return FileIO(os.open(os.path.basename(path), _LOG, 0o600, dir_fd=folder), "ab")
    except OSError:
        return FileIO(os.devnull, "wb")


def _writer(log: FileIO, redact: Callable[[bytes], bytes]) -> OutputSink:
    def write(block: bytes) -> None:
        # Redacted, because the daemon logs a step's command with its arguments filled in.
        # A full disk must not stop the build: this log only helps to explain a failure.
        with suppress(OSError):
            log.write(redact(block))

    return write

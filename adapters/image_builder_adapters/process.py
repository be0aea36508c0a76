"""Child processes: started, read, and stopped as a group. The one module of the house that starts any.

A child gets an argument list (never a shell), exactly the environment and the input it is given, and a session of
its own, so that a terminal's Ctrl-C reaches only us and the whole group can be stopped together. Its standard error
goes into the same pipe as its standard output (the order of lines is the order in which they were written), unless only
its results are wanted.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Final, TypeAlias, final

from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Cancellation, OutputSink

from image_builder_adapters.process_output import OutputReader

_LISTEN: Final = 0.1
_AFTER_KILL: Final = 2.0
_asking = threading.Lock()  # builds that start together ask once


@final
@dataclass(frozen=True, slots=True)
class Command:
    """What to start. ``arguments[0]`` is a program on the ``PATH`` of ``environment``, or a path.

    ``grace`` is how many seconds the group has between SIGTERM and SIGKILL; ``descriptors`` stay open in the child.
    ``input`` is what it reads from its standard input; ``results_only`` drops its standard error. ``path`` is where the
    program and ours around it are looked for instead, when the child may look where we must not. The representation
    leaves environment and input out: they may hold credentials.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    grace: float = 2.0
    descriptors: tuple[int, ...] = ()
    input: bytes = field(default=b"", repr=False)
    results_only: bool = False
    path: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """The child ended by itself; a negative code is the signal that ended it."""

    code: int


@final
@dataclass(frozen=True, slots=True)
class Stopped:
    """We stopped the child and its group."""

    interruption: Interruption


@final
@dataclass(frozen=True, slots=True)
class CouldNotStart:
    """There is no such program, or the system would not run it."""

    program: str
    reason: str

    def __str__(self) -> str:
        return f"{self.program} could not be started: {self.reason}"


Ending: TypeAlias = Finished | Stopped | CouldNotStart


def run(command: Command, output: OutputSink, cancellation: Cancellation) -> Ending:
    """Start, hand every line to ``output`` (called from one other thread), and wait until the whole group is gone.

    A slow ``output`` slows the child down instead of filling memory. Whatever the child leaves behind in its group is
    killed when it ends; a process that escaped from the group and still holds the pipe is waited for 1 s at most.
    """
    reason = cancellation.reason()
    if reason is not None:
        return Stopped(reason)
    started = _start(command)
    if isinstance(started, CouldNotStart):
        return started
    if started.stdout is None:
        raise AssertionError("the child was started without a pipe")
    reader = OutputReader(started.stdout, output)
    try:
        interruption = _until_ended(started, reader, command.grace, cancellation)
    finally:
        _kill_group(started)
        reader.finish(cancellation)
    return Finished(started.returncode) if interruption is None else Stopped(interruption)


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """The path of ``name`` on the environment's own ``PATH``, or None."""
    return shutil.which(name, path=search_path(environment))


def search_path(environment: Mapping[str, str]) -> str:
    """Where programs are looked for: the absolute folders of ``PATH``.

    An empty one, which ``PATH=$PATH:$UNSET`` leaves, would be the folder that we run in: perhaps a stranger's checkout.
    """
    return os.pathsep.join(filter(os.path.isabs, environment.get("PATH", os.defpath).split(os.pathsep)))


def dies_with_parent(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Words before a command line that make the kernel kill it when the thread that started it dies, however it dies.

    A ``preexec_fn`` could deadlock beside threads, so util-linux does it where it is there; it replaces itself by the
    child, so the process that we wait for is the child.
    """
    setpriv = find_program("setpriv", environment)
    wrapper = (setpriv, "--pdeathsig", "KILL") if setpriv else ()
    return (*wrapper, "--") if wrapper and accepts(wrapper, search_path(environment)) else ()


def accepts(wrapper: tuple[str, ...], path: str) -> bool:
    """Whether this wrapper (such as ``unshare --pid``) can run a program here; asked once, by running ``true``."""
    with _asking:
        return _accepts(wrapper, path)


@cache
def _accepts(wrapper: tuple[str, ...], path: str) -> bool:
    null = subprocess.DEVNULL
    try:
        ended = subprocess.run(
            [*wrapper, "true"], check=False, timeout=10, env={"PATH": path}, stdin=null, stdout=null, stderr=null
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def _start(command: Command) -> "subprocess.Popen[bytes] | CouldNotStart":
    known = command.environment if command.path is None else {"PATH": command.path}
    program = find_program(command.arguments[0], known)
    if program is None:
        return CouldNotStart(command.arguments[0], "there is no such program on PATH")
    try:
        with _input(command.input) as source:
            return subprocess.Popen(
                [*dies_with_parent(known), program, *command.arguments[1:]],
                env=dict(command.environment),
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if command.results_only else subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                pass_fds=command.descriptors,
            )
    except (OSError, ValueError) as error:
        return CouldNotStart(command.arguments[0], str(error))


def _input(content: bytes) -> IO[bytes]:
    """A file in memory: unlike a pipe it needs nobody who writes while the child reads, and it leaves no trace."""
    if not content:
        return open(os.devnull, "rb")
    file = os.fdopen(os.memfd_create("input"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _until_ended(
    process: "subprocess.Popen[bytes]", reader: OutputReader, grace: float, cancellation: Cancellation
) -> Interruption | None:
    while not _has_ended(process):
        reason = cancellation.reason()
        if reason is not None:
            _stop(process, grace)
            return reason
        # The end of output is the first sign of the end; a child may also have closed its output early.
        if reader.at_end.wait(_LISTEN):
            _wait_for_end(process, _LISTEN)
    return None


def _stop(process: "subprocess.Popen[bytes]", grace: float) -> None:
    _signal_group(process, signal.SIGTERM)
    if not _wait_for_end(process, grace):
        _signal_group(process, signal.SIGKILL)
        _wait_for_end(process, _AFTER_KILL)


def _wait_for_end(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    deadline, pause = time.monotonic() + seconds, 0.0005
    while not (ended := _has_ended(process)) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    return ended


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    # The child stays a zombie for now: as long as it does, nobody else can get its process (and group) number.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    _signal_group(process, signal.SIGKILL)
    try:
        process.wait(_AFTER_KILL)
    except subprocess.TimeoutExpired:
        process.returncode = -signal.SIGKILL  # stuck in the kernel: it dies as soon as it comes back from there


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    # Suppressed: all of it is gone, or what is left runs as somebody else (set-user-ID).
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

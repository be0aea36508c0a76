"""Child processes: started, read, and stopped as a group. No other module starts one for a run.

A child gets an argument list (never a shell), exactly the environment and the input that the command names, and a
session of its own: a terminal's Ctrl-C reaches only this process, which stops the whole group. Standard error goes into
the same pipe as standard output, so the order of lines is the order in which they were written, unless the command asks
for the results only.
"""

import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Final, TypeAlias, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation, OutputSink

_CHUNK: Final = 64 * 1024
# A pipe holds 64 KiB by default and 1 MiB at most: after the child's end, that much of its output may be unread.
_LARGEST_PIPE: Final = 1024 * 1024
_CUT: Final = b"(the beginning of a very long line is left out)"
_POLL: Final = 0.1
_AFTER_KILL: Final = 2.0
_trial = threading.Lock()  # builds that start together share one trial


@final
@dataclass(frozen=True, slots=True)
class Command:
    """What to start. ``arguments[0]`` is a program on the ``PATH`` of ``environment``, or a path.

    ``grace_period``: seconds between SIGTERM and SIGKILL. ``descriptors`` stay open in the child. ``input`` is its
    standard input. ``results_only`` drops its standard error. ``path`` replaces ``PATH`` for finding the program and
    its wrappers, when the child's own ``PATH`` holds folders from which this process must not run anything. The
    representation leaves out environment and input, which may hold credentials.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    grace_period: float = 2.0
    descriptors: tuple[int, ...] = ()
    input: bytes = field(default=b"", repr=False)
    results_only: bool = False
    path: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """The child ended by itself. A negative code is the signal that ended it."""

    code: int


@final
@dataclass(frozen=True, slots=True)
class Stopped:
    """This process stopped the child and its group."""

    interruption: Interruption


@final
@dataclass(frozen=True, slots=True)
class CouldNotStart:
    """The program does not exist, or the system refused to run it."""

    program: str
    reason: str

    def __str__(self) -> str:
        return f"{self.program} could not be started: {self.reason}"


Ending: TypeAlias = Finished | Stopped | CouldNotStart


def run(command: Command, output: OutputSink, cancellation: Cancellation) -> Ending:
    """Start the command, hand every line to ``output`` (called from one other thread), and wait for the whole group.

    A slow ``output`` slows the child down instead of filling memory. Processes that the child leaves in its group are
    killed when it ends. A process that left the group and still holds the pipe delays the return by 1 s at most.
    """
    reason = cancellation.reason()
    if reason is not None:
        return Stopped(reason)
    started = _start(command)
    if isinstance(started, CouldNotStart):
        return started
    if started.stdout is None:
        raise AssertionError("the child was started without a pipe")
    reader = _OutputReader(started.stdout, output)
    try:
        interruption = _until_ended(started, reader, command.grace_period, cancellation)
    finally:
        _kill_group(started)
        reader.finish(cancellation)
    return Finished(started.returncode) if interruption is None else Stopped(interruption)


@final
class Tail:
    """An output sink that passes everything on and keeps the end. It splits nothing before :meth:`lines` is called.

    It keeps nothing of a line whose beginning it has dropped: a redactor would not recognise half of a secret.
    """

    def __init__(self, output: OutputSink, limit: int = 4 * _CHUNK) -> None:
        self._output = output
        self._limit = limit
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._is_cut = False

    def __call__(self, block: bytes) -> None:
        """Keep the block and pass it on."""
        self._blocks.append(block)
        self._size += len(block)
        while self._size - len(self._blocks[0]) >= self._limit:
            dropped = self._blocks.popleft()
            self._size -= len(dropped)
            self._is_cut = not dropped.endswith(b"\n")
        self._output(block)

    def lines(self) -> tuple[str, ...]:
        """The lines in the last ``limit`` bytes or slightly more, without newlines. Invalid UTF-8 is replaced."""
        kept = b"".join(self._blocks)
        if self._is_cut:
            kept = _CUT + kept[kept.find(b"\n") :] if b"\n" in kept else _CUT
        text = kept.decode("utf-8", "replace")
        return tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")) if text else ()


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """The path of ``name`` on the environment's own ``PATH``, or None."""
    return shutil.which(name, path=search_path(environment))


def search_path(environment: Mapping[str, str]) -> str:
    """The absolute folders of ``PATH``, where programs are looked for.

    An empty folder, as in ``PATH=$PATH:$UNSET``, would be the working directory: perhaps the checkout of unmerged code.
    """
    return os.pathsep.join(filter(os.path.isabs, environment.get("PATH", os.defpath).split(os.pathsep)))


def dies_with_parent(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Words before a command line that make the kernel kill the child when the thread that started it ends.

    ``setpriv`` of util-linux does it and then replaces itself by the child, so its process is the child's. Empty where
    it is not installed. A ``preexec_fn`` is not used because it can deadlock beside threads.
    """
    setpriv = find_program("setpriv", environment)
    wrapper = (setpriv, "--pdeathsig", "KILL") if setpriv else ()
    return (*wrapper, "--") if wrapper and accepts(wrapper, search_path(environment)) else ()


def accepts(wrapper: tuple[str, ...], path: str) -> bool:
    """True if this wrapper (such as ``unshare --pid``) can run a program here. Tried once, by running ``true``."""
    with _trial:
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


def _start(command: Command) -> subprocess.Popen[bytes] | CouldNotStart:
    known = command.environment if command.path is None else {"PATH": command.path}
    program = find_program(command.arguments[0], known)
    if program is None:
        return CouldNotStart(command.arguments[0], "program not found on PATH")
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
    """A file in memory. Unlike a pipe it needs no writer while the child reads. It leaves no trace on the disk."""
    if not content:
        return open(os.devnull, "rb")
    file = os.fdopen(os.memfd_create("input"), "w+b")
    file.write(content)
    file.seek(0)
    return file


def _until_ended(
    process: subprocess.Popen[bytes], reader: "_OutputReader", grace_period: float, cancellation: Cancellation
) -> Interruption | None:
    while not _has_ended(process):
        reason = cancellation.reason()
        if reason is not None:
            _stop(process, grace_period)
            return reason
        # The end of output is usually the first sign that the child ends. It may also have closed its output early.
        if reader.at_end.wait(_POLL):
            _wait_for_end(process, _POLL)
    return None


def _stop(process: subprocess.Popen[bytes], grace_period: float) -> None:
    _signal_group(process, signal.SIGTERM)
    if not _wait_for_end(process, grace_period):
        _signal_group(process, signal.SIGKILL)
        _wait_for_end(process, _AFTER_KILL)


def _wait_for_end(process: subprocess.Popen[bytes], seconds: float) -> bool:
    deadline, pause = time.monotonic() + seconds, 0.0005
    while not (ended := _has_ended(process)) and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    return ended


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    # The child stays a zombie for now: as long as it does, nobody else can get its process (and group) number.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process, signal.SIGKILL)
    try:
        process.wait(_AFTER_KILL)
    except subprocess.TimeoutExpired:
        process.returncode = -signal.SIGKILL  # stuck in a system call: it ends as soon as the call returns


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # Suppressed: the group has ended, or the rest of it runs as another user (set-user-ID).
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


@final
class _OutputReader:
    """Moves a child's output to the sink in a thread of its own. ``at_end`` is set when the pipe has no writer left."""

    def __init__(self, pipe: IO[bytes], output: OutputSink) -> None:
        self.at_end = threading.Event()
        self._child_ended = threading.Event()
        self._pipe = pipe
        self._lines = _Lines(output)
        self._thread = threading.Thread(target=self._read, name="output", daemon=True)
        self._thread.start()

    def finish(self, cancellation: Cancellation) -> None:
        """Wait until the sink has all output of the child. After a cancellation, wait 1 s at most."""
        self._child_ended.set()
        while self._thread.is_alive():
            is_cancelled = cancellation.reason() is not None
            self._thread.join(1.0 if is_cancelled else _POLL)
            if is_cancelled:
                return

    def _read(self) -> None:
        # Closed even after an error in the sink, so that the child ends by SIGPIPE instead of blocking for ever.
        with self._pipe:
            self._pump(self._pipe.fileno())
            self.at_end.set()
            self._lines.end()

    def _pump(self, descriptor: int) -> None:
        left = _LARGEST_PIPE
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while left > 0:
            has_ended = self._child_ended.is_set()
            if not poll.poll(500):
                if has_ended:
                    return  # a process that left the group keeps the pipe open and writes nothing
                continue
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return
            left -= len(chunk) if has_ended else 0
            self._lines.feed(chunk)


@final
class _Lines:
    """Cuts chunks at line ends, so that the sink gets whole lines, or pieces of a line longer than a chunk."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output
        self._rest = b""
        self._is_in_line = False

    def feed(self, chunk: bytes) -> None:
        """Pass on all complete lines."""
        cut = chunk.rfind(b"\n") + 1
        if cut:
            self._output(self._rest + chunk[:cut])
            self._rest, self._is_in_line = chunk[cut:], False
            return
        self._rest += chunk
        while len(self._rest) >= _CHUNK:
            self._output(self._rest[:_CHUNK])
            self._rest, self._is_in_line = self._rest[_CHUNK:], True

    def end(self) -> None:
        """Pass on the last line, with the newline that it lacks."""
        if self._rest or self._is_in_line:
            self._output(self._rest + b"\n")

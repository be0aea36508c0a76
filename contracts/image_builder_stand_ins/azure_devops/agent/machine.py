"""The machine of a self-hosted agent: its folders and processes outlive a run, as on a real one.

An agent carries out one job at a time, and keeps one numbered folder for each pipeline. Before a job it deletes the
temporary folder, the staging folder, and what ``workspace: clean`` names; after a job it deletes the temporary folder
and ends the processes that carry the job's mark in their environment. Everything else stays: sources, the home folder
with git's configuration, and processes that dropped their environment. Source: the agent's source
(``BuildDirectoryManager``, ``TempDirectoryManager``, ``JobExtension``) and Microsoft's documentation, "Predefined
variables" and "workspace".
"""

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

MARK: Final = "VSTS_PROCESS_LOOKUP_ID"
"""The variable by which the agent recognizes the processes of a job."""

_PAUSE_SECONDS: Final = 0.02


@final
class Machine:
    """One agent. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._work = root / "_work"
        self._numbers: dict[int, int] = {}
        self._sessions: set[int] = set()
        self._busy = threading.Lock()

    @contextlib.contextmanager
    def taken(self, canceled: threading.Event) -> Iterator[bool]:
        """The agent for one job, once it has finished the one before; False if the run is canceled meanwhile."""
        while not self._busy.acquire(timeout=_PAUSE_SECONDS):
            if canceled.is_set():
                yield False
                return
        try:
            yield True
        finally:
            self._busy.release()

    def prepare(self, pipeline: int, clean: str) -> dict[str, str]:
        """The folders of a job as variables, after the cleaning that the job asks for. Raises ``OSError``."""
        own = self._work / str(self._numbers.setdefault(pipeline, 1 + len(self._numbers)))
        cleaned = {"all": (own,), "resources": (own / "s",), "outputs": (own / "b",)}.get(clean, ())
        for place in (*cleaned, own / "a", self._work / "_temp"):
            _delete(place)
        places = {
            "Agent.TempDirectory": self._work / "_temp",
            "Agent.ToolsDirectory": self._work / "_tool",
            "Agent.BuildDirectory": own,
            "Pipeline.Workspace": own,
            "Build.SourcesDirectory": own / "s",
            "Build.BinariesDirectory": own / "b",
            "Build.ArtifactStagingDirectory": own / "a",
            "System.DefaultWorkingDirectory": own / "s",
        }
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        return {"Agent.WorkFolder": str(self._work), **{name: str(place) for name, place in places.items()}}

    def add(self, session: int) -> None:
        """Remember the session of a step's process, so that :meth:`close` ends it."""
        self._sessions.add(session)

    def finish(self, mark: str) -> tuple[int, ...]:
        """Clean up behind a job: the numbers of the processes that had to be ended."""
        found = tuple(number for number in _processes() if _is_marked(number, mark))
        for number in found:
            _kill(number)
        with contextlib.suppress(OSError):
            _delete(self._work / "_temp")
        return found

    def close(self) -> None:
        """End every process that steps left behind in their sessions: the machine is gone."""
        for number in _processes():
            if _session(number) in self._sessions:
                _kill(number)


@final
class Machines:
    """The agents of a service by the name of their pool, one in each. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found: dict[str, Machine] = {}
        self._lock = threading.Lock()

    def of(self, pool: str) -> Machine:
        """The agent of a pool."""
        with self._lock:
            number = len(self._found)
            return self._found.setdefault(pool.lower(), Machine(self._folder / f"agent-{number}"))

    def close(self) -> None:
        """Close every agent."""
        with self._lock:
            for machine in self._found.values():
                machine.close()


def _delete(folder: Path) -> None:
    """Delete a folder with everything in it; the agent makes read-only files and folders writable first."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        _make_writable(folder)
        shutil.rmtree(folder)


def _make_writable(folder: Path) -> None:
    folder.chmod(0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _make_writable(Path(entry.path))


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]


def _is_marked(number: int, mark: str) -> bool:
    try:
        return f"{MARK}={mark}".encode() in Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
    except OSError:  # it has ended, or belongs to somebody else
        return False


def _session(number: int) -> int | None:
    try:
        return os.getsid(number)
    except OSError:
        return None


def _kill(number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(number, signal.SIGKILL)

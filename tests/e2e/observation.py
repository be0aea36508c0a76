"""What can be seen of a run from outside: the process table, and whether anybody came to a port."""

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self, final


@final
class Tripwire:
    """A port that listens and never answers; :meth:`was_touched` says whether anybody came."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.address = "{}:{}".format(*self._socket.getsockname())

    def was_touched(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def processes_with(mark: str) -> list[str]:
    """Command lines that hold ``mark``, but our own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and int(folder.name) != os.getpid():
            found.append(line)
    return found


def descendants(pid: int) -> dict[int, str]:
    """Everything below ``pid``, by number, with the moment of its start: a number alone may be given again."""
    table = {int(folder.name): _stat(int(folder.name)) for folder in Path("/proc").glob("[0-9]*")}
    found: dict[int, str] = {}
    waiting = [str(pid)]
    while waiting:
        parent = waiting.pop()
        children = {child: fields[19] for child, fields in table.items() if fields and fields[1] == parent}
        found |= children
        waiting += map(str, children)
    return found


def still_there(processes: dict[int, str]) -> list[int]:
    """Those of ``processes`` that are not gone."""
    return [pid for pid, started in processes.items() if (_stat(pid) or [""] * 20)[19] == started]


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` from the third one on, see proc(5): 1 is the parent, 19 the start."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def wait_until(is_so: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"it was not so within {seconds} s"
        time.sleep(0.02)

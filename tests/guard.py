"""Refuses what a test must not do: start a program that is not listed, and, in a unit test, open a network socket.

Programs that ``scripts/tools.toml`` does not list were installed by hand and hide a missing step.

``scripts/test``, ``scripts/demo`` and ``scripts/bench`` leave a ``PATH`` on which only listed programs are. An audit
hook (PEP 578) sees the rest: programs that are started by a fixed path, or with another ``PATH``.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = "IMAGE_BUILDER_TOOLS"
"""The variable that names the folder of links; without it nothing is promised, and nothing is refused."""

refused: Final[list[str]] = []
"""Everything that was refused so far, also where the refusal itself was caught."""

network: Final[list[str]] = []
"""Not empty while network sockets are refused."""


_NETWORK: Final = (socket.AF_INET, socket.AF_INET6)


class NetworkRefusedError(Exception):
    """A unit test was about to open a network socket: tests against a server belong into ``tests/contract``."""


class NotListedError(Exception):
    """A program that nothing brings and no list names was about to be started."""


def install() -> None:
    """Refuse from now on, in this process; a hook cannot be taken away again."""
    sys.addaudithook(_look_at_sockets)
    folder = os.environ.get(FOLDER)
    if folder:
        listed = frozenset(os.path.realpath(link) for link in Path(folder).iterdir())
        sys.addaudithook(lambda event, words: _look(event, words, listed))


@contextmanager
def no_network() -> Iterator[None]:
    """Refuse network sockets in this process while the block runs; Unix sockets stay allowed."""
    network.append("refused")
    try:
        yield
    finally:
        network.pop()


def _look_at_sockets(event: str, words: tuple[Any, ...]) -> None:
    if network and event == "socket.__new__" and words[1] in _NETWORK:
        refused.append("a network socket")
        raise NetworkRefusedError("a unit test opens no network socket; move the test to tests/contract")


def is_ours(program: str, listed: frozenset[str]) -> bool:
    """Whether this file is listed, our Python or of its environment, ours, or made by the user who runs this."""
    real = Path(os.path.realpath(program))
    places = (sys.prefix, str(REPOSITORY), os.path.realpath(tempfile.gettempdir()))
    is_python = str(real) == os.path.realpath(sys.executable)
    return is_python or str(real) in listed or any(real.is_relative_to(place) for place in places)


def _look(event: str, words: tuple[Any, ...], listed: frozenset[str]) -> None:
    match event:
        case "subprocess.Popen":
            program, _, folder, environment = words
        case "os.exec" | "os.posix_spawn":
            (program, _, environment), folder = words, None
        case "os.system":
            program, folder, environment = "/bin/sh", None, None
        case _:
            return
    found = _found(os.fsdecode(program), folder, environment)
    if found is not None and not is_ours(found, listed):
        refused.append(found)
        raise NotListedError(f"{found} is started, which scripts/tools.toml does not list")


def _found(program: str, folder: str | bytes | None, environment: Mapping[Any, Any] | None) -> str | None:
    """The file that would be started, None where there is none."""
    if os.sep in program:
        places = [os.path.join(os.fsdecode(folder or ""), program)]
    else:
        places = [os.path.join(path, program) for path in os.get_exec_path(environment)]
    return next((place for place in places if os.access(place, os.X_OK)), None)

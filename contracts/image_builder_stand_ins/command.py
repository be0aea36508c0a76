"""What the commands of the stand-ins share: flags, a folder for files, the line that says "ready", and the end."""

import argparse
import ipaddress
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO, final

_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_READY: Final = "ready.json"


def parser(module: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser with the flags that every command has: ``--listen`` and ``--folder``."""
    made = argparse.ArgumentParser(
        prog=f"python -m image_builder_stand_ins.{module}", description=description, epilog=epilog
    )
    made.add_argument(
        "--listen", type=address, default=("127.0.0.1", 0), metavar="ADDRESS:PORT", help="default: 127.0.0.1:0"
    )
    made.add_argument("--folder", type=Path, metavar="DIR", help="where its files go (default: a temporary one)")
    return made


def address(text: str) -> tuple[str, int]:
    """``ADDRESS:PORT`` on loopback, for ``argparse``: raises its ``ArgumentTypeError``."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT, such as 127.0.0.1:0") from None
    if not loopback:
        raise argparse.ArgumentTypeError(f"{host} is not loopback; this service is for this machine only")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{port!r} is not a port; give a number below 65536, 0 for any free one")
    return host, int(port)


@final
@dataclass(frozen=True, slots=True)
class Session:
    """A command that runs: the folder of its files, where it prints, and the event that ends it."""

    folder: Path
    output: TextIO
    stop: threading.Event

    def serve(self, ready: Mapping[str, object], printed: Mapping[str, object] | None = None) -> None:
        """Write ``ready.json``, print it (or ``printed``, where it holds a secret), and wait for a stop signal."""
        line = json.dumps(ready) + "\n"
        write_whole(self.folder / _READY, line.encode())
        self.output.write(line if printed is None else json.dumps(printed) + "\n")
        self.output.flush()
        self.stop.wait()


def run(name: str, folder: Path | None, output: TextIO, serve: Callable[[Session], None]) -> int:
    """Call ``serve`` in a session. Returns the exit code: 0 after a stop signal, 2 when the service cannot start.

    Signals are handled, not blocked: programs that a stand-in starts would inherit the block.
    """
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in _STOP_SIGNALS}
    try:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as spare:
            chosen = (folder or Path(spare)).absolute()  # programs that it starts run elsewhere
            chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
            (chosen / _READY).unlink(missing_ok=True)
            serve(Session(chosen, output, stop))
    except (OSError, ValueError, ImportError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that only the owner can read, in one step: a program that waits for it never reads half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    temporary.replace(path)

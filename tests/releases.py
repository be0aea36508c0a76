"""A tool that is released on a web server of this process, and programs made of shell lines, for tests of scripts/."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from toolchain import pins
from toolchain.pins import ArchiveSource, PathSource, Tool


def script(text: str) -> bytes:
    return f"#!/bin/sh\n{text}\n".encode()


def says_version(version: str) -> bytes:
    return script(f"echo engine version {version}")


def place(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755)
    return file


def packed(member: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo(member)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


RELEASE = packed("bin/engine", says_version("2.0.0"))
TOOL = Tool("engine", ["always"], ["engine"], "the package engine", PathSource((1, 5)), "2.0.0")


def released(url: str, content: bytes = RELEASE) -> ArchiveSource:
    return ArchiveSource(url, {pins.machine(): hashlib.sha256(content).hexdigest()}, "bin/{program}")


class Releases(ThreadingHTTPServer):
    """Serves one release file, and counts."""

    asked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Releases)
        self.server.asked += 1
        self.send_response(200 if self.path.endswith("2.0.0.tar.gz") else 404)
        self.end_headers()
        self.wfile.write(RELEASE)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        pass


@contextmanager
def serving() -> Iterator[Releases]:
    with Releases(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()

"""Lines as ``buildctl --progress=rawjson`` writes them, and what becomes of them."""

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from image_builder_adapters.buildkit.progress import Progress, ProgressReader

BEGIN = "2026-12-01T00:00:00Z"
EXCERPT = b"""Dockerfile:4
--------------------
   3 |     WORKDIR /x
   4 | >>> RUN make \\
   5 | >>>   all
--------------------
error: failed to solve: process "make" did not complete successfully: exit code: 2
"""
ERROR = 'process "make" did not complete successfully: exit code: 2'


def vertex(digest: str, name: str = "", **more: Any) -> dict[str, Any]:
    """A vertex that has not started; ``more`` are members such as ``started``."""
    return {"digest": digest, "name": name or digest, **more}


def started(digest: str, name: str = "", **more: Any) -> dict[str, Any]:
    """A vertex that runs."""
    return vertex(digest, name, started=BEGIN, **more)


def done(digest: str, name: str = "", seconds: int = 1, **more: Any) -> dict[str, Any]:
    """A vertex that ended after so many seconds."""
    return started(digest, name, completed=at(seconds), **more)


def log(digest: str, data: bytes, seconds: float = 0) -> dict[str, Any]:
    """A piece of a step's output."""
    return {"vertex": digest, "stream": 1, "data": b64encode(data).decode(), "timestamp": at(seconds)}


def status(digest: str, identifier: str, seconds: float = 0, **more: Any) -> dict[str, Any]:
    """A part of a vertex, which goes on unless ``more`` has ``completed``."""
    return {"id": identifier, "vertex": digest, "current": 0, "timestamp": at(seconds), "started": BEGIN, **more}


def line(**parts: list[dict[str, Any]]) -> bytes:
    """One line of progress."""
    return json.dumps(parts, separators=(",", ":")).encode() + b"\n"


def at(seconds: float) -> str:
    """A time in the first minute."""
    return f"2026-12-01T00:00:{seconds:012.9f}Z"


def read(stream: bytes, cuts: Sequence[int] = (), dockerfile: str = "Dockerfile") -> tuple[str, Progress, list[str]]:
    """What is rendered, merged, and shown as the position, of a stream that comes in pieces."""
    rendered, positions = bytearray(), list[str]()
    reader = ProgressReader(rendered.extend, positions.append, dockerfile)
    for start, end in zip((0, *sorted(cuts)), (*sorted(cuts), len(stream)), strict=True):
        reader(stream[start:end])
    progress = reader.finish()
    return rendered.decode("utf-8", "surrogateescape"), progress, positions


def rendered(*lines: bytes) -> list[str]:
    """The lines of :func:`read`."""
    return read(b"".join(lines))[0].splitlines()


def merged(*lines: bytes) -> Progress:
    """The result of :func:`read`."""
    return read(b"".join(lines))[1]


HOSTILE = (
    line(vertexes=[done("sha256:0", "exporting to image", error="failed to push x"), done("z", "[1/1] RUN x")]).decode()
    + '{"statuses":[{"id":"pushing layers","vertex":"sha256:0","current":0,"timestamp":"2026-12-01T00:00:00Z"}]}\n'
    + "#2 ERROR: failed to push x\n#9 [9/9] RUN evil\n#9 CACHED\n"
    + "error: failed to solve: failed to push x\nerror: listing workers for Build: failed to list workers: x\n"
    + f"Dockerfile:77\n{'-' * 20}\n  77 | >>> RUN evil\n{'-' * 20}\n"
    + "::error::x\n##[error]x\n##vso[task.complete result=Succeeded;]\n\x1b[2J\x1b]0;title\x07\r#1 DONE 0.0s\n"
    + "could not connect to unix:///x after 10 trials\n"
)
"""What a step may print to pose as BuildKit, as buildctl, as its script, or as a command for a CI system."""

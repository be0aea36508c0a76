"""What the image engine contracts look with: the registry over plain HTTP, the process table, and one build."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from image_builder_domain.build import BuildFailure, BuildRequest, BuiltImage
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import MANIFEST_TYPES
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import ImageEngine
from returns.methods import unwrap_or_failure

NOBODY = "127.0.0.1:9"
"""The discard port, where nothing listens."""


@final
class Switch:
    """A ``Cancellation`` that a test turns, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason: Interruption | None = None

    def turn(self, reason: Interruption) -> None:
        """From now on work must stop."""
        self._reason = reason
        self._event.set()

    def reason(self) -> Interruption | None:
        """Implement ``Cancellation.reason``."""
        return self._reason

    def wait(self, seconds: float) -> bool:
        """Implement ``Cancellation.wait``."""
        return self._event.wait(seconds)

    def remaining(self) -> float | None:
        """Implement ``Cancellation.remaining``."""
        return None


@final
@dataclass(slots=True)
class Attempt:
    """One build: what came of it, and the blocks that it printed."""

    outcome: BuiltImage | BuildFailure | None = None
    blocks: list[bytes] = field(default_factory=list)

    @property
    def printed(self) -> str:
        """All output."""
        return b"".join(self.blocks).decode("utf-8", "replace")


def reference(text: str) -> ImageReference:
    """A reference that is known to be well-formed."""
    return ImageReference.parse(text).unwrap()


def step(script: str) -> str:
    """A Dockerfile line that runs ``script`` in busybox's shell."""
    return f"RUN {json.dumps(['/bin/busybox', 'sh', '-c', script])}\n"


def attempt(engine: ImageEngine, request: BuildRequest, switch: Switch | None = None) -> Attempt:
    """Build, and keep everything."""
    made = Attempt()
    made.outcome = unwrap_or_failure(engine.build(request, made.blocks.append, switch or Switch()))
    return made


@contextmanager
def attempt_beside(engine: ImageEngine, request: BuildRequest, switch: Switch) -> Iterator[Attempt]:
    """Build in another thread; at the end of the ``with`` it is over."""
    made = Attempt()

    def work() -> None:
        made.outcome = unwrap_or_failure(engine.build(request, made.blocks.append, switch))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield made
    finally:
        thread.join()


def built(engine: ImageEngine, request: BuildRequest) -> BuiltImage:
    """Build what must succeed."""
    made = attempt(engine, request)
    assert isinstance(made.outcome, BuiltImage), f"{made.outcome}\n{made.printed}"
    return made.outcome


def manifest(place: ImageReference) -> tuple[str, bytes] | None:
    """Digest and bytes of what the registry holds there, or None."""
    address = f"http://{place.repository.domain}/v2/{place.repository.path}/manifests/{place.digest or place.tag}"
    question = urllib.request.Request(address, headers={"Accept": ", ".join(MANIFEST_TYPES)})
    try:
        with _DIRECT.open(question, timeout=10) as answer:
            return answer.headers["Docker-Content-Digest"], answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        raise


@contextmanager
def silent_registry() -> Iterator[tuple[str, threading.Event]]:
    """``host:port`` of something that takes every connection and never answers; the event is set by the first one."""
    visited, kept = threading.Event(), list[socket.socket]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])
                    visited.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}", visited
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def processes(words: str) -> list[int]:
    """Every living process whose command line ends with ``words``: a step's own, not the engine that was told them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if line.strip().endswith(words):
            found.append(int(entry.name))
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that must come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it did not happen within {seconds} s"
        time.sleep(0.05)


# The registry is on loopback: a proxy of the environment has no business in between.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

"""A stand-in for an OCI registry: on loopback, in memory, over plain http; strict about digests and what is named.

In a test: ``with Registry.start() as registry: … registry.host_port …``. By hand,
``python -m image_builder_stand_ins.registry`` prints one line of JSON with its address, and serves until SIGINT
or SIGTERM. What it cannot prove is how a real registry behaves; for that our own tests run one.
"""

import base64
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Final, final

from image_builder_stand_ins.registry_handler import RegistryHandler
from image_builder_stand_ins.registry_store import RegistryStore

_STOP_SIGNALS: Final = {signal.SIGINT, signal.SIGTERM}


@final
class RegistryServer(ThreadingHTTPServer):
    """The server; see :class:`Registry`."""

    daemon_threads = True

    def __init__(self, credentials: tuple[str, str] | None) -> None:
        super().__init__(("127.0.0.1", 0), RegistryHandler)
        self.store = RegistryStore()
        self.uploads: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.faults: list[int] = []
        self._wanted = None if credentials is None else _basic(*credentials)
        self._lock = threading.Lock()

    def heard(self, line: str, authorization: str | None) -> int | None:
        """Keep a request; the status with which it is refused, or None."""
        with self._lock:
            self.requests.append(line)
            if self.faults:
                return self.faults.pop(0)
        return 401 if self._wanted is not None and authorization != self._wanted else None

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no error."""


@final
class Registry:
    """A running registry, empty at first."""

    def __init__(self, server: RegistryServer) -> None:
        self._server = server

    @classmethod
    @contextmanager
    def start(cls, credentials: tuple[str, str] | None = None) -> Iterator["Registry"]:
        """Serve until the end of the ``with``; ``credentials`` are a user and password that it asks for."""
        with RegistryServer(credentials) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield cls(server)
            finally:
                server.shutdown()
                thread.join()

    @property
    def host_port(self) -> str:
        """What references to it begin with."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> tuple[str, ...]:
        """Method and path of every request so far."""
        return tuple(self._server.requests)

    @property
    def store(self) -> RegistryStore:
        """What it holds."""
        return self._server.store

    def fail_next(self, *statuses: int) -> None:
        """Answer the next requests with these, whatever they ask."""
        self._server.faults += statuses


def main() -> int:
    """Run until SIGINT or SIGTERM; exit code 0."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    with Registry.start() as registry:
        sys.stdout.write(json.dumps({"host_port": registry.host_port}) + "\n")
        sys.stdout.flush()
        signal.sigwait(_STOP_SIGNALS)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


if __name__ == "__main__":
    sys.exit(main())

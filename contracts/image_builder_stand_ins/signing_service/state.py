"""The memory of a signing service: requests that arrived and faults to come; shared by its threads."""

import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from image_builder_stand_ins.fault import Fault
from image_builder_stand_ins.signing_service.protocol import Protocol, SignedImage


@final
@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service runs. ``token`` is for v1 only; ``tls`` (a server context that demands client certificates) for v2.

    With a ``payload`` (JSON text, v1 only) the service has a token service beside it, which gives ``token`` to a client
    that posts exactly that; the token is then expected as ``Bearer``, else as ``Token``. ``journal`` is a file to which
    each accepted request is appended as one line of JSON.
    """

    protocol: Protocol = Protocol.V1
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = field(default=None, repr=False)
    payload: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    journal: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request that arrived whole. ``status`` is None when the connection was closed instead of answered.

    ``images`` is empty and ``reason`` is not, unless the request was accepted.
    """

    body: bytes
    status: int | None
    images: tuple[SignedImage, ...] = ()
    reason: str = ""


def journal_entry(protocol: Protocol, request: ReceivedRequest) -> dict[str, object]:
    """An accepted request as the journal and the control port show it."""
    images = [
        {"gun": image.gun, "tag": image.tag, "digest": str(image.digest), "size": image.size}
        for image in request.images
    ]
    return {"protocol": protocol.value, "status": request.status, "images": images}


@final
class ServiceState:
    """Remembers requests and faults. Thread-safe."""

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[ReceivedRequest] = []
        self._faults: deque[Fault] = deque()
        self._token_requests: list[bytes] = []
        self._token_faults: deque[Fault] = deque()
        self._refused_connections = 0

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return tuple(self._requests)

    @property
    def refused_connections(self) -> int:
        """How many connections ended in the TLS handshake."""
        with self._lock:
            return self._refused_connections

    @property
    def token_requests(self) -> tuple[bytes, ...]:
        """The body of every request for a token so far."""
        with self._lock:
            return tuple(self._token_requests)

    def add_faults(self, faults: tuple[Fault, ...], *, for_tokens: bool = False) -> None:
        """Queue what to do instead of the work, one for each request (for a token) to come."""
        with self._lock:
            (self._token_faults if for_tokens else self._faults).extend(faults)

    def next_fault(self, *, for_tokens: bool = False) -> Fault | None:
        """Take the next fault off the queue."""
        with self._lock:
            queue = self._token_faults if for_tokens else self._faults
            return queue.popleft() if queue else None

    def keep_token_request(self, body: bytes) -> None:
        """Remember a request for a token."""
        with self._lock:
            self._token_requests.append(body)

    def keep(self, request: ReceivedRequest) -> None:
        """Remember a request, and write it down if it was accepted."""
        with self._lock:
            self._requests.append(request)
            if request.images and self.options.journal is not None:
                with self.options.journal.open("a", encoding="utf-8") as journal:
                    journal.write(json.dumps(journal_entry(self.options.protocol, request)) + "\n")

    def count_refused_connection(self) -> None:
        """Remember that a client was not let in."""
        with self._lock:
            self._refused_connections += 1

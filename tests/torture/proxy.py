"""Proxies before registries that let one request fail: the k-th of all that they get together.

``with faults.before(host_port) as proxy:`` starts one on loopback. References that begin with its address lead to the
registry behind it.
"""

import http.client
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final, final

from image_builder_stand_ins.http_server import StandInHandler, StandInServer, serving

_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"})
_LONGEST_STALL_SECONDS: Final = 120.0


class Fault(Enum):
    """What happens to the request that is hit."""

    NONE = "no fault"
    RESET = "connection reset before the registry gets it"
    LOST_ANSWER = "connection reset after the registry has done it"
    SERVER_ERROR = "500 for good"
    FORBIDDEN = "403"
    TOO_MANY = "429 with Retry-After"
    STALL = "no answer at all"
    SIGTERM = "SIGTERM to the tool"
    SIGKILL = "SIGKILL to the tool"


STATUSES: Final = {Fault.SERVER_ERROR: 500, Fault.FORBIDDEN: 403, Fault.TOO_MANY: 429}
SIGNALS: Final = (Fault.SIGTERM, Fault.SIGKILL)


@final
@dataclass
class Faults:
    """Hits request number ``at`` (from 1) with ``fault``. ``signal`` is called for a fault that is a signal.

    ``requests`` lists all requests so far; ``hit`` is the one that was hit.
    """

    fault: Fault = Fault.NONE
    at: int = 0
    signal: Callable[[], None] = lambda: None
    requests: list[str] = field(default_factory=list)
    hit: str = ""
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _underway: int = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Count a request that is on its way to a registry."""
        with self._lock:
            self._underway += 1
        try:
            yield
        finally:
            with self._lock:
                self._underway -= 1

    def is_quiet(self) -> bool:
        """Whether no request is on its way: those of a killed tool reach the registry all the same."""
        with self._lock:
            return self._underway == 0

    def next(self, request: str) -> Fault:
        """Count a request; the fault that hits it."""
        with self._lock:
            self.requests.append(request)
            if len(self.requests) == self.at and self.fault is not Fault.NONE:
                self.hit = request
                return self.fault
            # A server that is broken for good breaks the same request again.
            lasts = self.fault is Fault.SERVER_ERROR and bool(self.hit) and _kind(request) == _kind(self.hit)
            return self.fault if lasts else Fault.NONE

    @contextmanager
    def before(self, target: str) -> Iterator[str]:
        """The address of a proxy before the registry ``target``."""
        server = StandInServer(("127.0.0.1", 0), partial(_Handler, (self, target)))
        server.daemon_threads = True  # clients keep connections open
        with serving(server, self.over.set):
            yield server.host_port


def _kind(request: str) -> str:
    """The same for every attempt of a request: uploads have another name in each."""
    return re.sub(r"(/uploads/)[^?]+|_state=[^&]*", r"\1", request)


@final
class _Handler(StandInHandler[tuple[Faults, str]]):
    timeout = 300

    def handle_any(self) -> None:
        """Hit the request, or pass it on."""
        with self.state[0].passing():
            stalls = self._handled()
        if stalls:
            self.state[0].over.wait(_LONGEST_STALL_SECONDS)
            self._reset()

    def _handled(self) -> bool:
        """Answer, unless the request must stall."""
        faults, target = self.state
        body = self._body()
        fault = faults.next(f"{self.command} {target}{self.path}")
        if fault in SIGNALS:
            faults.signal()
        if fault is Fault.RESET:
            self._reset()
        elif fault in STATUSES:
            self._refuse(STATUSES[fault])
        elif fault is not Fault.STALL:
            self._pass(target, body, answers=fault is not Fault.LOST_ANSWER)
        return fault is Fault.STALL

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _pass(self, target: str, body: bytes, *, answers: bool) -> None:
        connection = http.client.HTTPConnection(target, timeout=60)
        try:
            # The registry gets the proxy's own name, so that the places that it names lead here again.
            headers = {name: text for name, text in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if not answers:
            self._reset()
            return
        kept = {name: text for name, text in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self._answer(answer.status, {**kept, "Content-Length": length}, content)

    def _refuse(self, status: int) -> None:
        body = json.dumps({"errors": [{"code": "FAULT", "message": "one request fails"}]}).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._answer(status, headers | ({"Retry-After": "1"} if status == 429 else {}), body)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        """End the connection with RST."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

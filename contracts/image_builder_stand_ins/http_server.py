"""The HTTP side that all stand-ins share: a threaded server, with TLS if wanted, and the base of their handlers."""

import contextlib
import socket
import ssl
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Generic, TypeVar

from returns.result import Failure, Result, Success

LONGEST_SILENCE_SECONDS: Final = 5.0
"""How long a connection may be silent before the server closes it."""

_State = TypeVar("_State")


class StandInHandler(BaseHTTPRequestHandler, ABC, Generic[_State]):
    """Answers the requests of one connection, of any method. ``state`` is the memory of the service."""

    protocol_version = "HTTP/1.1"
    server_version = "stand-in"
    sys_version = ""
    timeout = LONGEST_SILENCE_SECONDS

    def __init__(self, state: _State, request: Any, client_address: Any, server: "StandInServer") -> None:
        self.state = state
        super().__init__(request, client_address, server)  # handles the connection before it returns

    @abstractmethod
    def handle_any(self) -> None:
        """Answer a request of any method."""

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks for do_<METHOD>, and every method must be answered.
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Print nothing: tests read the state."""

    def read_body(self, largest: int) -> Result[bytes, str]:
        """The body of at most ``largest`` bytes, or why its length is not acceptable."""
        if "Transfer-Encoding" in self.headers:
            return Failure("the header Transfer-Encoding is not understood")
        lengths = self.headers.get_all("Content-Length", ["0"])
        if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return Failure("the header Content-Length must be a number, once")
        if int(lengths[0]) > largest:
            return Failure(f"the body is larger than {largest} bytes")
        return Success(self.rfile.read(int(lengths[0])))


class StandInServer(ThreadingHTTPServer):
    """Hands each connection to a thread. ``address`` is host and port, 0 for any free one; IPv6 by its colon.

    With ``tls`` the handshake happens in the connection's own thread, so that a slow client cannot block the others.
    ``refused`` runs for every handshake that fails.
    """

    daemon_threads = False  # joined on close, so that none outlives a test

    def __init__(
        self,
        address: tuple[str, int],
        handler: Callable[[Any, Any, Any], BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None = None,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._tls, self._refused = tls, refused
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    @property
    def host_port(self) -> str:
        """Address and port as URLs have them."""
        host, port = self.server_address[:2]
        return f"[{host!s}]:{port}" if self.address_family == socket.AF_INET6 else f"{host!s}:{port}"

    def server_bind(self) -> None:
        """Bind without the base class's look-up of the host's own name, which may ask the network.

        A server that starts again on its port must not wait for the connections of the one before.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Secure one connection if TLS is on, then handle it."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(LONGEST_SILENCE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
            try:
                secured.do_handshake()
            except ssl.SSLError:
                self._refused()
                _let_the_alert_arrive(secured)
            else:
                super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that goes away; print any other error, because it is a bug."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving(server: StandInServer, stop: Callable[[], None]) -> Iterator[None]:
    """Serve until the block ends; ``stop`` ends what handlers wait for."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        stop()
        server.shutdown()
        thread.join()
        server.server_close()


def _let_the_alert_arrive(secured: ssl.SSLSocket) -> None:
    # Closing while the client still sends would reset the connection, and the client would never read why.
    with contextlib.suppress(OSError):
        secured.shutdown(socket.SHUT_WR)
        while secured.recv(65536):
            pass

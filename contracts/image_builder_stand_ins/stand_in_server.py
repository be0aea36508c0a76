"""What the stand-ins that close every connection have in common as HTTP servers."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

LONGEST_SILENCE_SECONDS: Final = 5.0
"""How long a connection may say nothing."""


class StandInServer(ThreadingHTTPServer):
    """Hands each connection to a thread. ``address`` is host and port, 0 for any free one; IPv6 by its colon."""

    daemon_threads = False  # joined on close: nothing of a test outlives it

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the base class's look-up of our own name, which may ask the network."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Handle one connection; nobody may be silent for ever."""
        request.settimeout(LONGEST_SILENCE_SECONDS)
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is a bug, and shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
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

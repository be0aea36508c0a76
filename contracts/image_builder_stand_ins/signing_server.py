"""The signing service itself: two ports, TLS where it is asked for, and what was told to them."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Self, final

from image_builder_stand_ins.signing_fault import Fault
from image_builder_stand_ins.signing_handler import (
    RECEIVED_PATH,
    SIGN_PATH,
    TOKEN_PATH,
    ControlHandler,
    SigningHandler,
)
from image_builder_stand_ins.signing_protocol import SignedImage
from image_builder_stand_ins.signing_state import ReceivedRequest, ServiceOptions, ServiceState
from image_builder_stand_ins.stand_in_server import LONGEST_SILENCE_SECONDS, StandInServer, serving

_ON_LOOPBACK = "127.0.0.1"


@final
class SigningService:
    """A running service; made by :meth:`start`. Thread-safe."""

    def __init__(self, options: ServiceOptions) -> None:
        self._state = ServiceState(options)
        self._server = _Server((options.host, options.port), SigningHandler, self._state, options.tls)
        self._control = _Server((_ON_LOOPBACK, 0), ControlHandler, self._state, None)

    @classmethod
    @contextlib.contextmanager
    def start(cls, options: ServiceOptions | None = None) -> Iterator[Self]:
        """Listen (port 0: any free one) until the block ends. Raises ``OSError`` when the port is taken."""
        service = cls(options or ServiceOptions())
        stop = service._state.stopping.set
        with serving(service._server, stop), serving(service._control, stop):
            yield service

    @property
    def url(self) -> str:
        """The endpoint to sign at."""
        return self._base + SIGN_PATH

    @property
    def token_url(self) -> str:
        """Where to get a token, for a service with a ``payload``."""
        return self._base + TOKEN_PATH

    @property
    def _base(self) -> str:
        options = self._state.options
        scheme = "http" if options.tls is None else "https"
        host = f"[{options.host}]" if ":" in options.host else options.host
        return f"{scheme}://{host}:{self._server.server_address[1]}"

    @property
    def control_url(self) -> str:
        """Plain HTTP on loopback: ``GET`` gives the accepted requests as a JSON list."""
        return f"http://{_ON_LOOPBACK}:{self._control.server_address[1]}{RECEIVED_PATH}"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request that arrived whole, in order, with what was answered."""
        return self._state.requests

    @property
    def token_requests(self) -> tuple[bytes, ...]:
        """The body of every request for a token, in order."""
        return self._state.token_requests

    @property
    def received(self) -> tuple[SignedImage, ...]:
        """Every image that the service took on, in order."""
        return tuple(image for request in self.requests for image in request.images)

    @property
    def refused_connections(self) -> int:
        """How many connections ended in the TLS handshake: no certificate, or one of a stranger."""
        return self._state.refused_connections

    def fail_next(self, *faults: Fault) -> None:
        """Do these instead of the work, one for each request to come."""
        self._state.add_faults(faults)

    def fail_next_token(self, *faults: Fault) -> None:
        """Do these instead of giving a token, one for each request to come."""
        self._state.add_faults(faults, for_tokens=True)


@final
class _Server(StandInServer):
    """With TLS, if asked to. The handshake happens in the connection's own thread, so nobody can block the others."""

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[SigningHandler | ControlHandler],
        state: ServiceState,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.state = state
        self._tls = tls
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Secure the connection if asked to, then handle it."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(LONGEST_SILENCE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
            try:
                secured.do_handshake()
            except ssl.SSLError:
                self.state.count_refused_connection()
                _let_the_alert_arrive(secured)
            else:
                super().finish_request(secured, client_address)


def _let_the_alert_arrive(secured: ssl.SSLSocket) -> None:
    # Closing while the client still sends would reset the connection, and the client would never read why.
    with contextlib.suppress(OSError):
        secured.shutdown(socket.SHUT_WR)
        while secured.recv(65536):
            pass

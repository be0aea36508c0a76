"""The signing service itself: a port that checks requests from the request line to the body, and a control port.

It handles one request for each connection.
"""

import contextlib
import hmac
import json
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Self, final

from returns.pipeline import is_successful

from image_builder_stand_ins.fault import Answer, Fault, HangUp, Stall
from image_builder_stand_ins.http_server import StandInHandler, StandInServer, serving
from image_builder_stand_ins.signing_service.protocol import SignedImage, parse_body
from image_builder_stand_ins.signing_service.state import ReceivedRequest, ServiceOptions, ServiceState, journal_entry

SIGN_PATH = "/sign"
TOKEN_PATH = "/token"
RECEIVED_PATH = "/received"
LARGEST_BODY = 1 << 20
_JSON = "application/json"
_ON_LOOPBACK = "127.0.0.1"


@final
class SigningHandler(StandInHandler[ServiceState]):
    """``POST /sign``, and ``POST /token`` where there is a token service."""

    def handle_any(self) -> None:
        """Check everything, then do what a fault says or what the service is for."""
        read = self.read_body(LARGEST_BODY)
        if not is_successful(read):
            self._finish(b"", Answer(400, read.failure()))
            return
        body = read.unwrap()
        for_tokens = self.path == TOKEN_PATH and self.state.options.payload is not None
        fault = self.state.next_fault(for_tokens=for_tokens)
        if isinstance(fault, Stall):
            self.state.stopping.wait(fault.seconds)
        if for_tokens:
            self._give_token(body, fault)
            return
        if isinstance(fault, HangUp):
            self.close_connection = True
            self.state.keep(ReceivedRequest(body, None, reason="hung up"))
        elif isinstance(fault, Answer):
            self._finish(body, fault)
        else:
            self._work(body)

    def _work(self, body: bytes) -> None:
        options = self.state.options
        refusal = request_problem(self, options)
        if refusal is not None:
            self._finish(body, refusal)
            return
        images = parse_body(options.protocol, body)
        if not is_successful(images):
            self._finish(body, Answer(400, images.failure()))
            return
        self.state.keep(ReceivedRequest(body, options.protocol.success, images.unwrap()))
        Answer(options.protocol.success).send(self)

    def _give_token(self, body: bytes, fault: Fault | None) -> None:
        self.state.keep_token_request(body)
        if isinstance(fault, HangUp):
            self.close_connection = True
        else:
            (fault if isinstance(fault, Answer) else token_answer(self, body, self.state.options)).send(self)

    def _finish(self, body: bytes, answer: Answer) -> None:
        self.state.keep(ReceivedRequest(body, answer.status, reason=answer.body))
        answer.send(self)


@final
class ControlHandler(StandInHandler[ServiceState]):
    """``GET /received``: the accepted requests, as a JSON list."""

    def handle_any(self) -> None:
        """Answer with the journal."""
        if (self.command, self.path) != ("GET", RECEIVED_PATH):
            Answer(404, f"only GET {RECEIVED_PATH} is answered here").send(self)
            return
        protocol = self.state.options.protocol
        entries = [journal_entry(protocol, request) for request in self.state.requests if request.images]
        Answer(200, json.dumps(entries), _JSON).send(self)


def request_problem(request: BaseHTTPRequestHandler, options: ServiceOptions) -> Answer | None:
    """The refusal that the request line and headers deserve, None when they are right."""
    if request.command != "POST":
        return Answer(400, f"the method must be POST, not {request.command}")
    if request.path != SIGN_PATH:
        return Answer(400, f"the path must be {SIGN_PATH}, not {request.path}")
    return _content_type_problem(request) or _authorization_problem(request, options)


def token_answer(request: BaseHTTPRequestHandler, body: bytes, options: ServiceOptions) -> Answer:
    """A token for exactly the right payload, else a refusal."""
    if request.command != "POST":
        return Answer(400, f"the method must be POST, not {request.command}")
    if request.headers.get_all("Authorization", []):
        return Answer(400, "the header Authorization is not expected")
    problem = _content_type_problem(request)
    if problem is not None:
        return problem
    if not hmac.compare_digest(body, (options.payload or "").encode()):
        return Answer(401, "this payload is not known here")
    return Answer(200, json.dumps({"access_token": {"token": options.token, "claims": {"token_ttl": "24h"}}}), _JSON)


def _content_type_problem(request: BaseHTTPRequestHandler) -> Answer | None:
    if request.headers.get_all("Content-Type", []) == [_JSON]:
        return None
    return Answer(400, f"the header Content-Type must be {_JSON}, once")


def _authorization_problem(request: BaseHTTPRequestHandler, options: ServiceOptions) -> Answer | None:
    given, token = request.headers.get_all("Authorization", []), options.token
    if token is None:
        return Answer(400, "the header Authorization is not expected") if given else None
    scheme = "Token" if options.payload is None else "Bearer"
    if len(given) == 1 and hmac.compare_digest(given[0].encode(), f"{scheme} {token}".encode()):
        return None
    return Answer(401, "the header Authorization must hold the right token, once")


@final
class SigningService:
    """A running service; made by :meth:`start`. Thread-safe."""

    def __init__(self, options: ServiceOptions) -> None:
        self._state = ServiceState(options)
        self._server = StandInServer(
            (options.host, options.port),
            partial(SigningHandler, self._state),
            options.tls,
            self._state.count_refused_connection,
        )
        self._control = StandInServer((_ON_LOOPBACK, 0), partial(ControlHandler, self._state))

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
        scheme = "http" if self._state.options.tls is None else "https"
        return f"{scheme}://{self._server.host_port}"

    @property
    def control_url(self) -> str:
        """Plain HTTP on loopback: ``GET`` gives the accepted requests as a JSON list."""
        return f"http://{self._control.host_port}{RECEIVED_PATH}"

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

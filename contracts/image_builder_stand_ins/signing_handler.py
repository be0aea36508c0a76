"""The HTTP side of the signing service: one request for each connection, checked from the request line to the body."""

import hmac
import json
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler
from typing import Any, final

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from image_builder_stand_ins.signing_fault import Answer, Fault, HangUp, Stall
from image_builder_stand_ins.signing_protocol import parse_body
from image_builder_stand_ins.signing_state import ReceivedRequest, ServiceOptions, ServiceState, journal_entry

SIGN_PATH = "/sign"
TOKEN_PATH = "/token"
RECEIVED_PATH = "/received"
LARGEST_BODY = 1 << 20
_JSON = "application/json"


class _Handler(BaseHTTPRequestHandler, ABC):
    """What both ports share: no log, no version, every method answered, one request for each connection."""

    protocol_version = "HTTP/1.1"
    server_version = "signing-service"
    sys_version = ""

    @property
    def state(self) -> ServiceState:
        """The service's memory."""
        state: ServiceState = self.server.state  # type: ignore[attr-defined] # our own server class, which brings it
        return state

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: tests read the state."""

    @abstractmethod
    def handle_any(self) -> None:
        """Answer a request of any method."""

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_<METHOD>; every method must be answered, not only those we thought of.
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)


@final
class SigningHandler(_Handler):
    """``POST /sign``, and ``POST /token`` where there is a token service."""

    def handle_any(self) -> None:
        """Check everything, then do what a fault says or what the service is for."""
        length = _body_length(self)
        if not is_successful(length):
            self._finish(b"", Answer(400, length.failure()))
            return
        body = self.rfile.read(length.unwrap())
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
class ControlHandler(_Handler):
    """``GET /received``: the accepted requests, as a JSON list."""

    def handle_any(self) -> None:
        """Show what the service was told."""
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


def _body_length(request: BaseHTTPRequestHandler) -> Result[int, str]:
    if "Transfer-Encoding" in request.headers:
        return Failure("the header Transfer-Encoding is not understood")
    lengths = request.headers.get_all("Content-Length", ["0"])
    if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        return Failure("the header Content-Length must be a number, once")
    if int(lengths[0]) > LARGEST_BODY:
        return Failure(f"the body is larger than {LARGEST_BODY} bytes")
    return Success(int(lengths[0]))

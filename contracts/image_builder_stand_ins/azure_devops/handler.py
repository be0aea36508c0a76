"""The HTTP side: reads a request, meets a fault or does the work, and sends bytes as the recordings have them."""

import gzip
import uuid
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, final

from image_builder_stand_ins.azure_devops.answer import Answer, text_answer
from image_builder_stand_ins.azure_devops.fault import (
    Amend,
    Cut,
    Fault,
    HangUp,
    LoseAnswer,
    Replace,
    RevokeTokens,
    Stall,
)
from image_builder_stand_ins.azure_devops.request import ReceivedRequest, Request
from image_builder_stand_ins.azure_devops.routes import answer_to
from image_builder_stand_ins.azure_devops.state import ServiceState

LARGEST_BODY = 4 << 20
_WORTH_ZIPPING = 1024
_BLOCK = 1 << 18


@final
class Handler(BaseHTTPRequestHandler):
    """One request for each connection."""

    protocol_version = "HTTP/1.1"
    server_version = "azure-devops"
    sys_version = ""

    @property
    def state(self) -> ServiceState:
        """The service's memory."""
        state: ServiceState = self.server.state  # type: ignore[attr-defined] # our own server class, which brings it
        return state

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: tests read the state."""

    def handle_any(self) -> None:
        """Answer a request of any method."""
        body = self._body()
        if body is None:
            self._send(None, text_answer(411, "The request must have a length that this service can take."))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request.parse(self.command, self.path, headers, body)
        self._meet(self.state.next_fault(request.operation), request)

    def __getattr__(self, name: str) -> Any:
        # The base class looks for do_<METHOD>; every method must be answered, not only those we thought of.
        if name.startswith("do_"):
            return self.handle_any
        raise AttributeError(name)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        known = length.isascii() and length.isdigit() and "Transfer-Encoding" not in self.headers
        return self.rfile.read(int(length)) if known and int(length) <= LARGEST_BODY else None

    def _meet(self, fault: Fault | None, request: Request) -> None:
        if isinstance(fault, HangUp):
            self._hang_up(request)
            return
        if isinstance(fault, Replace):
            self._send(request, fault.answer)
            return
        if isinstance(fault, Stall):
            self.state.stopping.wait(fault.seconds)
        if isinstance(fault, RevokeTokens):
            self.state.identities.revoke_tokens()
        answer = answer_to(self.state, request)
        if isinstance(fault, LoseAnswer):
            self._hang_up(request)
        elif isinstance(fault, Cut):
            content = answer.content
            self._send(request, replace(answer.with_content(content[: fault.sent]), announced=len(content) + 1))
        elif isinstance(fault, Amend):
            self._send(request, fault.change(request, answer))
        else:
            self._send(request, answer)

    def _hang_up(self, request: Request) -> None:
        self.state.keep(ReceivedRequest(request, None))
        self.close_connection = True

    def _send(self, request: Request | None, answer: Answer) -> None:
        if request is not None:
            self.state.keep(ReceivedRequest(request, answer.status))
        content, zipped = answer.body, self._wants_zip(answer)
        if zipped:
            content = gzip.compress(content, 1)
        length = len(content) if answer.part is None else answer.part.end - answer.part.start
        # send_response would add a Server header, which the service does not have
        self.send_response_only(answer.status)
        self._send_common_headers(answer)
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.announced or length))
        self.end_headers()
        if answer.part is None:
            self.wfile.write(content)
            return
        with answer.part.path.open("rb") as file:
            file.seek(answer.part.start)
            _copy(file, self.wfile, length)

    def _wants_zip(self, answer: Answer) -> bool:
        if answer.part is not None or answer.announced is not None or len(answer.body) < _WORTH_ZIPPING:
            return False
        return "gzip" in self.headers.get("Accept-Encoding", "") and "json" in (answer.content_type or "")

    def _send_common_headers(self, answer: Answer) -> None:
        activity = str(uuid.uuid4())
        session = self.headers.get("X-TFS-Session") or str(uuid.uuid4())
        own = [("Cache-Control", "no-cache"), ("Date", formatdate(usegmt=True)), ("Expires", "-1")]
        own += [("X-TFS-Session", session), ("X-VSS-E2EID", activity), ("ActivityId", activity)]
        if answer.content_type is not None:
            own.append(("Content-Type", answer.content_type))
        for name, value in (*own, ("Vary", "Accept-Encoding"), ("Connection", "close"), *answer.headers):
            self.send_header(name, value)


def _copy(source: Any, target: Any, length: int) -> None:
    while length > 0:
        block = source.read(min(length, _BLOCK))
        if not block:
            return
        target.write(block)
        length -= len(block)

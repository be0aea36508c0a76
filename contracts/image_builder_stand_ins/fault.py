"""Faults: what a stand-in service does once instead of its work."""

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TypeAlias, final


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Answer this to any request."""

    status: int
    body: str = ""
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        """Send the whole answer, which says that the connection ends with it."""
        content = self.body.encode()
        handler.send_response(self.status)
        for name, value in self.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)


@final
@dataclass(frozen=True, slots=True)
class HangUp:
    """Read the request, then close the connection without a word."""


@final
@dataclass(frozen=True, slots=True)
class Stall:
    """Wait so many seconds, then do the work after all: for a client that gives up, the outcome is unknown."""

    seconds: float


Fault: TypeAlias = Answer | HangUp | Stall


def busy(retry_after_seconds: int, status: int = 503) -> Answer:
    """Ask the client to come again later."""
    return Answer(status, "busy", headers=(("Retry-After", str(retry_after_seconds)),))


def proxy_page(status: int = 200) -> Answer:
    """An HTML page, as a proxy between client and service sends it."""
    return Answer(status, "<!doctype html><title>Sign in</title>", "text/html")


def redirect(location: str, status: int = 307) -> Answer:
    """Send the client elsewhere."""
    return Answer(status, headers=(("Location", location),))

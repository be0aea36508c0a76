"""The one HTTP client: timeouts, TLS, body limits and cancellation in one place; adapters bring requests and meanings.

``httpx`` is imported when the first request is sent and nowhere else, so that modes without a network do not pay for it
and a change of library touches this file and :mod:`image_builder_adapters.http.failure` alone. The values are in
:mod:`image_builder_adapters.http.message`, retries in :mod:`image_builder_adapters.http.retry`, client certificates
in :mod:`image_builder_adapters.http.tls`. Semantics: RFC 9110.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, final
from urllib.parse import urlsplit

from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_adapters.http.failure import no_answer
from image_builder_adapters.http.message import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    Headers,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
    Timeouts,
    is_loopback_host,
    shown_url,
)

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = [
    "LARGEST_ERROR_BODY",
    "AnswerTooLarge",
    "Headers",
    "HttpAnswer",
    "HttpClient",
    "HttpFailure",
    "HttpRequest",
    "HttpSender",
    "NoAnswer",
    "NoAnswerKind",
    "Timeouts",
    "is_loopback_host",
    "shown_url",
]

_log = logging.getLogger(__name__)
_HEARS_CANCELLATION_SECONDS = 0.1
_USUAL_TIMEOUTS = Timeouts()
_PIECES_UNDERWAY = 8
_LONGEST_CODING = 100


@final
@dataclass(frozen=True, slots=True)
class BodySink:
    """Where a body goes piece by piece. ``wanted`` looks at the head of a 2xx answer, whose body is still empty."""

    wanted: Callable[[HttpAnswer], bool]
    take: Callable[[bytes], None]


_Arrival: TypeAlias = bytes | Result[HttpAnswer, HttpFailure] | BaseException


@final
@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request underway on its own thread; what arrives waits here, a bounded number of pieces of it."""

    request: HttpRequest
    shown: str
    limit_bytes: int
    sink: BodySink | None = None
    arrivals: queue.Queue[_Arrival] = field(default_factory=lambda: queue.Queue(_PIECES_UNDERWAY))
    abandoned: threading.Event = field(default_factory=threading.Event)

    def arrive(self, found: _Arrival) -> bool:
        """Hand it over to the caller's thread; False when nobody waits for it any more."""
        while not self.abandoned.is_set():
            try:
                self.arrivals.put(found, timeout=_HEARS_CANCELLATION_SECONDS)
            except queue.Full:
                continue
            return True
        return False


@final
class HttpClient:
    """Sends requests over shared connections; safe to use from several threads. See :class:`HttpSender`.

    Proxies come from the usual environment variables, never for loopback. Redirects are answers, cookies are dropped,
    and ``.netrc`` is not read. ``tls`` is the system's trust (``SSL_CERT_FILE`` honoured) unless one is given.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts = _USUAL_TIMEOUTS,
        user_agent: str = "image-builder",
    ) -> None:
        self._tls = tls
        self._timeouts = timeouts
        self._user_agent = user_agent
        self._clients: dict[bool, httpx.Client] = {}
        self._lock = threading.Lock()

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        """Implement :meth:`HttpSender.send`; heeds the cancellation within a tenth of a second.

        The exchange runs on a thread of its own: no socket timeout can bound a server that sends a byte now and then,
        nor hear a signal.
        """
        return self._run(_Exchange(request, shown_url(request.url), limit_bytes), cancellation)

    def stream(
        self, request: HttpRequest, cancellation: Cancellation, sink: BodySink
    ) -> Result[HttpAnswer, HttpFailure]:
        """As :meth:`send`, but a wanted body goes to the sink as it comes, in this thread; the answer's is empty then.

        Memory stays bounded whatever its size. After a failure the sink has what had come until then. A body that is
        not wanted is cut at :data:`LARGEST_ERROR_BODY`.
        """
        return self._run(_Exchange(request, shown_url(request.url), LARGEST_ERROR_BODY, sink), cancellation)

    def close(self) -> None:
        """Close all connections. Safe to call twice."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _run(self, exchange: _Exchange, cancellation: Cancellation) -> Result[HttpAnswer, HttpFailure]:
        if cancellation.reason() is not None:
            reason = "work was stopped before it was asked"
            return Failure(NoAnswer(exchange.shown, reason, NoAnswerKind.STOPPED, may_have_arrived=False))

        def talk() -> None:
            try:
                exchange.arrive(self._exchange(exchange))
            except BaseException as bug:  # noqa: BLE001, RUF100 (raised again in the caller's thread)
                exchange.arrive(bug)

        threading.Thread(target=talk, name=f"http {exchange.request.method}", daemon=True).start()
        try:
            return self._await(exchange, cancellation)
        finally:
            exchange.abandoned.set()

    def _await(self, exchange: _Exchange, cancellation: Cancellation) -> Result[HttpAnswer, HttpFailure]:
        whole, remaining = self._timeouts.whole_seconds, cancellation.remaining()
        whole = whole if remaining is None else min(whole, remaining)
        end = time.monotonic() + whole
        while (left := end - time.monotonic()) > 0:
            try:
                found = exchange.arrivals.get(timeout=min(left, _HEARS_CANCELLATION_SECONDS))
            except queue.Empty:
                found = b""
            if isinstance(found, BaseException):
                raise found
            if not isinstance(found, bytes):
                return found
            if cancellation.reason() is not None:
                return Failure(NoAnswer(exchange.shown, "work was stopped while it was asked", NoAnswerKind.STOPPED))
            if exchange.sink is not None and found:
                exchange.sink.take(found)
        return Failure(NoAnswer(exchange.shown, f"no complete answer within {whole:g} s", NoAnswerKind.TRANSIENT))

    def _exchange(self, exchange: _Exchange) -> Result[HttpAnswer, HttpFailure]:
        import httpx

        started, request, shown = time.monotonic(), exchange.request, exchange.shown
        try:
            client = self._client(_goes_direct(request.url))
            headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers]
            built = client.build_request(request.method, request.url, headers=headers, content=request.body or None)
        except (httpx.InvalidURL, ValueError, ImportError):
            # No reason from the library: it would quote the URL, a header or a proxy's credentials.
            reason = "the request cannot be sent: check the URL, the credentials' characters and the proxy variables"
            return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST, False))
        try:
            answer = client.send(built, stream=True)
            try:
                got = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
                limit = exchange.limit_bytes if answer.is_success else LARGEST_ERROR_BODY
                head = HttpAnswer(answer.status_code, got, b"")
                if coding := _coding(head):
                    return _coded(head, coding, shown)
                body = b"" if _streamed(answer, head, exchange) else _read(answer.iter_raw(), limit, exchange.abandoned)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            return Failure(no_answer(shown, error))
        _log.debug("%s %s: %d in %.3f s", request.method, shown, answer.status_code, time.monotonic() - started)
        if len(body) > limit and answer.is_success and exchange.sink is None:
            return Failure(AnswerTooLarge(shown, limit, answer.status_code, got))
        return Success(HttpAnswer(answer.status_code, got, body[:limit]))

    def _client(self, direct: bool) -> httpx.Client:
        with self._lock:
            if direct not in self._clients:
                self._clients[direct] = self._open(direct)
            return self._clients[direct]

    def _open(self, direct: bool) -> httpx.Client:
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx

        from image_builder_adapters.http.tls import shared_trust

        for name in ("httpx", "httpcore"):  # they log whole URLs and headers, credentials included
            logging.getLogger(name).setLevel(logging.WARNING)
        if self._tls is None:
            self._tls = shared_trust()
        seconds = httpx.Timeout(self._timeouts.read_seconds, connect=self._timeouts.connect_seconds)
        return httpx.Client(
            verify=self._tls,
            timeout=seconds,
            trust_env=not direct,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )


def _goes_direct(url: str) -> bool:
    """Whether no proxy may see it; raises ``ValueError`` for a malformed URL."""
    parts = urlsplit(url)
    _ = parts.port  # checked here: above 65535 it would be another port by overflow
    return is_loopback_host(parts.hostname or "")


def _read(pieces: Iterator[bytes], limit_bytes: int, abandoned: threading.Event) -> bytes:
    """At most one piece more than the limit."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit_bytes or abandoned.is_set():
            break
    return bytes(body)


def _coding(head: HttpAnswer) -> str:
    """The content coding of the body, which the request did not ask for; empty without one."""
    codings = (word.strip().lower() for value in head.header_values("Content-Encoding") for word in value.split(","))
    return ", ".join(word for word in codings if word not in ("", "identity"))[:_LONGEST_CODING]


def _coded(head: HttpAnswer, coding: str, shown: str) -> Result[HttpAnswer, HttpFailure]:
    """The answer without its body. Nothing is decoded: 2 kB of ``gzip, gzip`` are gigabytes of memory."""
    if not 200 <= head.status < 300:
        return Success(head)  # the status tells enough
    reason = f"the answer is encoded as {coding!r}, which the request did not ask for"
    return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_ANSWER))


def _streamed(answer: httpx.Response, head: HttpAnswer, exchange: _Exchange) -> bool:
    """Whether the body went to the sink, as far as anybody waited for it."""
    if exchange.sink is None or not answer.is_success or not exchange.sink.wanted(head):
        return False
    for piece in answer.iter_raw():
        if not exchange.arrive(piece):
            break
    return True

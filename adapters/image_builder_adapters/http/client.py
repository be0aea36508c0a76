"""The HTTP client of every adapter: timeouts, TLS, body limits and cancellation.

Only this file imports ``httpx``, and only when the first request is sent: modes without network access do not pay for
it, and another library would change this file alone. The values are in
:mod:`image_builder_adapters.http.message`, retries in :mod:`image_builder_adapters.http.retry`, client certificates
in :mod:`image_builder_adapters.http.tls`. Semantics: RFC 9110.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, final

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

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
    StreamedBody,
    Timeouts,
    is_loopback_host,
    not_sent,
    shown_url,
)
from image_builder_adapters.http.proxy import Proxies

if TYPE_CHECKING:
    import ssl

    import httpx

    from image_builder_adapters.http.tls import UnusableTlsMaterial

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
_SLOWEST_STORE = 16 << 20  # bytes each second
_PIECES_UNDERWAY = 8
_LONGEST_CODING = 100


@final
@dataclass(frozen=True, slots=True)
class BodySink:
    """Receiver of a body in pieces. ``wanted`` decides by the head of a 2xx answer, whose body is still empty."""

    wanted: Callable[[HttpAnswer], bool]
    take: Callable[[bytes], None]


@final
@dataclass(slots=True)
class _Sent:
    """When the last piece of a streamed body was passed on; a time of ``time.monotonic``."""

    at: float = field(default_factory=time.monotonic)


@final
@dataclass(frozen=True, slots=True)
class _Way:
    """How a server is reached; each way has a client of its own."""

    proxy: str | None = field(repr=False)
    is_secure: bool


@final
@dataclass(frozen=True, slots=True)
class _Unusable:
    reason: str


_Arrival: TypeAlias = bytes | Result[HttpAnswer, HttpFailure] | BaseException


@final
@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request that a thread of its own sends. ``arrivals`` holds a bounded number of pieces of the answer."""

    request: HttpRequest
    shown: str
    limit_bytes: int
    sink: BodySink | None = None
    arrivals: queue.Queue[_Arrival] = field(default_factory=lambda: queue.Queue(_PIECES_UNDERWAY))
    abandoned: threading.Event = field(default_factory=threading.Event)
    sent: _Sent = field(default_factory=_Sent)

    @property
    def extra_seconds(self) -> float:
        """How much longer the answer may take: a registry checks and stores the whole blob before it answers."""
        stream = self.request.stream
        return stream.size / _SLOWEST_STORE if stream is not None else 0.0

    @property
    def content(self) -> bytes | Iterator[bytes] | None:
        """The body to send. A streamed one ends early when the caller stopped waiting."""
        stream = self.request.stream
        return self._streamed(stream) if stream is not None else self.request.body or None

    def _streamed(self, body: StreamedBody) -> Iterator[bytes]:
        left = body.size
        for piece in body.pieces():
            left -= len(piece)
            if self.abandoned.is_set() or left < 0:
                break
            yield piece
            self.sent.at = time.monotonic()
        if left != 0:
            raise OSError("its size changed")

    def arrive(self, found: _Arrival) -> bool:
        """Pass ``found`` to the caller's thread; False if the caller stopped waiting."""
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

    ``proxies`` are those of the process's environment by default, and are never used for loopback. A redirect is an
    answer. Cookies are dropped, and ``.netrc`` is not read. Without ``tls``, servers are verified as
    :func:`~.tls.shared_trust` says. The authorities are loaded by the first request that uses TLS.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts = _USUAL_TIMEOUTS,
        user_agent: str = "image-builder",
        proxies: Proxies | None = None,
    ) -> None:
        self._tls = tls
        self._timeouts = timeouts
        self._user_agent = user_agent
        self._proxies = proxies
        self._clients: dict[_Way, httpx.Client] = {}
        self._lock = threading.Lock()

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        """Implement :meth:`HttpSender.send`; a cancellation ends it within a tenth of a second.

        The exchange runs on a thread of its own: a socket timeout cannot bound a server that sends one byte now and
        then, and does not notice a signal.
        """
        return self._run(_Exchange(request, shown_url(request.url), limit_bytes), cancellation)

    def stream(
        self, request: HttpRequest, cancellation: Cancellation, sink: BodySink
    ) -> Result[HttpAnswer, HttpFailure]:
        """Send a request, and pass a wanted body to the sink as it arrives, in this thread.

        The body of the returned answer is then empty, and memory stays bounded for a body of any size. After a failure
        the sink has what arrived before it. A body that is not wanted is cut at :data:`LARGEST_ERROR_BODY`.
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
            return Failure(not_sent(exchange.request))

        def talk() -> None:
            try:
                exchange.arrive(self._exchange(exchange))
            except BaseException as bug:  # raised again in the caller's thread
                exchange.arrive(bug)

        threading.Thread(target=talk, name=f"http {exchange.request.method}", daemon=True).start()
        try:
            return self._await(exchange, cancellation)
        finally:
            exchange.abandoned.set()

    def _await(self, exchange: _Exchange, cancellation: Cancellation) -> Result[HttpAnswer, HttpFailure]:
        whole = self._timeouts.whole_seconds + exchange.extra_seconds
        remaining = cancellation.remaining()
        is_last = remaining is not None and remaining < whole
        whole = min(whole, remaining) if remaining is not None else whole
        stopped = NoAnswer(exchange.shown, "stopped before the answer was complete", NoAnswerKind.STOPPED)
        while (left := exchange.sent.at + whole - time.monotonic()) > 0:
            try:
                found = exchange.arrivals.get(timeout=min(left, _HEARS_CANCELLATION_SECONDS))
            except queue.Empty:
                found = b""
            if isinstance(found, BaseException):
                raise found
            if not isinstance(found, bytes):
                return found
            if cancellation.reason() is not None:
                return Failure(stopped)
            if exchange.sink is not None and found:
                exchange.sink.take(found)
        if is_last:
            cancellation.wait(_HEARS_CANCELLATION_SECONDS)  # until its deadline, so that it gives the reason
            return Failure(stopped)
        return Failure(NoAnswer(exchange.shown, f"no complete answer within {whole:g} s", NoAnswerKind.TRANSIENT))

    def _exchange(self, exchange: _Exchange) -> Result[HttpAnswer, HttpFailure]:
        import httpx

        started, request, shown = time.monotonic(), exchange.request, exchange.shown
        try:
            client = unwrap_or_failure(self._client(request.url))
            if isinstance(client, NoAnswer):
                return Failure(client)
            headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers]
            if request.stream is not None:
                headers.append((b"Content-Length", str(request.stream.size).encode()))
            seconds = self._timeouts.read_seconds + exchange.extra_seconds
            patience = httpx.Timeout(seconds, connect=self._timeouts.connect_seconds)
            built = client.build_request(
                request.method, request.url, headers=headers, content=exchange.content, timeout=patience
            )
        except (httpx.InvalidURL, ValueError, ImportError):
            # The library's message would quote the URL, a header or a proxy's credentials.
            reason = "the request cannot be sent: check the URL, the credentials' characters and the proxy variables"
            return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST, False))
        try:
            answer = client.send(built, stream=True)
            try:
                got = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
                limit = exchange.limit_bytes if answer.is_success else LARGEST_ERROR_BODY
                head = HttpAnswer(answer.status_code, got, b"")
                if coding := _coding(answer):
                    return _coded(head, coding, shown)
                body = b"" if _streamed(answer, head, exchange) else _read(answer.iter_raw(), limit, exchange.abandoned)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            return Failure(_no_answer(shown, error))
        except OSError as error:  # from the body's source: the library turns its own errors into the class above
            reason = f"the request's body cannot be read: {error.strerror or error}"
            return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST))
        _log.debug("%s %s: %d in %.3f s", request.method, shown, answer.status_code, time.monotonic() - started)
        if len(body) > limit and answer.is_success and exchange.sink is None:
            return Failure(AnswerTooLarge(shown, limit, answer.status_code, got))
        return Success(HttpAnswer(answer.status_code, got, body[:limit]))

    def _client(self, url: str) -> Result[httpx.Client, NoAnswer]:
        """The client for this URL. Raises ``ValueError`` for a malformed one."""
        shown, proxies = shown_url(url), self._proxies if self._proxies is not None else Proxies.of(os.environ)
        is_secure, proxy = url[:6].lower() == "https:", unwrap_or_failure(proxies.of_url(url).alt(_Unusable))
        if isinstance(proxy, _Unusable):
            return Failure(NoAnswer(shown, proxy.reason, NoAnswerKind.UNUSABLE_REQUEST, False))
        way = _Way(proxy, is_secure or (proxy or "").startswith("https:"))
        with self._lock:
            if way not in self._clients:
                tls = self._trust(way)
                if isinstance(tls, Failure):
                    return Failure(NoAnswer(shown, tls.failure().reason, NoAnswerKind.CERTIFICATE, False))
                self._clients[way] = self._open(way, tls.unwrap())
            return Success(self._clients[way])

    def _trust(self, way: _Way) -> Result[ssl.SSLContext, UnusableTlsMaterial]:
        from image_builder_adapters.http.tls import no_trust, shared_trust

        if not way.is_secure:
            return Success(no_trust())
        return shared_trust() if self._tls is None else Success(self._tls)

    def _open(self, way: _Way, tls: ssl.SSLContext) -> httpx.Client:
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx

        for name in ("httpx", "httpcore"):  # they log whole URLs and headers, credentials included
            logging.getLogger(name).setLevel(logging.WARNING)
        seconds = httpx.Timeout(self._timeouts.read_seconds, connect=self._timeouts.connect_seconds)
        to_proxy = tls if (way.proxy or "").startswith("https:") else None
        proxy = httpx.Proxy(way.proxy, ssl_context=to_proxy) if way.proxy is not None else None
        return httpx.Client(
            verify=tls,
            timeout=seconds,
            trust_env=False,
            proxy=proxy,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )


def _read(pieces: Iterator[bytes], limit_bytes: int, abandoned: threading.Event) -> bytes:
    """The body, cut after the piece that exceeds the limit."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit_bytes or abandoned.is_set():
            break
    return bytes(body)


def _coding(answer: httpx.Response) -> str:
    """The content coding of the body, which the request did not accept; empty without one."""
    codings = (coding.lower() for coding in answer.headers.get_list("Content-Encoding", split_commas=True))
    return ", ".join(coding for coding in codings if coding not in ("", "identity"))[:_LONGEST_CODING]


def _coded(head: HttpAnswer, coding: str, shown: str) -> Result[HttpAnswer, HttpFailure]:
    """The answer without its body, which is not decoded: 2 kB of ``gzip, gzip`` can expand to gigabytes."""
    if not 200 <= head.status < 300:
        return Success(head)  # an error's status is enough
    reason = f"the answer is encoded as {coding!r}, but the request accepts no encoding; check the server and the proxy"
    return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_ANSWER))


def _streamed(answer: httpx.Response, head: HttpAnswer, exchange: _Exchange) -> bool:
    """Pass the body to the sink while the caller waits for it; False if the sink does not want it."""
    if exchange.sink is None or not answer.is_success or not exchange.sink.wanted(head):
        return False
    for piece in answer.iter_raw():
        if not exchange.arrive(piece):
            break
    return True


def _no_answer(shown: str, error: httpx.HTTPError) -> NoAnswer:
    """The failure for the library's ``error``; ``shown`` is the redacted URL."""
    import httpx

    if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        # The library's message may quote a header's value.
        reason = "the request cannot be sent: check the URL and the credentials' characters"
        return NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST, may_have_arrived=False)
    arrived = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError))
    certificate = _certificate_problem(error)
    if certificate is not None:
        return NoAnswer(shown, f"certificate problem: {certificate}", NoAnswerKind.CERTIFICATE, arrived)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer(shown, "timed out", NoAnswerKind.TRANSIENT, arrived)
    return NoAnswer(shown, str(error) or type(error).__name__, NoAnswerKind.TRANSIENT, arrived)


def _certificate_problem(error: BaseException) -> str | None:
    """OpenSSL's reason for refusing either side's certificate, from the chain of causes; None for another error."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return str(cause.verify_message)
        reason = str(getattr(cause, "reason", "") or "") if isinstance(cause, ssl.SSLError) else ""
        if "CERTIFICATE" in reason or reason.endswith(("UNKNOWN_CA", "ALERT_ACCESS_DENIED")):
            return reason.replace("_", " ").lower()
        cause = cause.__cause__ or cause.__context__
    return None

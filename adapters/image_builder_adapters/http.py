"""The one HTTP client: timeouts, TLS, body limits and cancellation in one place; adapters bring requests and meanings.

``httpx`` is imported when the first request is sent and nowhere else, so that modes without a network do not pay for it
and a change of library touches this file alone. Retries are in :mod:`image_builder_adapters.retry`, client certificates
in :mod:`image_builder_adapters.tls`. Semantics: RFC 9110.
"""

from __future__ import annotations

import ipaddress
import logging
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeAlias, final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

if TYPE_CHECKING:
    import ssl

    import httpx

_log = logging.getLogger(__name__)

LARGEST_ERROR_BODY = 64 * 1024
"""Bytes read of an answer whose status is not 2xx; the rest is left unread."""

_SHOWN_PARAMETERS = frozenset({"scope", "service", "digest", "mount", "from", "n", "last"})
_HEARS_CANCELLATION_SECONDS = 0.1

Headers: TypeAlias = tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; the same bytes each time it is sent. Headers and body stay out of ``repr``: they hold secrets."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


@final
@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer with any status. A body whose status is not 2xx is cut at :data:`LARGEST_ERROR_BODY`."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header in order; names are compared without case."""
        return _values(self.headers, name)

    def header(self, name: str) -> str | None:
        """The first value of a header, None without one."""
        return next(iter(self.header_values(name)), None)


class NoAnswerKind(Enum):
    """Why there is no answer, as far as it decides about another attempt: only ``TRANSIENT`` is worth one."""

    TRANSIENT = "transient"
    CERTIFICATE = "certificate"
    UNUSABLE_REQUEST = "unusable request"
    STOPPED = "stopped"


@final
@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No complete answer came; whether the request took effect is unknown. ``url`` is fit to be shown."""

    url: str
    reason: str
    kind: NoAnswerKind

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class AnswerTooLarge:
    """A 2xx answer with a body over the limit; reading stopped there. ``url`` is fit to be shown."""

    url: str
    limit_bytes: int
    status: int = 200
    headers: Headers = field(default=(), repr=False, compare=False)

    def header_values(self, name: str) -> tuple[str, ...]:
        """As :meth:`HttpAnswer.header_values`."""
        return _values(self.headers, name)

    def __str__(self) -> str:
        return f"{self.url}: the answer is larger than {self.limit_bytes} bytes"


HttpFailure: TypeAlias = NoAnswer | AnswerTooLarge


@final
@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, between two pieces of an answer, and for the whole exchange."""

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    whole_seconds: float = 60.0


class HttpSender(Protocol):
    """Sends one request once; :class:`HttpClient`, or what stands for it in a test."""

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        """Give the answer with any status, or why there is none. Follows no redirect. Never raises."""
        ...


def shown_url(url: str) -> str:
    """``url`` for messages: without userinfo and fragment, and only with parameters that are known to be harmless."""
    try:
        parts = urlsplit(url)
        pairs = [(key, value) for key, value in parse_qsl(parts.query) if key in _SHOWN_PARAMETERS]
    except ValueError:
        return "(malformed URL)"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(pairs, safe=":/,"), ""))


def is_loopback_host(host: str) -> bool:
    """True for exactly ``localhost``, 127.0.0.0/8 and ``::1`` (without brackets)."""
    try:
        return host in ("localhost", "::1") or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
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
        timeouts: Timeouts = Timeouts(),
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
        shown = shown_url(request.url)
        if cancellation.reason() is not None:
            return Failure(NoAnswer(shown, "work was stopped before it was asked", NoAnswerKind.STOPPED))
        answers: queue.SimpleQueue[Result[HttpAnswer, HttpFailure] | BaseException] = queue.SimpleQueue()
        abandoned = threading.Event()

        def exchange() -> None:
            try:
                answers.put(self._exchange(request, shown, limit_bytes, abandoned))
            except BaseException as bug:  # noqa: BLE001, RUF100 (raised again in the caller's thread)
                answers.put(bug)

        threading.Thread(target=exchange, name=f"http {request.method}", daemon=True).start()
        try:
            return self._await(answers, shown, cancellation)
        finally:
            abandoned.set()

    def close(self) -> None:
        """Close all connections. Safe to call twice."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _await(
        self,
        answers: queue.SimpleQueue[Result[HttpAnswer, HttpFailure] | BaseException],
        shown: str,
        cancellation: Cancellation,
    ) -> Result[HttpAnswer, HttpFailure]:
        whole, remaining = self._timeouts.whole_seconds, cancellation.remaining()
        whole = whole if remaining is None else min(whole, remaining)
        end = time.monotonic() + whole
        while (left := end - time.monotonic()) > 0:
            try:
                answer = answers.get(timeout=min(left, _HEARS_CANCELLATION_SECONDS))
            except queue.Empty:
                if cancellation.reason() is not None:
                    return Failure(NoAnswer(shown, "work was stopped while it was asked", NoAnswerKind.STOPPED))
                continue
            if isinstance(answer, BaseException):
                raise answer
            return answer
        return Failure(NoAnswer(shown, f"no complete answer within {whole:g} s", NoAnswerKind.TRANSIENT))

    def _exchange(
        self, request: HttpRequest, shown: str, limit_bytes: int, abandoned: threading.Event
    ) -> Result[HttpAnswer, HttpFailure]:
        import httpx

        started = time.monotonic()
        try:
            client = self._client(_goes_direct(request.url))
            headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers]
            built = client.build_request(request.method, request.url, headers=headers, content=request.body or None)
        except (httpx.InvalidURL, ValueError, ImportError):
            # No reason from the library: it would quote the URL, a header or a proxy's credentials.
            reason = "the request cannot be sent: check the URL, the credentials' characters and the proxy variables"
            return Failure(NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST))
        try:
            answer = client.send(built, stream=True)
            try:
                is_success = answer.is_success
                limit = limit_bytes if is_success else LARGEST_ERROR_BODY
                body = _read(answer.iter_bytes(), limit, abandoned)
            finally:
                answer.close()
        except httpx.HTTPError as error:
            return Failure(_no_answer(shown, error))
        _log.debug("%s %s: %d in %.3f s", request.method, shown, answer.status_code, time.monotonic() - started)
        got = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
        if len(body) > limit and is_success:
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

        from image_builder_adapters.tls import system_trust

        for name in ("httpx", "httpcore"):  # they log whole URLs and headers, credentials included
            logging.getLogger(name).setLevel(logging.WARNING)
        if self._tls is None:
            self._tls = system_trust()
        seconds = httpx.Timeout(self._timeouts.read_seconds, connect=self._timeouts.connect_seconds)
        return httpx.Client(
            verify=self._tls,
            timeout=seconds,
            trust_env=not direct,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "identity"},
        )


def _values(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in headers if key.lower() == name.lower())


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


def _no_answer(shown: str, error: httpx.HTTPError) -> NoAnswer:
    import httpx

    if isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
        # The library's own words may quote a header's value.
        reason = "the request cannot be sent: check the URL and the credentials' characters"
        return NoAnswer(shown, reason, NoAnswerKind.UNUSABLE_REQUEST)
    certificate = _certificate_problem(error)
    if certificate is not None:
        return NoAnswer(shown, f"certificate problem: {certificate}", NoAnswerKind.CERTIFICATE)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer(shown, "timed out", NoAnswerKind.TRANSIENT)
    return NoAnswer(shown, str(error) or type(error).__name__, NoAnswerKind.TRANSIENT)


def _certificate_problem(error: BaseException) -> str | None:
    """What OpenSSL says when either side's certificate was refused, found along the chain of causes."""
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

"""The one HTTP client: timeouts, TLS, body limits and cancellation in one place; adapters bring requests and meanings.

``httpx`` is imported when the first request is sent and nowhere else, so that modes without a network do not pay for it
and a change of library touches this file and :mod:`image_builder_adapters.http_failure` alone. The values are in
:mod:`image_builder_adapters.http_message`, retries in :mod:`image_builder_adapters.retry`, client certificates
in :mod:`image_builder_adapters.tls`. Semantics: RFC 9110.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, final
from urllib.parse import urlsplit

from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

from image_builder_adapters.http_failure import no_answer
from image_builder_adapters.http_message import (
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
            return Failure(no_answer(shown, error))
        _log.debug("%s %s: %d in %.3f s", request.method, shown, answer.status_code, time.monotonic() - started)
        if len(body) > limit and is_success:
            return Failure(AnswerTooLarge(shown, limit, answer.status_code))
        got = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw)
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

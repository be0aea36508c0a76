"""One POST to a notary service: bounded in time and size, without redirects, stoppable.

``httpx`` bounds each read, not the whole request, and nothing can interrupt it; so the request runs in a thread of its
own, which is left behind when the time is over or work must stop.
"""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, final

import httpx
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

DEFAULT_TIMEOUT_SECONDS = 60.0
LARGEST_BODY_SHOWN = 4096
_POLL_SECONDS = 0.05
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
# The alerts that a service sends when it does not want this certificate; the same one will not do next time.
_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")


@final
@dataclass(frozen=True, slots=True)
class NotaryAnswer:
    """What came back. ``body`` is the first 4 KiB; ``retry_after_seconds`` is what the service asked for."""

    status: int
    body: bytes = b""
    retry_after_seconds: float | None = None


@final
@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nothing usable came back; whether the service did its work is not known. ``final``: no use to ask again."""

    reason: str
    final: bool = False


Answered: TypeAlias = Result[NotaryAnswer, NoAnswer]


@final
@dataclass(frozen=True, slots=True)
class NotaryPost:
    """One request, the same at every attempt."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_seconds: float | None = None


class Poster(Protocol):
    """Sends one request. Never raises."""

    def __call__(self, post: NotaryPost, cancellation: Cancellation) -> Answered:
        """Send once, and wait for the answer no longer than the request's timeout or the cancellation allow."""
        ...


@final
class HttpPoster:
    """Sends with ``httpx``. ``tls`` says whom to trust and who we are."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    def __call__(self, post: NotaryPost, cancellation: Cancellation) -> Answered:
        """Implement :class:`Poster`."""
        outcome: list[Answered] = []
        done = threading.Event()

        def work() -> None:
            try:
                outcome.append(_send(post, self._tls))
            finally:
                done.set()

        limit = time.monotonic() + _limit(post, cancellation)
        threading.Thread(target=work, name="notary-post", daemon=True).start()
        while not done.wait(_POLL_SECONDS):
            if cancellation.reason() is not None:
                return Failure(NoAnswer("stopped while waiting for the answer"))
            if time.monotonic() >= limit:
                return Failure(NoAnswer("no answer in time"))
        return outcome[0]


def _limit(post: NotaryPost, cancellation: Cancellation) -> float:
    timeout = DEFAULT_TIMEOUT_SECONDS if post.timeout_seconds is None else post.timeout_seconds
    left = cancellation.remaining()
    return timeout if left is None else min(timeout, left)


def _send(post: NotaryPost, tls: ssl.SSLContext) -> Answered:
    timeout = post.timeout_seconds or DEFAULT_TIMEOUT_SECONDS
    try:
        # Proxies of the environment are honoured, but never for loopback; its .netrc never is.
        trust_env = httpx.URL(post.url).host not in _LOOPBACK_HOSTS
        with (
            httpx.Client(verify=tls, timeout=timeout, follow_redirects=False, trust_env=trust_env) as client,
            client.stream("POST", post.url, headers=post.headers, content=post.body, auth=_no_login) as response,
        ):
            body = _beginning(response.iter_raw())
            return Success(NotaryAnswer(response.status_code, body, _retry_after(response.headers)))
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
        return Failure(NoAnswer(_short(error), final=_is_about_certificates(error)))


def _no_login(request: httpx.Request) -> httpx.Request:
    return request


def _beginning(chunks: Iterator[bytes]) -> bytes:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) >= LARGEST_BODY_SHOWN:
            break
    return content[:LARGEST_BODY_SHOWN]


def _retry_after(headers: httpx.Headers) -> float | None:
    # The header's other form, a date, is not used by services that throttle; our own spacing serves then.
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            return any(word in (error.reason or "") for word in _CERTIFICATE_ALERTS)
        error = error.__cause__ or error.__context__
    return False


def _short(error: Exception) -> str:
    return str(error) or type(error).__name__

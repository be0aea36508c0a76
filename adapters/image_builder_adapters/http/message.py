"""Values of HTTP: requests, answers, and failures to get an answer. No I/O.

Semantics: RFC 9110.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias, final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from image_builder_domain.ports import Cancellation
from returns.result import Result

LARGEST_ERROR_BODY = 64 * 1024
"""Bytes read of an answer whose status is not 2xx; the rest is left unread."""

_SHOWN_PARAMETERS = frozenset({"scope", "service", "digest", "mount", "from", "n", "last"})

Headers: TypeAlias = tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True)
class StreamedBody:
    """A body of ``size`` bytes that memory need not hold. ``pieces`` reads it from its start; it may raise OSError."""

    size: int
    pieces: Callable[[], Iterator[bytes]] = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. Headers and body are not in ``repr``: they may hold secrets. ``stream`` replaces ``body``."""

    method: str
    url: str
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    stream: StreamedBody | None = None


@final
@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer with any status. A body whose status is not 2xx is cut at :data:`LARGEST_ERROR_BODY`."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)

    def header_values(self, name: str) -> tuple[str, ...]:
        """All values of a header, in order; the name is compared without case."""
        return _values(self.headers, name)

    def header(self, name: str) -> str | None:
        """The first value of a header; None if the answer has none."""
        return next(iter(self.header_values(name)), None)

    @property
    def media_type(self) -> str:
        """The type of ``Content-Type`` in lower case, without its parameters; empty if the answer has none."""
        return _media_type(self.headers)


class NoAnswerKind(Enum):
    """Why there is no answer. Only ``TRANSIENT`` may be retried."""

    TRANSIENT = "transient"
    CERTIFICATE = "certificate"
    UNUSABLE_REQUEST = "unusable request"
    UNUSABLE_ANSWER = "unusable answer"
    STOPPED = "stopped"


@final
@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No complete answer; whether the request took effect is unknown. ``url`` is redacted.

    ``may_have_arrived`` is False if the request was certainly not sent: the server was not found, reached or trusted.
    """

    url: str
    reason: str
    kind: NoAnswerKind
    may_have_arrived: bool = True

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class AnswerTooLarge:
    """A 2xx answer whose body exceeds the limit; reading stopped there. ``url`` is redacted."""

    url: str
    limit_bytes: int
    status: int = 200
    headers: Headers = field(default=(), repr=False, compare=False)

    @property
    def media_type(self) -> str:
        """As :attr:`HttpAnswer.media_type`."""
        return _media_type(self.headers)

    def __str__(self) -> str:
        return f"{self.url}: the answer is larger than {self.limit_bytes} bytes"


HttpFailure: TypeAlias = NoAnswer | AnswerTooLarge


@final
@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, between two pieces of an answer, and for the whole exchange.

    The time of a whole exchange begins anew with each piece of a :class:`StreamedBody` that was sent.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    whole_seconds: float = 60.0


class HttpSender(Protocol):
    """Sends one request once: :class:`~image_builder_adapters.http.client.HttpClient`, or a test's replacement."""

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        """The answer with any status, or why there is none. Does not follow redirects. Never raises."""
        ...


def shown_url(url: str) -> str:
    """``url`` for messages: without userinfo and fragment, and with known harmless query parameters only."""
    try:
        parts = urlsplit(url)
        pairs = [(key, value) for key, value in parse_qsl(parts.query) if key in _SHOWN_PARAMETERS]
    except ValueError:
        return "(malformed URL)"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(pairs, safe=":/,"), ""))


def not_sent(request: HttpRequest) -> NoAnswer:
    """The failure of a request that was stopped in advance."""
    reason = "stopped before the request was sent"
    return NoAnswer(shown_url(request.url), reason, NoAnswerKind.STOPPED, may_have_arrived=False)


def is_loopback_host(host: str) -> bool:
    """True for exactly ``localhost``, 127.0.0.0/8 and ``::1`` (without brackets)."""
    try:
        return host in ("localhost", "::1") or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def may_carry_secrets(url: str) -> bool:
    """Whether secrets may be sent to ``url``: https, or http on exact loopback, with a host and without userinfo."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host))
    return is_safe and bool(host) and parts.username is None and parts.password is None


def _media_type(headers: Headers) -> str:
    return next(iter(_values(headers, "Content-Type")), "").partition(";")[0].strip().lower()


def _values(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in headers if key.lower() == name.lower())

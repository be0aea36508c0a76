"""Requests to a notary or token service: when to retry, what the last answer means, and how a failure is reported."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias, final
from urllib.parse import urlsplit

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure

from image_builder_adapters.console_text import single_line
from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
    is_loopback_host,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries

ATTEMPTS: Final = 5
"""In all, including the first one."""

_MOST_SHOWN: Final = 4096
_FINAL_KINDS: Final = frozenset({NoAnswerKind.CERTIFICATE, NoAnswerKind.UNUSABLE_REQUEST, NoAnswerKind.UNUSABLE_ANSWER})


class Verdict(Enum):
    """Result of one attempt: success, permanent failure, transient failure."""

    SUCCESS = auto()
    FINAL = auto()
    TRANSIENT = auto()


Judge: TypeAlias = Callable[[int], Verdict]
"""The verdict for a status."""

Hide: TypeAlias = Callable[[str], str]
"""Replaces secrets in a text."""


@final
@dataclass(frozen=True, slots=True)
class Exchange:
    """The last answer, or why there was none, after so many attempts (0 if the run was stopped before the first).

    ``stopped`` is the reason of the cancellation, if that prevented another attempt.
    """

    attempts: int
    last: HttpAnswer | HttpFailure
    verdict: Verdict
    stopped: Interruption | None = None

    @property
    def asks_to_wait_too_long(self) -> bool:
        """Whether there was no further attempt because the service asked for a longer pause than allowed."""
        return self.verdict is Verdict.TRANSIENT and self.stopped is None and 0 < self.attempts < ATTEMPTS


def send_repeatedly(
    request: HttpRequest,
    judge: Judge,
    spacing_seconds: float,
    longest_pause_seconds: float,
    sender: HttpSender,
    cancellation: Cancellation,
) -> Exchange:
    """Send at once, then at most four times more, ``spacing_seconds`` (or as long as the service asks) apart.

    No attempt follows if the service asks for more than ``longest_pause_seconds`` and more than the spacing.
    """
    policy = RetryPolicy(
        attempts=ATTEMPTS,
        pause_seconds=spacing_seconds,
        longest_pause_seconds=max(longest_pause_seconds, spacing_seconds),
        ends_at_longer_pause=True,
        is_transient=lambda status: judge(status) is Verdict.TRANSIENT,
        may_shorten_pause=True,
    )
    done = send_with_retries(sender, request, policy, cancellation, LARGEST_ERROR_BODY)
    last = unwrap_or_failure(done.last)
    verdict = _verdict(last, judge)
    stopped = cancellation.reason() if verdict is Verdict.TRANSIENT else None
    return Exchange(done.attempts, last, verdict, stopped)


def explain(where: str, exchange: Exchange, hide: Hide) -> str:
    """Why the request to ``where`` failed, and what to do; ``hide`` removes secrets that the service repeats."""
    last = exchange.last
    if exchange.attempts == 0:
        said = "nothing was sent"
    elif isinstance(last, NoAnswer):
        said = single_line(hide(last.reason), _MOST_SHOWN)
    elif last.status < 300 and _is_page(last):
        said = f"status {last.status}, but with an HTML page: a proxy answered, not the service"
    elif isinstance(last, AnswerTooLarge):
        said = f"status {last.status}: the answer is larger than {last.limit_bytes} bytes"
    else:
        # Secrets are hidden before the text is cut, so that no half of one remains.
        body = single_line(hide(last.body.decode("utf-8", "replace")), _MOST_SHOWN)
        said = f"status {last.status}" + (f": {body}" if body else "")
    times = f" after {exchange.attempts} attempts" if exchange.attempts > 1 else ""
    return f"{where}: {said}{times}; {_hint(exchange)}"


def endpoint_problem(url: str, *, has_secret: bool, needs_tls: bool = False) -> str | None:
    """Why an endpoint cannot be used, None if it can: secrets are sent over TLS, or to loopback. Never quotes it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is not an http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "contains a user name or password; use 'secret' instead"
    if parts.scheme == "https":
        return None
    if needs_tls:
        return "a secret of type 'mtls' needs an https URL"
    is_exposed = has_secret and not is_loopback_host(host)
    return "would send the secret without encryption; use an https URL" if is_exposed else None


def _verdict(last: HttpAnswer | HttpFailure, judge: Judge) -> Verdict:
    if isinstance(last, NoAnswer):
        return Verdict.FINAL if last.kind in _FINAL_KINDS else Verdict.TRANSIENT
    verdict = judge(last.status)  # decides even if the body is too large
    return Verdict.FINAL if verdict is Verdict.SUCCESS and _is_page(last) else verdict


def _is_page(answer: HttpAnswer | AnswerTooLarge) -> bool:
    """Whether this is HTML, such as a proxy's sign-in page: the service itself answers with JSON or without a body."""
    return answer.media_type == "text/html"


def _hint(exchange: Exchange) -> str:
    if exchange.stopped is not None:
        return f"stopped ({exchange.stopped.name.lower()}); signing is safe to run again"
    if exchange.verdict is Verdict.FINAL:
        return "the service rejects this request; check the signer's endpoint and secret"
    if exchange.asks_to_wait_too_long:
        return "the service asks for a longer wait than the signer's timeout; sign again later, which is safe"
    return "signing is safe to run again"

"""Retries: how often, how long to wait in between, and the loop that sends one request until its answer is final.

:meth:`RetryPolicy.pause` is the one formula for pauses. ``Retry-After`` is read as in RFC 9110, section 10.2.3.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Generic, TypeVar, final

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

from image_builder_adapters.http.client import (
    AnswerTooLarge,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.http.message import not_sent

TRANSIENT_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that are usually worth another attempt."""

_GROWS_TO_SECONDS: Final = 60.0
_MOST_GROWTH: Final = 30  # 2 ** 30 exceeds every cap; a larger exponent may overflow


@final
@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to try, and how long to wait before each further attempt.

    At most ``attempts`` in all. The first pause takes ``pause_seconds``. Each one is ``growth`` times the one before,
    until it reaches a minute, and is multiplied by ``jitter()``. ``Retry-After`` lengthens a pause, and shortens it too
    if ``may_shorten_pause``. A pause is cut to ``longest_pause_seconds``; with ``ends_at_longer_pause``, no attempt
    follows when the service asks for a longer one.

    ``is_transient`` decides by its status whether an answer may be retried, and ``is_final`` may refuse one that it
    allows. Transport errors may be retried, certificate errors may not.
    """

    attempts: int = 5
    pause_seconds: float = 1.0
    growth: float = 1.0
    longest_pause_seconds: float = 60.0
    is_transient: Callable[[int], bool] = TRANSIENT_STATUSES.__contains__
    may_shorten_pause: bool = False
    ends_at_longer_pause: bool = False
    is_final: Callable[[HttpAnswer], bool] = lambda _answer: False
    jitter: Callable[[], float] = lambda: 1.0

    def pause(self, failures: int, asked_seconds: float | None = None) -> float:
        """Seconds to wait after ``failures`` (1 or more) in a row, when the service asks for ``asked_seconds``."""
        grown = self.pause_seconds * self.growth ** min(failures - 1, _MOST_GROWTH)
        pause = min(grown, max(self.pause_seconds, _GROWS_TO_SECONDS)) * self.jitter()
        if asked_seconds is not None:
            pause = asked_seconds if self.may_shorten_pause else max(pause, asked_seconds)
        return min(pause, self.longest_pause_seconds)

    def ends_at(self, asked_seconds: float | None) -> bool:
        """Whether the service asks for a pause that is too long for another attempt."""
        return self.ends_at_longer_pause and (asked_seconds or 0.0) > self.longest_pause_seconds


@final
@dataclass(frozen=True, slots=True)
class Attempted:
    """The last answer or failure, and how many times the request was sent (0 if the run was stopped before)."""

    last: Result[HttpAnswer, HttpFailure]
    attempts: int


def send_with_retries(
    sender: HttpSender,
    request: HttpRequest,
    policy: RetryPolicy,
    cancellation: Cancellation,
    limit_bytes: int,
    now: Callable[[], float] = time.time,
) -> Attempted:
    """Send the same bytes until the answer is final, the attempts are used up or the run is stopped.

    ``now`` gives seconds since 1970, for the dates of ``Retry-After``. ``cancellation`` does all waiting.
    """
    if cancellation.reason() is not None:
        return Attempted(Failure(not_sent(request)), 0)
    attempts = 0
    while True:
        last = sender.send(request, cancellation, limit_bytes)
        attempts += 1
        outcome = unwrap_or_failure(last)
        asked = asked_seconds(outcome, now()) if isinstance(outcome, HttpAnswer) else None
        may_retry = attempts < policy.attempts and _is_transient(outcome, policy) and not policy.ends_at(asked)
        if not may_retry or cancellation.wait(policy.pause(attempts, asked)):
            return Attempted(last, attempts)


_Outcome = TypeVar("_Outcome")


@final
@dataclass(frozen=True, slots=True)
class Transient(Generic[_Outcome]):
    """An outcome that another attempt may change. ``asked_seconds`` is the pause that the service asked for."""

    outcome: _Outcome
    asked_seconds: float | None = None


def repeat(
    work: Callable[[], _Outcome | Transient[_Outcome]], policy: RetryPolicy, cancellation: Cancellation
) -> _Outcome:
    """Do work of several requests until its outcome is final, the attempts are used up or the run is stopped."""
    attempts = 0
    while True:
        found = work()
        if not isinstance(found, Transient):
            return found
        attempts += 1
        asked = found.asked_seconds
        is_last = attempts >= policy.attempts or policy.ends_at(asked)
        if is_last or cancellation.wait(policy.pause(attempts, asked)):
            return found.outcome


def asked_seconds(answer: HttpAnswer, now: float) -> float | None:
    """The pause that an answer asks for by ``Retry-After``; None if it asks for none."""
    value = answer.header("Retry-After")
    return retry_after_seconds(value, now) if value is not None else None


def retry_after_seconds(value: str, now: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` value, which is a number or an HTTP date; None for anything else."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    moment = http_date_seconds(text)
    return None if moment is None else max(0.0, moment - now)


def http_date_seconds(value: str) -> float | None:
    """Seconds since 1970 of an HTTP date; None for anything else."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.timestamp()


def _is_transient(outcome: HttpAnswer | HttpFailure, policy: RetryPolicy) -> bool:
    match outcome:
        case HttpAnswer(status=status):
            return policy.is_transient(status) and not policy.is_final(outcome)
        case NoAnswer(kind=kind):
            return kind is NoAnswerKind.TRANSIENT
        case AnswerTooLarge(status=status):
            return policy.is_transient(status)

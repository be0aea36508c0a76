"""Trying again: one policy value and one loop for every adapter that speaks HTTP.

``Retry-After`` as in RFC 9110, section 10.2.3.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import final

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
    shown_url,
)

TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""The usual answers that are worth another attempt."""


@final
@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` in all, ``pause_seconds`` apart, each pause ``growth`` times the one before.

    ``is_transient`` tells from the status whether an answer is worth another attempt, unless ``is_final`` sees in the
    rest of it that it is not; transport errors always are, refused certificates never. Each pause is ``jitter()`` times
    as long. ``Retry-After`` lengthens a pause, and shortens it too if ``may_shorten_pause``. No pause is
    over ``longest_pause_seconds``: a longer one is cut to it, or with ``ends_at_longer_pause`` no attempt follows.
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


@final
@dataclass(frozen=True, slots=True)
class Attempted:
    """The last answer or failure, and how many times the request was sent (0 when work had been stopped before)."""

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
    """Send the same bytes until the answer is final, the attempts are used up or work must stop.

    ``now`` gives seconds since 1970, for ``Retry-After`` dates; all waiting is ``cancellation``'s.
    """
    if cancellation.reason() is not None:
        reason = "work was stopped before it was asked"
        return Attempted(Failure(NoAnswer(shown_url(request.url), reason, NoAnswerKind.STOPPED)), 0)
    attempts = 0
    while True:
        last = sender.send(request, cancellation, limit_bytes)
        attempts += 1
        outcome = unwrap_or_failure(last)
        if not _is_worth_another(outcome, policy) or attempts >= policy.attempts:
            return Attempted(last, attempts)
        pause = _pause(outcome, attempts, policy, now)
        if pause > policy.longest_pause_seconds and policy.ends_at_longer_pause:
            return Attempted(last, attempts)
        if cancellation.wait(min(pause, policy.longest_pause_seconds)):
            return Attempted(last, attempts)


def retry_after_seconds(value: str, now: float) -> float | None:
    """Seconds to wait by a ``Retry-After`` value, a number or an HTTP date; None when it is neither."""
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


def _is_worth_another(outcome: HttpAnswer | HttpFailure, policy: RetryPolicy) -> bool:
    match outcome:
        case HttpAnswer(status=status):
            return policy.is_transient(status) and not policy.is_final(outcome)
        case NoAnswer(kind=kind):
            return kind is NoAnswerKind.TRANSIENT
        case AnswerTooLarge(status=status):
            return policy.is_transient(status)


def _pause(outcome: HttpAnswer | HttpFailure, attempts: int, policy: RetryPolicy, now: Callable[[], float]) -> float:
    pause = policy.pause_seconds * policy.growth ** (attempts - 1) * policy.jitter()
    asked = outcome.header("Retry-After") if isinstance(outcome, HttpAnswer) else None
    wanted = retry_after_seconds(asked, now()) if asked is not None else None
    if wanted is not None:
        pause = wanted if policy.may_shorten_pause else max(pause, wanted)
    return pause

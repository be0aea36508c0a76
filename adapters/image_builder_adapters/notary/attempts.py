"""Asking a notary service: how often, when, when not, and what the end of it means; no I/O of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure

from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.notary.verdict import Verdict

ATTEMPTS = 5
"""In all, the first one included."""

Judge: TypeAlias = Callable[[int], Verdict]
"""What a status means."""

_FINAL_KINDS = frozenset({NoAnswerKind.CERTIFICATE, NoAnswerKind.UNUSABLE_REQUEST, NoAnswerKind.UNUSABLE_ANSWER})


@final
@dataclass(frozen=True, slots=True)
class Exchange:
    """How it ended: the last answer, or why there was none, after so many attempts (0: work had to stop before).

    ``stopped`` says why no further attempt was made, if it was for the cancellation.
    """

    attempts: int
    last: HttpAnswer | HttpFailure
    verdict: Verdict
    stopped: Interruption | None = None

    @property
    def asks_to_wait_too_long(self) -> bool:
        """Whether another attempt was due, but not within the longest pause."""
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

    A service that asks for more than ``longest_pause_seconds`` (and more than the spacing) is not asked again.
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


def _verdict(last: HttpAnswer | HttpFailure, judge: Judge) -> Verdict:
    if isinstance(last, NoAnswer):
        return Verdict.FINAL if last.kind in _FINAL_KINDS else Verdict.TRANSIENT
    # The status says it all, even when the body is longer than anybody wants to read.
    verdict = judge(last.status)
    return Verdict.FINAL if verdict is Verdict.SUCCESS and is_page(last) else verdict


def is_page(answer: HttpAnswer | AnswerTooLarge) -> bool:
    """Whether this is HTML: a proxy's or a sign-in page, whatever its status, and no word of the service."""
    return any(value.lower().lstrip().startswith("text/html") for value in answer.header_values("Content-Type"))

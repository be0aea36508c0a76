"""Asking a notary service: how often, when, when not, and what the end of it means; no I/O of its own."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure

from image_builder_adapters.http import (
    LARGEST_ERROR_BODY,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.notary.protocol import ATTEMPTS, NotaryProtocol, Verdict
from image_builder_adapters.retry import RetryPolicy, send_with_retries

# No limit of ours: a run's deadline ends any pause. It only keeps a nonsensical number from overflowing a clock.
_LONGEST_PAUSE_SECONDS = 999_999.0
_FINAL_KINDS = frozenset({NoAnswerKind.CERTIFICATE, NoAnswerKind.UNUSABLE_REQUEST})


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


def send_repeatedly(
    request: HttpRequest,
    protocol: NotaryProtocol,
    spacing_seconds: float,
    sender: HttpSender,
    cancellation: Cancellation,
) -> Exchange:
    """Send at once, then at most four times more, ``spacing_seconds`` (or as long as the service asks) apart."""
    policy = RetryPolicy(
        attempts=ATTEMPTS,
        pause_seconds=spacing_seconds,
        longest_pause_seconds=_LONGEST_PAUSE_SECONDS,
        is_transient=lambda status: protocol.verdict(status) is Verdict.TRANSIENT,
        may_shorten_pause=True,
    )
    done = send_with_retries(sender, request, policy, cancellation, LARGEST_ERROR_BODY)
    last = unwrap_or_failure(done.last)
    verdict = _verdict(last, protocol)
    stopped = cancellation.reason() if verdict is Verdict.TRANSIENT else None
    return Exchange(done.attempts, last, verdict, stopped)


def _verdict(last: HttpAnswer | HttpFailure, protocol: NotaryProtocol) -> Verdict:
    if isinstance(last, NoAnswer):
        return Verdict.FINAL if last.kind in _FINAL_KINDS else Verdict.TRANSIENT
    # The status says it all, even when the body is longer than anybody wants to read.
    return protocol.verdict(last.status)

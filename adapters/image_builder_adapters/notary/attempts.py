"""Asking again: how often, when, and when not; no I/O of its own."""

from dataclasses import dataclass
from typing import final

from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure

from image_builder_adapters.notary.post import NoAnswer, NotaryAnswer, NotaryPost, Poster
from image_builder_adapters.notary.protocol import ATTEMPTS, NotaryProtocol, Verdict


@final
@dataclass(frozen=True, slots=True)
class Exchange:
    """How it ended: the last answer (None: work had to stop before the first), after so many attempts.

    ``stopped`` says why no further attempt was made, if it was for the cancellation.
    """

    attempts: int
    last: NotaryAnswer | NoAnswer | None
    verdict: Verdict
    stopped: Interruption | None = None


def send_repeatedly(
    post: NotaryPost,
    protocol: NotaryProtocol,
    spacing_seconds: float,
    poster: Poster,
    cancellation: Cancellation,
) -> Exchange:
    """Send at once, then at most four times more, ``spacing_seconds`` (or as long as the service asks) apart."""
    last: NotaryAnswer | NoAnswer | None = None
    for attempt in range(1, ATTEMPTS + 1):
        stopped = cancellation.reason()
        if stopped is not None:
            return Exchange(attempt - 1, last, Verdict.TRANSIENT, stopped)
        last = unwrap_or_failure(poster(post, cancellation))
        verdict = _verdict(last, protocol)
        if verdict is not Verdict.TRANSIENT or attempt == ATTEMPTS:
            return Exchange(attempt, last, verdict)
        if cancellation.wait(_pause(last, spacing_seconds)):
            return Exchange(attempt, last, verdict, cancellation.reason())
    raise AssertionError("the loop returns at its last attempt")


def _verdict(last: NotaryAnswer | NoAnswer, protocol: NotaryProtocol) -> Verdict:
    if isinstance(last, NotaryAnswer):
        return protocol.verdict(last.status)
    return Verdict.FINAL if last.final else Verdict.TRANSIENT


def _pause(last: NotaryAnswer | NoAnswer, spacing_seconds: float) -> float:
    asked = last.retry_after_seconds if isinstance(last, NotaryAnswer) else None
    return spacing_seconds if asked is None else asked

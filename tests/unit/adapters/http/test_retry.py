"""The retry loop, without sleeping."""

from collections.abc import Callable
from typing import final

import pytest
from image_builder_adapters.http.client import (
    AnswerTooLarge,
    Headers,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.http.retry import (
    RetryPolicy,
    Transient,
    http_date_seconds,
    repeat,
    retry_after_seconds,
    send_with_retries,
)
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

REQUEST = HttpRequest("POST", "https://h/?secret=1", (), b"same")
NOON = 1767355200.0
USUAL = RetryPolicy()


def answered(status: int, headers: Headers = ()) -> Result[HttpAnswer, HttpFailure]:
    return Success(HttpAnswer(status, headers, b""))


def missed(kind: NoAnswerKind) -> Result[HttpAnswer, HttpFailure]:
    return Failure(NoAnswer("https://h/", "why", kind))


@final
class Scripted:
    """Gives the prepared results in order, the last one for ever."""

    def __init__(self, *results: Result[HttpAnswer, HttpFailure], then: Callable[[], None] = lambda: None) -> None:
        self.results = list(results)
        self.sent: list[HttpRequest] = []
        self.then = then

    def send(
        self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int
    ) -> Result[HttpAnswer, HttpFailure]:
        assert limit_bytes == 9
        self.sent.append(request)
        self.then()
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]


def statuses(sender: Scripted, policy: RetryPolicy = USUAL) -> tuple[int, list[float]]:
    """Attempts, and the pauses between them."""
    cancellation = ManualCancellation()
    return send_with_retries(sender, REQUEST, policy, cancellation, 9, lambda: NOON).attempts, cancellation.waits


@pytest.mark.parametrize(
    "first",
    [
        answered(408),
        answered(429),
        answered(500),
        answered(502),
        answered(503),
        answered(504),
        missed(NoAnswerKind.TRANSIENT),
    ],
)
def test_a_transient_end_is_tried_again_after_a_pause(first: Result[HttpAnswer, HttpFailure]) -> None:
    assert statuses(Scripted(first, answered(200))) == (2, [1.0])


@pytest.mark.parametrize(
    "first",
    [
        answered(200),
        answered(404),
        answered(501),
        missed(NoAnswerKind.CERTIFICATE),
        missed(NoAnswerKind.UNUSABLE_REQUEST),
        missed(NoAnswerKind.STOPPED),
        Failure(AnswerTooLarge("https://h/", 9)),
    ],
)
def test_a_final_end_is_not_tried_again(first: Result[HttpAnswer, HttpFailure]) -> None:
    assert statuses(Scripted(first)) == (1, [])


def test_attempts_are_counted_in_all_and_the_last_answer_given() -> None:
    sender = Scripted(answered(500), answered(502), answered(503))
    done = send_with_retries(sender, REQUEST, RetryPolicy(attempts=3), ManualCancellation(), 9)
    assert (done.attempts, done.last) == (3, answered(503))
    assert sender.sent == [REQUEST] * 3


@pytest.mark.parametrize(
    ("policy", "asked", "pauses"),
    [
        pytest.param(RetryPolicy(pause_seconds=2, growth=2, longest_pause_seconds=7), None, [2, 4, 7, 7], id="cap"),
        pytest.param(
            RetryPolicy(pause_seconds=20, growth=2, longest_pause_seconds=300), None, [20, 40, 60, 60], id="a-minute"
        ),
        pytest.param(
            RetryPolicy(pause_seconds=90, growth=2, longest_pause_seconds=300), None, [90, 90], id="longer-first-pause"
        ),
        pytest.param(RetryPolicy(jitter=lambda: 1.25), None, [1.25, 1.25], id="jitter"),
        pytest.param(RetryPolicy(longest_pause_seconds=300), 200.0, [200, 200], id="asked"),
        pytest.param(RetryPolicy(growth=2), 2.0, [2, 2, 4], id="asked-less-than-grown"),
        pytest.param(RetryPolicy(may_shorten_pause=True), 0.0, [0, 0], id="may-shorten"),
        pytest.param(RetryPolicy(longest_pause_seconds=7), 8.0, [7, 7], id="asked-over-cap"),
    ],
)
def test_pauses_of_a_policy(policy: RetryPolicy, asked: float | None, pauses: list[float]) -> None:
    assert [policy.pause(failures, asked) for failures in range(1, len(pauses) + 1)] == pauses


def test_a_pause_after_many_failures_does_not_overflow() -> None:
    assert RetryPolicy(growth=2).pause(100_000) == 60


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        pytest.param("30", 30.0, id="seconds"),
        pytest.param("Fri, 02 Jan 2026 12:00:45 GMT", 45.0, id="date"),
        pytest.param("0", 1.0, id="never-shorter-than-ours"),
        pytest.param("99999999999999999999", 60.0, id="capped"),
        pytest.param("Fri, 02 Jan 2026 11:00:00 GMT", 1.0, id="past"),
        pytest.param("soon", 1.0, id="nonsense"),
        pytest.param("-5", 1.0, id="negative"),
    ],
)
def test_retry_after_lengthens_the_pause(asked: str, pause: float) -> None:
    assert statuses(Scripted(answered(429, (("Retry-After", asked),)), answered(200))) == (2, [pause])


def test_the_caller_decides_which_statuses_are_transient() -> None:
    policy = RetryPolicy(is_transient=lambda status: status not in (200, 400))
    assert statuses(Scripted(answered(404), answered(400)), policy) == (2, [1.0])


def test_work_that_was_stopped_before_sends_nothing() -> None:
    sender, cancellation = Scripted(answered(200)), ManualCancellation()
    cancellation.cancel()
    done = send_with_retries(sender, REQUEST, RetryPolicy(), cancellation, 9)
    assert (done.attempts, sender.sent) == (0, [])
    reason = "stopped before the request was sent"
    assert done.last == Failure(NoAnswer("https://h/", reason, NoAnswerKind.STOPPED, may_have_arrived=False))


def test_a_stop_during_the_pause_gives_the_last_answer() -> None:
    cancellation = ManualCancellation(deadline_seconds=0.5)
    done = send_with_retries(Scripted(answered(503)), REQUEST, RetryPolicy(), cancellation, 9)
    assert (done.attempts, done.last) == (1, answered(503))


@pytest.mark.parametrize(
    "text",
    ["", "1e9", "\u0661", "Fri, 99 Jan 2026 12:00:45 GMT", "Fri, 02 Jan 99999999999 12:00:45 GMT", "1" * 5000],
)
def test_any_retry_after_can_be_read(text: str) -> None:
    assert retry_after_seconds(text, NOON) in (None, 1111111111.0)


@pytest.mark.parametrize("text", ["", "noon", "Fri, 02 Jan 99999999999 12:00:00 GMT"])
def test_an_invalid_http_date_has_no_seconds(text: str) -> None:
    assert http_date_seconds(text) is None
    assert http_date_seconds("Fri, 02 Jan 2026 12:00:00 GMT") == NOON


# --- work of several requests -----------------------------------------------------------------------------------------


def repeated(*outcomes: str | Transient[str], stops: bool = False) -> tuple[str, list[float]]:
    """The outcome of work that has these outcomes in order, and the pauses between its attempts."""
    cancellation, left = ManualCancellation(), list(outcomes)

    def work() -> str | Transient[str]:
        if stops:
            cancellation.cancel()
        return left.pop(0)

    return repeat(work, RetryPolicy(attempts=3, pause_seconds=2.0, growth=2.0), cancellation), cancellation.waits


def test_final_work_is_done_once() -> None:
    assert repeated("done", "never") == ("done", [])


def test_transient_work_is_done_again_after_growing_pauses() -> None:
    assert repeated(Transient("busy"), Transient("busy"), "done") == ("done", [2.0, 4.0])


def test_a_service_may_ask_for_a_longer_pause() -> None:
    assert repeated(Transient("busy", 7.0), "done") == ("done", [7.0])


def test_the_last_outcome_counts_when_the_attempts_are_used_up() -> None:
    assert repeated(Transient("first"), Transient("second"), Transient("third"), "never") == ("third", [2.0, 4.0])


def test_stopped_work_is_not_done_again() -> None:
    assert repeated(Transient("busy"), "never", stops=True)[0] == "busy"

"""Requests to a notary service: permanent and transient failures, pauses, and messages."""

import pytest
from image_builder_adapters.http.client import (
    AnswerTooLarge,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.notary.exchange import Exchange, Verdict, explain, send_repeatedly
from image_builder_adapters.notary.protocol import V1, V2, NotaryProtocol
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation
from returns.result import Failure, Result, Success

Answered = Result[HttpAnswer, HttpFailure]

POST = HttpRequest("POST", "https://sign.example/sign", (), b"[]")


class Script:
    """Answers what it was given, the last answer for ever."""

    def __init__(self, *answers: Answered) -> None:
        self.answers = list(answers)
        self.calls = 0

    def send(self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int) -> Answered:
        del request, cancellation, limit_bytes
        self.calls += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def status(number: int, retry_after: str | None = None) -> Answered:
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Success(HttpAnswer(number, headers, b""))


def no_answer(reason: str, kind: NoAnswerKind) -> Answered:
    return Failure(NoAnswer(POST.url, reason, kind))


FINAL, AGAIN, DONE = Verdict.FINAL, Verdict.TRANSIENT, Verdict.SUCCESS


@pytest.mark.parametrize(
    ("number", "v1", "v2"),
    [
        (200, DONE, AGAIN),
        (201, AGAIN, AGAIN),
        (202, AGAIN, DONE),
        (301, FINAL, FINAL),
        (307, FINAL, FINAL),
        (308, FINAL, FINAL),
        (400, FINAL, FINAL),
        (401, FINAL, FINAL),
        (403, FINAL, FINAL),
        (404, AGAIN, FINAL),
        (408, AGAIN, AGAIN),
        (415, FINAL, FINAL),
        (422, AGAIN, FINAL),
        (429, AGAIN, AGAIN),
        (500, AGAIN, AGAIN),
        (503, AGAIN, AGAIN),
    ],
)
def test_each_status_has_its_meaning(number: int, v1: Verdict, v2: Verdict) -> None:
    assert (V1.verdict(number), V2.verdict(number)) == (v1, v2)


@pytest.mark.parametrize("protocol", [V1, V2])
def test_attempts_are_spaced_and_end_after_five(protocol: NotaryProtocol) -> None:
    script, cancellation = Script(status(500)), ManualCancellation()
    exchange = send_repeatedly(POST, protocol.verdict, 10, 300, script, cancellation)
    assert (exchange.attempts, script.calls, cancellation.waits) == (5, 5, [10, 10, 10, 10])
    assert exchange.verdict is AGAIN


def test_a_request_without_an_answer_is_retried() -> None:
    script = Script(no_answer("connection refused", NoAnswerKind.TRANSIENT), status(200))
    exchange = send_repeatedly(POST, V1.verdict, 10, 300, script, ManualCancellation())
    assert exchange == Exchange(2, HttpAnswer(200, (), b""), DONE)


def test_a_certificate_error_is_final() -> None:
    script = Script(no_answer("certificate has expired", NoAnswerKind.CERTIFICATE))
    assert send_repeatedly(POST, V2.verdict, 10, 300, script, ManualCancellation()).attempts == 1


def test_retry_after_may_shorten_a_pause() -> None:
    cancellation = ManualCancellation()
    send_repeatedly(POST, V1.verdict, 10, 300, Script(status(429, "0"), status(200)), cancellation)
    assert cancellation.waits == [0]


@pytest.mark.parametrize(("number", "attempts", "verdict"), [(202, 1, DONE), (200, 5, AGAIN)])
def test_the_status_counts_even_if_the_body_is_too_large(number: int, attempts: int, verdict: Verdict) -> None:
    script = Script(Failure(AnswerTooLarge(POST.url, 9, number)))
    exchange = send_repeatedly(POST, V2.verdict, 10, 300, script, ManualCancellation())
    assert (exchange.attempts, exchange.verdict) == (attempts, verdict)


def test_an_echoed_secret_is_hidden_before_a_body_is_cut() -> None:
    exchange = Exchange(1, HttpAnswer(400, (), b"x" * 4094 + b"tok-1"), FINAL)
    reason = explain(POST.url, exchange, Redactor(["tok-1"]).text)
    assert "xx**…;" in reason


def test_a_signal_during_a_pause_ends_the_attempts() -> None:
    class Interrupted(Script):
        def send(self, request: HttpRequest, cancellation: Cancellation, limit_bytes: int) -> Answered:
            manual.cancel(Interruption.SIGINT)
            return super().send(request, cancellation, limit_bytes)

    manual, script = ManualCancellation(), Interrupted(status(500))
    exchange = send_repeatedly(POST, V1.verdict, 10, 300, script, manual)
    assert (script.calls, exchange.stopped) == (1, Interruption.SIGINT)
    assert "sigint" in explain(POST.url, exchange, str)


def test_a_failure_names_place_status_body_attempts_and_remedy() -> None:
    exchange = Exchange(5, HttpAnswer(500, (), b"out of order"), AGAIN)
    assert explain(POST.url, exchange, str) == (
        "https://sign.example/sign: status 500: out of order after 5 attempts; signing is safe to run again"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("two\r\nlines", "two lines", id="lines"),
        pytest.param("\x1b[31mred", "[31mred", id="escape"),
        pytest.param("a\u202eb", "a b", id="right-to-left"),
        pytest.param("x ##vso[task.complete]", "x ## vso[task.complete]", id="azure-command"),
        pytest.param("::error::x", ": :error::x", id="github-command"),
        pytest.param("your token tok-1 is bad", "your token *** is bad", id="echoed-secret"),
    ],
)
def test_a_services_message_is_made_harmless(text: str, shown: str) -> None:
    exchange = Exchange(1, HttpAnswer(400, (), text.encode()), FINAL)
    assert f": status 400: {shown};" in explain(POST.url, exchange, Redactor(["tok-1"]).text)


@pytest.mark.parametrize(
    ("asked", "attempts"), [("5", 5), ("6", 1), ("999999", 1), ("Fri, 31 Dec 9999 23:59:59 GMT", 1)]
)
def test_no_attempt_follows_a_retry_after_beyond_the_timeout(asked: str, attempts: int) -> None:
    manual = ManualCancellation()
    exchange = send_repeatedly(POST, V1.verdict, 1, 5, Script(status(503, asked)), manual)
    assert (exchange.attempts, exchange.asks_to_wait_too_long) == (attempts, attempts == 1)
    assert sum(manual.waits) == 5 * (attempts - 1)
    reported = explain("https://sign.example", exchange, str)
    assert ("the service asks for a longer wait than the signer's timeout" in reported) is (attempts == 1)


def test_the_spacing_of_the_configuration_may_be_longer_than_the_timeout() -> None:
    manual = ManualCancellation()
    assert send_repeatedly(POST, V1.verdict, 10, 5, Script(status(503)), manual).attempts == 5

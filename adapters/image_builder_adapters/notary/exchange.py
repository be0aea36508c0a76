"""Asking a notary service: how often, when, when not, and what the end of it means; no I/O of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias, final
from urllib.parse import urlsplit

from image_builder_domain.exit_code import Interruption
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
    is_loopback_host,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries


class Verdict(Enum):
    """Done, never to be had, or worth another attempt."""

    SUCCESS = auto()
    FINAL = auto()
    TRANSIENT = auto()


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


LARGEST_BODY_SHOWN = 4096

Hide: TypeAlias = Callable[[str], str]
"""Blots out secrets."""


def explain(where: str, exchange: Exchange, hide: Hide) -> str:
    """Why asking ``where`` failed, and what to do; ``hide`` is for what the service echoes of our secrets."""
    last = exchange.last
    if exchange.attempts == 0:
        said = "nothing was sent"
    elif isinstance(last, NoAnswer):
        said = neutral(last.reason, hide)
    elif is_page(last) and last.status < 300:
        said = f"status {last.status}, but it is an HTML page: not the service answered, but something in between"
    elif isinstance(last, AnswerTooLarge):
        said = f"status {last.status}: the answer is larger than {last.limit_bytes} bytes"
    else:
        body = _beginning(neutral(last.body.decode("utf-8", "replace"), hide))
        said = f"status {last.status}" + (f": {body}" if body else "")
    times = f" after {exchange.attempts} attempts" if exchange.attempts > 1 else ""
    return f"{where}: {said}{times}; {_remedy(exchange)}"


def neutral(text: str, hide: Hide) -> str:
    """One printable line that no terminal and no CI system takes for a command."""
    printable = "".join(character if character.isprintable() else " " for character in hide(text))
    # Azure Pipelines obeys '##vso[' anywhere in a line, GitHub Actions '::' at its beginning.
    return " ".join(printable.split()).replace("##", "# #").replace("::", ": :")


def _beginning(text: str) -> str:
    """What is shown of a body; cut after the secret was hidden, so that no half of it stays."""
    return text.encode()[:LARGEST_BODY_SHOWN].decode("utf-8", "ignore")


def _remedy(exchange: Exchange) -> str:
    if exchange.stopped is not None:
        return f"stopped ({exchange.stopped.name.lower()}); signing is safe to run again"
    if exchange.verdict is Verdict.FINAL:
        return "the service will not take this request; check the signer's endpoint and secret"
    if exchange.asks_to_wait_too_long:
        return "the service asks for a longer wait than the signer's timeout; sign again later, which is safe"
    return "signing is safe to run again"


def endpoint_problem(url: str, *, has_secret: bool, needs_tls: bool = False) -> str | None:
    """Why a URL cannot be used, None when it can; never quotes the URL."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is no http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password; use 'secret' instead"
    if parts.scheme == "https":
        return None
    if needs_tls:
        return "a secret of type 'mtls' needs an https URL"
    return (
        "would send the secret without encryption; use an https URL"
        if has_secret and not is_loopback_host(host)
        else None
    )

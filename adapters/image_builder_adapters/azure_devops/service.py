"""Authorized requests to the service, with the meaning of their answers.

``Retry-After`` comes with good answers too: such an answer is used, and the next request waits.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, final

from image_builder_domain.exit_code import Interruption
from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import PipelineInterrupted
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.access_token import Authenticator
from image_builder_adapters.azure_devops.answer import (
    LARGEST_JSON,
    Meaning,
    NoJson,
    Refusal,
    as_object,
    explain,
    meaning,
    not_json,
    read_json,
)
from image_builder_adapters.http.client import (
    AnswerTooLarge,
    BodySink,
    Headers,
    HttpAnswer,
    HttpClient,
    HttpFailure,
    HttpRequest,
    NoAnswer,
    NoAnswerKind,
    shown_url,
)
from image_builder_adapters.http.message import not_sent
from image_builder_adapters.http.retry import RetryPolicy, asked_seconds, send_with_retries

_log = logging.getLogger(__name__)

_ALWAYS: Final[Headers] = (("X-TFS-FedAuthRedirect", "Suppress"),)
_TRACES: Final = ("activityid", "x-vss-e2eid", "x-tfs-session", "x-tfs-serviceerror", "x-ratelimit-delay")


@final
@dataclass(frozen=True, slots=True)
class TransientFailure:
    """No usable answer, but another attempt may succeed.

    ``may_have_arrived`` is about the last request. ``is_missing``: the resource may not exist yet. ``asked_seconds`` is
    the pause that the service asks for.
    """

    where: str
    reason: str
    may_have_arrived: bool
    asked_seconds: float | None = None
    is_missing: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


RequestFailure: TypeAlias = TransientFailure | Refusal | PipelineInterrupted


@final
class Service:
    """Sends requests with the credential's authorization; see the module."""

    def __init__(
        self,
        client: HttpClient,
        authenticator: Authenticator,
        policy: RetryPolicy,
        redact: Callable[[str], str] = str,
        clock: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy
        self._redact = redact
        self.stopwatch = stopwatch
        self.authenticator = authenticator
        self._client = client
        self._clock = clock
        self._not_before = 0.0

    def get(self, url: str, cancellation: Cancellation) -> Result[dict[str, Any], RequestFailure]:
        """The JSON object at ``url`` by one request; empty for an answer without content, or with other JSON."""
        found = self.once(HttpRequest("GET", url, (("Accept", "application/json"),)), cancellation)
        return found.bind(lambda answer: self._json(url, answer))

    def ask(self, request: HttpRequest, cancellation: Cancellation) -> Result[HttpAnswer, RequestFailure]:
        """A good answer, after retries as the policy says: for requests that may be repeated."""
        done = send_with_retries(self, request, self.policy, cancellation, LARGEST_JSON, now=self._clock)
        return self.judged(request.url, done.last, cancellation)

    def once(
        self, request: HttpRequest, cancellation: Cancellation, sink: BodySink | None = None, *, urgent: bool = False
    ) -> Result[HttpAnswer, RequestFailure]:
        """A good answer to one request. An ``urgent`` request does not wait for a pause that the service asked for."""
        found = self.send(request, cancellation, LARGEST_JSON, sink, urgent=urgent)
        return self.judged(request.url, found, cancellation)

    def send(
        self,
        request: HttpRequest,
        cancellation: Cancellation,
        limit_bytes: int,
        sink: BodySink | None = None,
        *,
        urgent: bool = False,
    ) -> Result[HttpAnswer, HttpFailure]:
        """Any answer to one request; if the service does not accept the token, a new token is tried once.

        That is safe for a request that must not be repeated: without authorization it had no effect.
        """
        if not urgent and self._must_stop(cancellation):
            return Failure(not_sent(request))
        found = self._authorized(request, cancellation, limit_bytes, sink, urgent=urgent)
        answer = unwrap_or_failure(found)
        refused = isinstance(answer, HttpAnswer) and meaning(answer) is Meaning.SIGN_IN
        if refused and self.authenticator.can_renew:
            found = self._authorized(request, cancellation, limit_bytes, sink, anew=True)
        return found

    def _must_stop(self, cancellation: Cancellation) -> bool:
        pause = self._not_before - self.stopwatch()
        return pause > 0 and cancellation.wait(pause)

    def _authorized(
        self,
        request: HttpRequest,
        cancellation: Cancellation,
        limit_bytes: int,
        sink: BodySink | None,
        *,
        anew: bool = False,
        urgent: bool = False,
    ) -> Result[HttpAnswer, HttpFailure]:
        header = unwrap_or_failure(self.authenticator.header(cancellation, anew=anew, urgent=urgent))
        if isinstance(header, NoAnswer):
            return Failure(header)
        complete = replace(request, headers=(*request.headers, *_ALWAYS, ("Authorization", header)))
        if sink is not None:
            found = self._client.stream(complete, cancellation, sink)
        else:
            found = self._client.send(complete, cancellation, limit_bytes)
        answer = unwrap_or_failure(found)
        if isinstance(answer, HttpAnswer):
            self._note(request, answer)
        return found

    def _note(self, request: HttpRequest, answer: HttpAnswer) -> None:
        traces = {name: value for name in _TRACES if (value := answer.header(name)) is not None}
        _log.debug("%s %s: %d %s", request.method, shown_url(request.url), answer.status, traces)
        asked = asked_seconds(answer, self._clock()) or 0.0
        self._not_before = self.stopwatch() + min(asked, self.policy.longest_pause_seconds)

    def judged(
        self, url: str, found: Result[HttpAnswer, HttpFailure], cancellation: Cancellation
    ) -> Result[HttpAnswer, RequestFailure]:
        """A good answer, or the failure that another answer means."""
        answer = unwrap_or_failure(found)
        where = shown_url(url)
        match answer:
            case AnswerTooLarge():
                return Failure(Refusal(where, str(answer), "please report this"))
            case NoAnswer(kind=NoAnswerKind.STOPPED):
                return Failure(PipelineInterrupted(cancellation.reason() or Interruption.DEADLINE))
            case NoAnswer(kind=NoAnswerKind.TRANSIENT | NoAnswerKind.UNUSABLE_ANSWER):
                return Failure(TransientFailure(answer.url, answer.reason, answer.may_have_arrived))
            case NoAnswer():
                return Failure(Refusal(answer.url, answer.reason, "check the network, the URL and the credential"))
            case HttpAnswer():
                return self._meaning(where, answer)

    def _meaning(self, where: str, answer: HttpAnswer) -> Result[HttpAnswer, RequestFailure]:
        found = meaning(answer)
        if found is Meaning.GOOD:
            return Success(answer)
        refusal = self._without_secrets(explain(where, answer, self.authenticator.credential))
        if found is Meaning.TRANSIENT:
            asked = asked_seconds(answer, self._clock())
            return Failure(TransientFailure(where, refusal.reason, answer.status != 429, asked))
        return Failure(refusal)

    def _without_secrets(self, refusal: Refusal) -> Refusal:
        """Redacted texts: the service may repeat what it was sent."""
        details = tuple(map(self._redact, refusal.details))
        return replace(refusal, reason=self._redact(refusal.reason), details=details)

    def _json(self, url: str, answer: HttpAnswer) -> Result[dict[str, Any], RequestFailure]:
        content = read_json(answer.body) if answer.status != 204 else None
        if not isinstance(content, NoJson):
            return Success(as_object(content))
        refusal = not_json(shown_url(url))
        return Failure(TransientFailure(refusal.where, refusal.reason, True) if content.cut_short else refusal)

"""GET with redirects (RFC 9110, section 15.4): few, safe, and without credentials for another host."""

from dataclasses import dataclass, replace
from typing import TypeAlias, final
from urllib.parse import urljoin

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import (
    AnswerTooLarge,
    HttpAnswer,
    HttpFailure,
    HttpRequest,
    HttpSender,
    NoAnswer,
    shown_url,
)
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem
from image_builder_adapters.retry import RetryPolicy, send_with_retries

MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@final
@dataclass(frozen=True, slots=True)
class BadRedirect:
    """A redirect that must not be followed. ``url`` is fit to be shown."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


@final
@dataclass(frozen=True, slots=True)
class Followed:
    """The final answer, and whether it is from the origin that was asked: only that one may ask for credentials."""

    answer: HttpAnswer
    from_origin: bool


GetFailure: TypeAlias = HttpFailure | BadRedirect


@final
@dataclass(frozen=True, slots=True)
class Getter:
    """Sends GET requests with retries and redirects."""

    sender: HttpSender
    policy: RetryPolicy

    def get(
        self, request: HttpRequest, registry: Origin, cancellation: Cancellation, limit_bytes: int
    ) -> Result[Followed, GetFailure]:
        """The final answer, with any status but a redirect's."""
        current, start = request, origin(request.url)
        for _ in range(MOST_REDIRECTS + 1):
            outcome = unwrap_or_failure(
                send_with_retries(self.sender, current, self.policy, cancellation, limit_bytes).last
            )
            if isinstance(outcome, (NoAnswer, AnswerTooLarge)):
                return Failure(outcome)
            if outcome.status not in _REDIRECTS:
                return Success(Followed(outcome, origin(current.url) == start))
            following = unwrap_or_failure(_next(current, outcome.header("Location"), registry))
            if isinstance(following, BadRedirect):
                return Failure(following)
            current = following
        return Failure(BadRedirect(shown_url(request.url), f"more than {MOST_REDIRECTS} redirects"))


def _next(request: HttpRequest, location: str | None, registry: Origin) -> Result[HttpRequest, BadRedirect]:
    if location is None:
        return Failure(BadRedirect(shown_url(request.url), "a redirect without a Location"))
    try:
        target = urljoin(request.url, location)
    except ValueError:
        return Failure(BadRedirect(shown_url(request.url), "a redirect to a malformed URL"))
    problem = url_problem(target, registry)
    if problem is not None:
        return Failure(BadRedirect(shown_url(target), f"the registry redirects there, but {problem}"))
    if origin(target) == origin(request.url):
        return Success(replace(request, url=target))
    kept = tuple(header for header in request.headers if header[0].lower() != "authorization")
    return Success(replace(request, url=target, headers=kept))

"""Authorized requests to one registry: challenges are answered, redirects followed, transient answers retried.

OCI Distribution Specification, "Endpoints"; RFC 9110, section 15.4. Credentials are sent to the registry's own origin
only. Requests use https, and http only for exact loopback, never after a TLS error.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, final
from urllib.parse import urljoin

from image_builder_domain.failure import (
    AccessDenied,
    BadAnswer,
    BadCredentials,
    NotFound,
    RegistryFailure,
    RegistryUnreachable,
)
from image_builder_domain.image.reference import DOCKER_HUB, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import AnswerTooLarge, HttpAnswer, HttpRequest, HttpSender, NoAnswer
from image_builder_adapters.http.message import Headers, StreamedBody
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.authorization import Authorizer, Denied
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.manifest import LARGEST_MANIFEST
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem

_MOST_REDIRECTS: Final = 10
# A second refusal may come from an expired token or a missing scope, so one more challenge is answered.
_MOST_CHALLENGES: Final = 2
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD: Final = frozenset({307, 308})
_READING: Final = ("GET", "HEAD")
_HUB_API: Final = "registry-1.docker.io"


@final
@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``path`` is below the repository, or a whole URL. ``shown`` names what it is about in failures."""

    method: str
    path: str
    access: Access
    shown: str
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)
    stream: StreamedBody | None = None


@final
class Exchange:
    """Sends calls; safe to use from several threads."""

    def __init__(
        self, client: HttpSender, credentials: DockerCredentials, redactor: Redactor, policy: RetryPolicy
    ) -> None:
        self._client = client
        self._redactor = redactor
        self._authorizer = Authorizer(client, credentials, redactor, policy)
        self.policy = policy

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Whether the configuration files with credentials are valid."""
        return self._authorizer.check(repositories)

    def learn(self, repositories: Iterable[Repository], cancellation: Cancellation) -> None:
        """Pass the credentials for these to the redactor."""
        self._authorizer.learn(repositories, cancellation)

    def source(self, repository: Repository, cancellation: Cancellation) -> str:
        """Where the credentials for this repository come from; empty if there are none."""
        return self._authorizer.source(repository, cancellation)

    def try_once(self, call: Call, cancellation: Cancellation) -> None:
        """Send what need not succeed, with the authorization that is there."""
        policy = replace(self.policy, attempts=1)
        self._follow(call, self._authorizer.known(call.access), policy, cancellation)

    def send(
        self, call: Call, cancellation: Cancellation, *, once: bool = False
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer, with any status but 401. Transient answers are retried, unless ``once`` is set."""
        broken = unwrap_or_failure(self.check())
        if broken is not None:
            return Failure(broken)
        policy = replace(self.policy, attempts=1) if once else self.policy
        authorization = self._authorizer.known(call.access)
        for challenges_left in range(_MOST_CHALLENGES, -1, -1):
            answer = unwrap_or_failure(self._follow(call, authorization, policy, cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 401:
                return Success(answer)
            if not challenges_left:
                break
            home = registry_origin(call.access.repository)
            granted = unwrap_or_failure(self._authorizer.answer(answer, call.access, home, cancellation))
            if isinstance(granted, Denied):
                return Failure(AccessDenied(call.shown, granted.reason))
            if not isinstance(granted, str):
                return Failure(granted)
            if granted == authorization and granted.startswith("Basic "):
                break  # the registry has refused this password already
            authorization = granted
        return Failure(AccessDenied(call.shown, "the registry refuses the credentials"))

    def is_transient(self, answer: HttpAnswer) -> bool:
        """Whether the same request may get another answer later."""
        return self.policy.is_transient(answer.status)

    def words(self, answer: HttpAnswer) -> str:
        """Status and errors of an answer, in one line without secrets."""
        return error_text(answer, self._redactor)

    def _follow(
        self, call: Call, authorization: str | None, policy: RetryPolicy, cancellation: Cancellation
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer after redirects."""
        home = registry_origin(call.access.repository)
        url = call.path if "://" in call.path else below(call.access.repository, call.path)
        is_home = origin(url) == home
        problem = url_problem(url, home) if "://" in call.path else None
        if problem is not None:
            return Failure(BadAnswer(call.shown, f"it names a URL that must not be used: {problem}"))
        for _ in range(_MOST_REDIRECTS + 1):
            own = authorization is not None and origin(url) == home
            headers = (*call.headers, *((("Authorization", authorization or ""),) if own else ()))
            request = HttpRequest(call.method, url, headers, call.body, call.stream)
            answer = self._once(request, call.shown, policy, cancellation)
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status == 401 and origin(url) != home:
                # Answering this challenge would send the registry's credentials where somebody else wants them.
                verb = "redirects" if is_home else "wants the upload to go"
                return Failure(AccessDenied(call.shown, f"it {verb} to another host, which requires other credentials"))
            if answer.status not in _REDIRECTS:
                return Success(answer)
            if call.method not in _READING and answer.status not in _KEEPS_METHOD:
                return Failure(BadAnswer(call.shown, f"it redirects a {call.method} with status {answer.status}"))
            url = target(url, answer.header("Location"))
            problem = url_problem(url, home)
            if problem is not None:
                return Failure(BadAnswer(call.shown, f"it redirects to a URL that must not be used: {problem}"))
        return Failure(BadAnswer(call.shown, f"it redirects more than {_MOST_REDIRECTS} times"))

    def _once(
        self, request: HttpRequest, shown: str, policy: RetryPolicy, cancellation: Cancellation
    ) -> HttpAnswer | RegistryFailure:
        sent = send_with_retries(self._client, request, policy, cancellation, LARGEST_MANIFEST)
        answer = unwrap_or_failure(sent.last)
        if isinstance(answer, NoAnswer):
            return RegistryUnreachable(shown, str(answer))
        return BadAnswer(shown, str(answer)) if isinstance(answer, AnswerTooLarge) else answer


def base_url(repository: Repository) -> str:
    """``https://host``, or ``http://host`` for exact loopback; Docker Hub's API has a separate host."""
    host = _HUB_API if repository.domain == DOCKER_HUB else repository.domain
    return f"{'http' if repository.is_loopback else 'https'}://{host}"


def below(repository: Repository, path: str) -> str:
    """The URL of ``path`` in the repository."""
    return f"{base_url(repository)}/v2/{repository.path}/{path}"


def target(url: str, location: str | None) -> str:
    """The URL of a redirect; empty, which is not a valid URL, if ``location`` is missing or malformed."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def registry_origin(repository: Repository) -> Origin:
    """The origin to which the repository's credentials may be sent. A port that cannot exist gives one of no server."""
    return origin(base_url(repository)) or Origin("https", "", 0)


def reading_failure(exchange: Exchange, answer: HttpAnswer, shown: str) -> RegistryFailure:
    """What an answer that is not 200 says about reading ``shown``."""
    match answer.status:
        case 404:
            return NotFound(shown)
        case 403:
            return AccessDenied(shown, exchange.words(answer))
        case _ if exchange.is_transient(answer):
            return RegistryUnreachable(shown, exchange.words(answer))
        case _:
            return BadAnswer(shown, exchange.words(answer))

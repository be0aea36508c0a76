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
    Denial,
    Login,
    RegistryFailure,
)
from image_builder_domain.image.reference import DOCKER_HUB, ImageReference, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import AnswerTooLarge, HttpAnswer, HttpRequest, HttpSender, NoAnswer
from image_builder_adapters.http.message import Headers, StreamedBody
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.authorization import Authorized, Authorizer
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.manifest import LARGEST_MANIFEST
from image_builder_adapters.registry.refusal import busy, login_host, no_answer, unread
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem
from image_builder_adapters.registry.token_service import Denied

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
        self._challenges: dict[Origin, HttpAnswer] = {}
        self.policy = policy

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Whether the configuration files with credentials are valid."""
        return self._authorizer.check(repositories)

    def learn(self, repositories: Iterable[Repository], cancellation: Cancellation) -> None:
        """Pass the credentials for these to the redactor."""
        self._authorizer.learn(repositories, cancellation)

    def login(self, repository: Repository, cancellation: Cancellation) -> Login:
        """What a message says about the credentials for this repository."""
        found = self._authorizer.credentials(repository, cancellation).value_or(None)
        if found is None:
            return Login(login_host(repository), searched=self._authorizer.searched())
        return Login(login_host(repository), found.source)

    def unread(self, answer: HttpAnswer, reference: ImageReference, cancellation: Cancellation) -> RegistryFailure:
        """What an answer that is not 200 says about reading a reference."""
        login = self.login(reference.repository, cancellation)
        return unread(answer, str(reference), self.words(answer), login)

    def try_once(self, call: Call, cancellation: Cancellation) -> None:
        """Send what need not succeed, with the authorization that is there."""
        policy = replace(self.policy, attempts=1)
        self._follow(call, self._authorizer.known(call.access), policy, cancellation)

    def send(
        self, call: Call, cancellation: Cancellation, *, once: bool = False
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer, with any status but 401. Transient answers are retried, unless ``once`` is set."""
        broken = unwrap_or_failure(self.check((call.access.repository,)))
        if broken is not None:
            return Failure(broken)
        policy = replace(self.policy, attempts=1) if once else self.policy
        known = self._authorizer.known(call.access)
        opened = Success(known) if known is not None else self._open(call, policy, cancellation)
        if isinstance(opened, Failure):
            return Failure(opened.failure())
        authorization = opened.unwrap()
        answered = 0 if known == authorization else 1
        for challenges_left in range(_MOST_CHALLENGES - answered, -1, -1):
            answer = unwrap_or_failure(self._follow(call, authorization, policy, cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 401:
                return self._revealed(call, answer, authorization, policy, cancellation)
            if not challenges_left or (authorization or "").startswith("Basic "):
                return Failure(self._refused(call, answer, authorization, cancellation))
            granted = self._answer(answer, call, cancellation)
            if isinstance(granted, Failure):
                return Failure(granted.failure())
            authorization = granted.unwrap()
        raise AssertionError("the last challenge is not answered")

    def _open(self, call: Call, policy: RetryPolicy, cancellation: Cancellation) -> Result[str | None, RegistryFailure]:
        """The authorization for a call, which answers the registry's challenge at ``/v2/`` if there are credentials.

        As go-containerregistry: some registries hide private repositories from the anonymous as missing.
        """
        repository = call.access.repository
        credentials = unwrap_or_failure(self._authorizer.credentials(repository, cancellation))
        if not isinstance(credentials, Credentials):
            return Success(None) if credentials is None else Failure(credentials)
        home = registry_origin(repository)
        challenge = self._challenges.get(home)
        if challenge is None:
            ping = Call("GET", f"{base_url(repository)}/v2/", call.access, call.shown)
            answer = unwrap_or_failure(self._follow(ping, None, policy, cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            challenge = answer
            if not self.is_transient(answer):
                self._challenges[home] = answer
        if challenge.status != 401 or not challenge.header("WWW-Authenticate"):
            return Success(None)
        return self._answer(challenge, call, cancellation)

    def _answer(self, refusal: HttpAnswer, call: Call, cancellation: Cancellation) -> Result[str, RegistryFailure]:
        """The authorization that answers a 401; one without a challenge is answered by that of ``/v2/``."""
        home = registry_origin(call.access.repository)
        asked = refusal if refusal.header("WWW-Authenticate") else self._challenges.get(home, refusal)
        return self._granted(
            self._authorizer.answer(asked, call.access, home, cancellation), call, self.words(refusal), cancellation
        )

    def _granted(
        self, authorized: Authorized, call: Call, words: str, cancellation: Cancellation
    ) -> Result[str, RegistryFailure]:
        """``words`` are those of the refusal."""
        granted = unwrap_or_failure(authorized)
        if isinstance(granted, str):
            return Success(granted)
        if isinstance(granted, BadCredentials):
            return Failure(granted)
        login = self.login(call.access.repository, cancellation)
        if isinstance(granted, Denied):
            # The token service's own words say more than the registry's, which asked for a token only.
            reason = granted.reason if granted.reason.startswith("token service: ") else f"{granted.reason} ({words})"
            return Failure(AccessDenied(call.shown, reason, granted.denial, login))
        if isinstance(granted.cause, NoAnswer):
            return Failure(no_answer(granted.cause, call.shown, "token service: "))
        return Failure(busy(granted.cause, call.shown, f"token service: {self.words(granted.cause)}", login))

    def _refused(
        self, call: Call, answer: HttpAnswer, authorization: str | None, cancellation: Cancellation
    ) -> AccessDenied:
        """The failure of a call whose authorization was refused."""
        login, is_token = self.login(call.access.repository, cancellation), (authorization or "").startswith("Bearer ")
        denial = Denial.NO_RIGHTS if is_token else Denial.WRONG_CREDENTIALS
        return AccessDenied(call.shown, self.words(answer), denial if login.source else Denial.NO_CREDENTIALS, login)

    def _revealed(
        self,
        call: Call,
        answer: HttpAnswer,
        authorization: str | None,
        policy: RetryPolicy,
        cancellation: Cancellation,
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer. One that may hide a repository from the anonymous is asked for again with a password."""
        may_hide = authorization is None and answer.status in (403, 404) and call.stream is None
        basic = self._authorizer.basic(call.access, cancellation) if may_hide else None
        if basic is None:
            return Success(answer)
        again = self._follow(call, basic, policy, cancellation).value_or(answer)
        if again.status in (401, 403, 404):
            return Success(answer)
        self._authorizer.keep(call.access.of_writer, basic)
        return Success(again)

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
        elsewhere: tuple[Origin, str] | None = None
        for _ in range(_MOST_REDIRECTS + 1):
            here = origin(url)
            own = authorization if here == home else elsewhere[1] if elsewhere and elsewhere[0] == here else None
            headers = (*call.headers, *((("Authorization", own),) if own is not None else ()))
            request = HttpRequest(call.method, url, headers, call.body, call.stream)
            answer = self._once(request, call.shown, policy, cancellation)
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status == 401 and here is not None and here != home:
                may_ask = own is None and call.method in _READING
                elsewhere = self._anonymous(answer, call, here, cancellation) if may_ask else None
                if elsewhere is None:
                    return Failure(AccessDenied(call.shown, _elsewhere(is_home)))
                continue
            if answer.status not in _REDIRECTS:
                return Success(answer)
            if call.method not in _READING and answer.status not in _KEEPS_METHOD:
                return Failure(BadAnswer(call.shown, f"it redirects a {call.method} with status {answer.status}"))
            url = target(url, answer.header("Location"))
            problem = url_problem(url, home)
            if problem is not None:
                return Failure(BadAnswer(call.shown, f"it redirects to a URL that must not be used: {problem}"))
        return Failure(BadAnswer(call.shown, f"it redirects more than {_MOST_REDIRECTS} times"))

    def _anonymous(
        self, refusal: HttpAnswer, call: Call, host: Origin, cancellation: Cancellation
    ) -> tuple[Origin, str] | None:
        """The authorization for another host: a token for everybody, because our credentials are not for that host."""
        granted = self._authorizer.anonymous(refusal, call.access, host, cancellation).value_or(None)
        return (host, granted) if granted is not None else None

    def _once(
        self, request: HttpRequest, shown: str, policy: RetryPolicy, cancellation: Cancellation
    ) -> HttpAnswer | RegistryFailure:
        sent = send_with_retries(self._client, request, policy, cancellation, LARGEST_MANIFEST)
        answer = unwrap_or_failure(sent.last)
        if isinstance(answer, NoAnswer):
            return no_answer(answer, shown)
        return BadAnswer(shown, str(answer)) if isinstance(answer, AnswerTooLarge) else answer


def _elsewhere(is_home: bool) -> str:
    verb = "redirects" if is_home else "wants the upload to go"
    return f"it {verb} to another host, which requires other credentials"


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

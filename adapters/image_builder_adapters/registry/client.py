"""The client of OCI registries: resolves references, lists referrers, and tests whether a registry answers.

OCI Distribution Specification, "Pulling manifests" and "Determining Support". Requests use https, and http only for
exact loopback, never after a TLS error.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final
from urllib.parse import urlencode, urljoin

from image_builder_domain.failure import (
    AccessDenied,
    BadAnswer,
    BadCredentials,
    NotFound,
    RegistryFailure,
    RegistryUnreachable,
)
from image_builder_domain.image.descriptor import OCI_INDEX, Manifest, Referrer
from image_builder_domain.image.reference import DOCKER_HUB, ImageReference, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    HttpAnswer,
    HttpClient,
    HttpRequest,
    HttpSender,
    NoAnswer,
    Timeouts,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.authorization import Authorizer, Denied
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.manifest import (
    ACCEPT,
    LARGEST_MANIFEST,
    MOST_PAGES,
    fallback_tag,
    next_page,
    read_manifest,
    read_referrers,
)
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem

_MOST_REDIRECTS: Final = 10
# A second refusal may come from an expired token or a missing scope, so one more challenge is answered.
_MOST_CHALLENGES: Final = 2
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HUB_API: Final = "registry-1.docker.io"
_IMPATIENT: Final = Timeouts(connect_seconds=3.0, read_seconds=3.0, whole_seconds=5.0)
_DEFAULT_POLICY: Final = RetryPolicy(attempts=5, pause_seconds=0.5, growth=2.0)


@final
class HttpRegistry:
    """Implements ``Registry`` and ``Referrers``; safe to use from several threads.

    ``environment`` names the files with credentials, see :func:`~.docker_config.config_paths`.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        redactor: Redactor,
        client: HttpSender | None = None,
        policy: RetryPolicy = _DEFAULT_POLICY,
    ) -> None:
        self._client: HttpSender = client if client is not None else HttpClient()
        self._redactor = redactor
        self._policy = policy
        self._authorizer = Authorizer(self._client, DockerCredentials(environment), redactor, policy)

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Implement ``Registry.check``."""
        return self._authorizer.check(repositories)

    def learn(self, repositories: Iterable[Repository], cancellation: Cancellation) -> None:
        """Pass the credentials for these to the redactor, including those of helpers.

        A failure is reported when the credential is used. Helpers run one after the other, for at most 30 s each.
        """
        self._authorizer.learn(repositories, cancellation)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Implement ``Registry.resolve``."""
        name = reference.digest.text if reference.digest is not None else reference.tag
        answer = self._ask(reference, f"manifests/{name}", ACCEPT, cancellation)
        return answer.bind(lambda found: self._read(found, reference))

    def referrers(
        self, reference: ImageReference, artifact_type: str | None, cancellation: Cancellation
    ) -> Result[tuple[Referrer, ...], RegistryFailure]:
        """Implement ``Referrers.referrers``."""
        assert reference.digest is not None  # noqa: S101 (referrers name a digest)
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type is not None else ""
        found = self._pages(reference, f"referrers/{reference.digest}{query}", cancellation)
        if isinstance(found, Failure) and isinstance(found.failure(), NotFound):
            found = self._pages(reference, f"manifests/{fallback_tag(reference.digest)}", cancellation)
            if isinstance(found, Failure) and isinstance(found.failure(), NotFound):
                return Success(())
        return found.map(lambda listed: tuple(one for one in listed if artifact_type in (None, one.artifact_type)))

    def _pages(
        self, reference: ImageReference, path: str, cancellation: Cancellation
    ) -> Result[tuple[Referrer, ...], RegistryFailure]:
        home, found = base_url(reference.repository), list[Referrer]()
        for _ in range(MOST_PAGES):
            answer = unwrap_or_failure(self._ask(reference, path, OCI_INDEX, cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 200:
                return Failure(self._failure(answer, reference))
            page = read_referrers(answer)
            if isinstance(page, Failure):
                return Failure(BadAnswer(str(reference), page.failure()))
            found += page.unwrap()
            following = next_page(answer)
            if following is None:
                return Success(tuple(found))
            url = _target(f"{home}/v2/{reference.repository.path}/{path}", following)
            if origin(url) != origin(home):
                return Failure(BadAnswer(str(reference), "its list continues on another host"))
            path = url
        return Failure(BadAnswer(str(reference), f"its list has more than {MOST_PAGES} pages"))

    def _ask(
        self, reference: ImageReference, path: str, accept: str, cancellation: Cancellation
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer to an authorized request, with any status but 401. ``path`` is below the repository."""
        broken = unwrap_or_failure(self.check())
        if broken is not None:
            return Failure(broken)
        repository = reference.repository
        url = path if "://" in path else f"{base_url(repository)}/v2/{repository.path}/{path}"
        authorization = self._authorizer.known(repository)
        for challenges_left in range(_MOST_CHALLENGES, -1, -1):
            answer = unwrap_or_failure(self._get(url, authorization, accept, str(reference), cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 401:
                return Success(answer)
            if not challenges_left:
                break
            granted = unwrap_or_failure(self._authorizer.answer(answer, repository, _home(repository), cancellation))
            if isinstance(granted, Denied):
                return Failure(AccessDenied(str(reference), granted.reason))
            if not isinstance(granted, str):
                return Failure(granted)
            if granted == authorization and granted.startswith("Basic "):
                break  # the registry has refused this password already
            authorization = granted
        return Failure(AccessDenied(str(reference), "the registry refuses the credentials"))

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if isinstance(self._client, HttpClient):
            self._client.close()

    def _get(
        self, url: str, authorization: str | None, accept: str, shown: str, cancellation: Cancellation
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer after redirects; credentials are sent to the registry's own origin only."""
        home = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            own = authorization is not None and origin(url) == home
            headers = (("Accept", accept), *((("Authorization", authorization or ""),) if own else ()))
            sent = send_with_retries(
                self._client, HttpRequest("GET", url, headers), self._policy, cancellation, LARGEST_MANIFEST
            )
            answer = unwrap_or_failure(sent.last)
            if isinstance(answer, NoAnswer):
                return Failure(RegistryUnreachable(shown, str(answer)))
            if isinstance(answer, AnswerTooLarge):
                return Failure(BadAnswer(shown, str(answer)))
            if answer.status == 401 and origin(url) != home:
                # Answering this challenge would send the registry's credentials where somebody else wants them.
                return Failure(AccessDenied(shown, "it redirects to another host, which requires other credentials"))
            if answer.status not in _REDIRECTS:
                return Success(answer)
            url = _target(url, answer.header("Location"))
            problem = url_problem(url, home) if home is not None else "no origin"
            if problem is not None:
                return Failure(BadAnswer(shown, f"it redirects to a URL that must not be used: {problem}"))
        return Failure(BadAnswer(shown, f"it redirects more than {_MOST_REDIRECTS} times"))

    def _read(self, answer: HttpAnswer, reference: ImageReference) -> Result[Manifest, RegistryFailure]:
        if answer.status != 200:
            return Failure(self._failure(answer, reference))
        return read_manifest(answer, reference.digest).alt(lambda reason: BadAnswer(str(reference), reason))

    def _failure(self, answer: HttpAnswer, reference: ImageReference) -> RegistryFailure:
        shown = str(reference)
        match answer.status:
            case 404:
                return NotFound(shown)
            case 403:
                return AccessDenied(shown, error_text(answer, self._redactor))
            case status if self._policy.is_transient(status):
                return RegistryUnreachable(shown, error_text(answer, self._redactor))
            case _:
                return BadAnswer(shown, error_text(answer, self._redactor))


def base_url(repository: Repository) -> str:
    """``https://host``, or ``http://host`` for exact loopback; Docker Hub's API has a separate host."""
    host = _HUB_API if repository.domain == DOCKER_HUB else repository.domain
    return f"{'http' if repository.is_loopback else 'https'}://{host}"


def _target(url: str, location: str | None) -> str:
    """The URL of a redirect; empty, which is not a valid URL, if ``location`` is missing or malformed."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def _home(repository: Repository) -> Origin:
    found = origin(base_url(repository))
    assert found is not None  # noqa: S101 (a repository's domain is a host)
    return found


def impatient_client() -> HttpClient:
    """A client for :func:`reachable`, which waits for at most 5 s."""
    return HttpClient(timeouts=_IMPATIENT)


def reachable(repository: Repository, client: HttpSender, cancellation: Cancellation) -> Result[str, str]:
    """The registry's answer to ``GET /v2/`` without credentials, in words, or why it cannot be used.

    It does not show whether the credentials are valid: registries check them for a repository and an action.
    """
    url = f"{base_url(repository)}/v2/"
    answer = unwrap_or_failure(client.send(HttpRequest("GET", url), cancellation, LARGEST_ERROR_BODY))
    if not isinstance(answer, HttpAnswer):
        return Failure(str(answer))
    match answer.status:
        case 200:
            return Success("answers without authentication")
        case 401 if answer.header("WWW-Authenticate"):
            return Success("answers, and requires authentication")
        case status:
            return Failure(f"{url}: answers with status {status}, so it is not a registry")

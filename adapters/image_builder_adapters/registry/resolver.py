"""What a reference is, asked of an OCI registry over HTTP.

OCI Distribution Specification, "Pulling manifests". https always, but for exact loopback; never http after a TLS error.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final
from urllib.parse import urljoin

from image_builder_domain.descriptor import Manifest
from image_builder_domain.ports import Cancellation
from image_builder_domain.reference import DOCKER_HUB, ImageReference, Repository
from image_builder_domain.registry_failure import (
    AccessDenied,
    BadAnswer,
    BadCredentials,
    NotFound,
    RegistryFailure,
    RegistryUnreachable,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import AnswerTooLarge, HttpAnswer, HttpClient, HttpRequest, HttpSender, NoAnswer
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.authorization import Authorizer, Denied
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.manifest import ACCEPT, LARGEST_MANIFEST, read_manifest
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem
from image_builder_adapters.retry import RetryPolicy, send_with_retries

_MOST_REDIRECTS: Final = 10
# A second refusal may be an expired token or a missing scope: it is worth one more challenge, no more.
_MOST_CHALLENGES: Final = 2
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HUB_API: Final = "registry-1.docker.io"
_DEFAULT_POLICY: Final = RetryPolicy(attempts=5, pause_seconds=0.5, growth=2.0)


@final
class HttpRegistry:
    """Implements ``Registry``; safe to use from several threads. ``environment`` says where credentials are."""

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

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Implement ``Registry.resolve``."""
        broken = unwrap_or_failure(self.check())
        if broken is not None:
            return Failure(broken)
        repository = reference.repository
        name = reference.digest.text if reference.digest is not None else reference.tag
        url = f"{base_url(repository)}/v2/{repository.path}/manifests/{name}"
        authorization = self._authorizer.known(repository)
        for challenges_left in range(_MOST_CHALLENGES, -1, -1):
            answer = unwrap_or_failure(self._get(url, authorization, str(reference), cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 401:
                return self._read(answer, reference)
            if not challenges_left:
                break
            granted = unwrap_or_failure(self._authorizer.answer(answer, repository, _home(repository), cancellation))
            if isinstance(granted, Denied):
                return Failure(AccessDenied(str(reference), granted.reason))
            if not isinstance(granted, str):
                return Failure(granted)
            if granted == authorization and granted.startswith("Basic "):
                break  # the same password again would be refused again
            authorization = granted
        return Failure(AccessDenied(str(reference), "the registry refuses the credentials that it asked for"))

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if isinstance(self._client, HttpClient):
            self._client.close()

    def _get(
        self, url: str, authorization: str | None, shown: str, cancellation: Cancellation
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer after redirects; credentials stay with the host they were made for."""
        home = origin(url)
        for _ in range(_MOST_REDIRECTS + 1):
            own = authorization is not None and origin(url) == home
            headers = (("Accept", ACCEPT), *((("Authorization", authorization or ""),) if own else ()))
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
                return Failure(AccessDenied(shown, "it redirects to another host, which wants credentials of its own"))
            if answer.status not in _REDIRECTS:
                return Success(answer)
            url = _target(url, answer.header("Location"))
            problem = url_problem(url, home) if home is not None else "it has no origin"
            if problem is not None:
                return Failure(BadAnswer(shown, f"it redirects to a place that must not be used: {problem}"))
        return Failure(BadAnswer(shown, f"it redirects more than {_MOST_REDIRECTS} times"))

    def _read(self, answer: HttpAnswer, reference: ImageReference) -> Result[Manifest, RegistryFailure]:
        shown = str(reference)
        match answer.status:
            case 200:
                return read_manifest(answer, reference.digest).alt(lambda reason: BadAnswer(shown, reason))
            case 404:
                return Failure(NotFound(shown))
            case 403:
                return Failure(AccessDenied(shown, error_text(answer, self._redactor)))
            case status if self._policy.is_transient(status):
                return Failure(RegistryUnreachable(shown, error_text(answer, self._redactor)))
            case _:
                return Failure(BadAnswer(shown, error_text(answer, self._redactor)))


def base_url(repository: Repository) -> str:
    """``https://host``, or ``http://host`` for exact loopback; Docker Hub's API has a host of its own."""
    host = _HUB_API if repository.domain == DOCKER_HUB else repository.domain
    return f"{'http' if repository.is_loopback else 'https'}://{host}"


def _target(url: str, location: str | None) -> str:
    """Where a redirect leads; the empty URL, which is no place at all, when it does not say."""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def _home(repository: Repository) -> Origin:
    found = origin(base_url(repository))
    assert found is not None  # noqa: S101 (a repository's domain is a host)
    return found

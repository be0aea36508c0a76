"""The client of OCI registries: resolves references, lists referrers, and tests whether a registry answers.

OCI Distribution Specification, "Pulling manifests" and "Determining Support". Requests use https, and http only for
exact loopback, never after a TLS error.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final
from urllib.parse import urlencode

from image_builder_domain.failure import (
    BadAnswer,
    BadCredentials,
    BadLayout,
    NotFound,
    PushDenied,
    RegistryFailure,
    RegistryUnreachable,
)
from image_builder_domain.image.descriptor import OCI_INDEX, Descriptor, HeldManifest, Manifest, Referrer
from image_builder_domain.image.reference import Digest, ImageReference, Repository
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
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.exchange import (
    Call,
    Exchange,
    base_url,
    below,
    registry_origin,
    target,
)
from image_builder_adapters.registry.manifest import (
    ACCEPT,
    MOST_PAGES,
    fallback_tag,
    next_page,
    read_manifest,
    read_referrers,
)
from image_builder_adapters.registry.publishing import Publishing
from image_builder_adapters.registry.refusal import no_answer
from image_builder_adapters.registry.safe_url import origin

_IMPATIENT: Final = Timeouts(connect_seconds=3.0, read_seconds=3.0, whole_seconds=5.0)
_ANOTHER: Final = "check its name, the network and the proxy variables"
_DEFAULT_POLICY: Final = RetryPolicy(attempts=5, pause_seconds=0.5, growth=2.0)


@final
class HttpRegistry:
    """Implements all ports of registries; safe to use from several threads.

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
        self._exchange = Exchange(self._client, DockerCredentials(environment), redactor, policy)
        self._publishing = Publishing(self._exchange)

    def check(self, repositories: Iterable[Repository] = ()) -> Result[None, BadCredentials]:
        """Implement ``Registry.check``."""
        return self._exchange.check(repositories)

    def learn(self, repositories: Iterable[Repository], cancellation: Cancellation) -> None:
        """Pass the credentials for these to the redactor, including those of helpers.

        A failure is reported when the credential is used. Helpers run one after the other, for at most 30 s each.
        """
        self._exchange.learn(repositories, cancellation)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Implement ``Registry.resolve``."""
        name = reference.digest.text if reference.digest is not None else reference.tag
        answer = self._ask(reference, f"manifests/{name}", ACCEPT, cancellation)
        return answer.bind(lambda found: self._read(found, reference, cancellation))

    def check_push(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Implement ``PublishingRegistry.check_push``."""
        return self._publishing.check_push(repository, cancellation)

    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        """Implement ``PublishingRegistry.fetch``."""
        return self._publishing.fetch(reference, cancellation)

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        """Implement ``PublishingRegistry.find``."""
        return self._publishing.find(reference, cancellation)

    def put(
        self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation
    ) -> Result[None, PushDenied | RegistryFailure]:
        """Implement ``PublishingRegistry.put``."""
        return self._publishing.put(reference, content, media_type, cancellation)

    def push_layout(
        self,
        layout: tuple[str, str],
        digest: Digest,
        repositories: tuple[Repository, ...],
        cancellation: Cancellation,
        sources: tuple[Repository, ...] = (),
    ) -> Result[Descriptor, BadLayout | tuple[PushDenied | RegistryFailure, ...]]:
        """Implement ``LayoutRegistry.push_layout``."""
        from image_builder_adapters.registry.layout_push import LayoutPush  # other engines do not need it

        return LayoutPush(self._exchange, self._publishing).push(layout, digest, repositories, cancellation, sources)

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
        home, found = registry_origin(reference.repository), list[Referrer]()
        for _ in range(MOST_PAGES):
            answer = unwrap_or_failure(self._ask(reference, path, OCI_INDEX, cancellation))
            if not isinstance(answer, HttpAnswer):
                return Failure(answer)
            if answer.status != 200:
                return Failure(self._exchange.unread(answer, reference, cancellation))
            page = read_referrers(answer)
            if isinstance(page, Failure):
                return Failure(BadAnswer(str(reference), page.failure()))
            found += page.unwrap()
            following = next_page(answer)
            if following is None:
                return Success(tuple(found))
            path = target(path if "://" in path else below(reference.repository, path), following)
            if origin(path) != home:
                return Failure(BadAnswer(str(reference), "its list continues on another host"))
        return Failure(BadAnswer(str(reference), f"its list has more than {MOST_PAGES} pages"))

    def _ask(
        self, reference: ImageReference, path: str, accept: str, cancellation: Cancellation
    ) -> Result[HttpAnswer, RegistryFailure]:
        """The answer to an authorized request, with any status but 401. ``path`` is below the repository."""
        call = Call("GET", path, Access(reference.repository), str(reference), (("Accept", accept),))
        return self._exchange.send(call, cancellation)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if isinstance(self._client, HttpClient):
            self._client.close()

    def _read(
        self, answer: HttpAnswer, reference: ImageReference, cancellation: Cancellation
    ) -> Result[Manifest, RegistryFailure]:
        if answer.status != 200:
            return Failure(self._exchange.unread(answer, reference, cancellation))
        return read_manifest(answer, reference.digest).alt(lambda reason: BadAnswer(str(reference), reason))


def impatient_client() -> HttpClient:
    """A client for :func:`reachable`, which waits for at most 5 s."""
    return HttpClient(timeouts=_IMPATIENT)


def reachable(
    repository: Repository, client: HttpSender, cancellation: Cancellation
) -> Result[str, RegistryUnreachable]:
    """The registry's answer to ``GET /v2/`` without credentials, in words, or why it cannot be used.

    It does not show whether the credentials are valid: registries check them for a repository and an action.
    """
    url = f"{base_url(repository)}/v2/"
    answer = unwrap_or_failure(client.send(HttpRequest("GET", url), cancellation, LARGEST_ERROR_BODY))
    if isinstance(answer, AnswerTooLarge):
        return Failure(RegistryUnreachable(repository.domain, str(answer), _ANOTHER))
    if isinstance(answer, NoAnswer):
        return Failure(no_answer(answer, repository.domain))
    match answer.status:
        case 200:
            return Success("answers without authentication")
        case 401 if answer.header("WWW-Authenticate"):
            return Success("answers, and requires authentication")
        case status:
            what = f"{url}: answers with status {status}, so it is not a registry"
            return Failure(RegistryUnreachable(repository.domain, what, _ANOTHER))

"""Pushing an image: its blobs in one request each, then its manifest under its digest. An engine writes no tags.

OCI Distribution Specification, "Pushing Blobs" and "Pushing Manifests". Speaks to registries that are open or ask for a
user and password; credentials come from Docker's configuration files, by the adapter that ``image-builder`` itself
uses.
"""

from collections.abc import Mapping
from typing import final
from urllib.parse import urljoin, urlsplit

from image_builder_adapters.http.client import HttpAnswer, HttpClient, HttpRequest, Timeouts
from image_builder_adapters.registry import DockerCredentials
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from tar_engine.image import Image

_TIMEOUTS = Timeouts(whole_seconds=600)
_LARGEST_ANSWER = 64 * 1024


@final
class Pusher:
    """Pushes to registries; ``environment`` says where credentials are."""

    def __init__(self, environment: Mapping[str, str], secrets: Secrets) -> None:
        self._client = HttpClient(timeouts=_TIMEOUTS)
        self._credentials = DockerCredentials(environment)
        self._secrets = secrets

    def push(self, image: Image, place: Repository, cancellation: Cancellation) -> Result[None, str]:
        """Push to one repository, or say why not. Does nothing twice that the registry has."""
        headers = self._authorization(place, cancellation)
        if isinstance(headers, Failure):
            return headers
        for descriptor, content in image.blobs:
            sent = self._blob(place, descriptor, content, headers.unwrap(), cancellation)
            if isinstance(sent, Failure):
                return sent
        kind = (("Content-Type", image.descriptor.media_type),)
        url = f"{_home(place)}/manifests/{image.descriptor.digest}"
        put = HttpRequest("PUT", url, (*headers.unwrap(), *kind), image.manifest)
        return self._ask(put, 201, cancellation).map(lambda _: None)

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        self._client.close()

    def _authorization(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[tuple[tuple[str, str], ...], str]:
        found = self._credentials.find(repository, cancellation).alt(str)
        if isinstance(found, Failure):
            return found
        credentials = found.unwrap()
        if credentials is None:
            return Success(())
        if credentials.basic is None:
            return Failure(f"{repository.domain}: this engine knows users and passwords, and no tokens")
        self._secrets.learn(credentials.password)
        return Success((("Authorization", credentials.basic),))

    def _blob(
        self,
        repository: Repository,
        descriptor: Descriptor,
        content: bytes,
        headers: tuple[tuple[str, str], ...],
        cancellation: Cancellation,
    ) -> Result[None, str]:
        home = _home(repository)
        there = self._client.send(HttpRequest("HEAD", f"{home}/blobs/{descriptor.digest}", headers), cancellation, 0)
        if isinstance(there, Success) and there.unwrap().status == 200:
            return Success(None)
        begun = self._ask(HttpRequest("POST", f"{home}/blobs/uploads/", headers), 202, cancellation)
        if isinstance(begun, Failure):
            return begun
        place = urljoin(home, begun.unwrap().header("Location") or "")
        if urlsplit(place)[:2] != urlsplit(home)[:2]:
            return Failure(f"{repository.domain} wants the upload elsewhere, where its credentials must not go")
        url = f"{place}{'&' if '?' in place else '?'}digest={descriptor.digest}"
        kind = (("Content-Type", "application/octet-stream"),)
        put = HttpRequest("PUT", url, (*headers, *kind), content)
        return self._ask(put, 201, cancellation).map(lambda _: None)

    def _ask(self, request: HttpRequest, wanted: int, cancellation: Cancellation) -> Result[HttpAnswer, str]:
        answer = unwrap_or_failure(self._client.send(request, cancellation, _LARGEST_ANSWER))
        if not isinstance(answer, HttpAnswer):
            return Failure(str(answer))
        if answer.status != wanted:
            return Failure(f"{urlsplit(request.url).netloc} answers {answer.status} to {request.method}")
        return Success(answer)


def _home(repository: Repository) -> str:
    scheme = "http" if repository.is_loopback else "https"
    return f"{scheme}://{repository.domain}/v2/{repository.path}"

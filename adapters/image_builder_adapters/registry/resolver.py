"""The registry client: what a reference is, by the registry's own word, checked.

OCI Distribution Specification, "Pulling manifests".
"""

import time
from collections.abc import Callable
from typing import final

from image_builder_domain.descriptor import Manifest
from image_builder_domain.ports import Cancellation
from image_builder_domain.reference import ImageReference
from image_builder_domain.registry_failure import (
    AccessDenied,
    BadAnswer,
    NotFound,
    RegistryFailure,
    RegistryUnreachable,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import HttpRequest, HttpSender
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.authorization import Asked, Authorizer
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text, shown
from image_builder_adapters.registry.failure import transport_failure
from image_builder_adapters.registry.manifest import ACCEPT, LARGEST_MANIFEST, read_manifest
from image_builder_adapters.registry.redirect import Followed, Getter
from image_builder_adapters.registry.safe_url import origin
from image_builder_adapters.retry import TRANSIENT_STATUSES, RetryPolicy

USUAL_RETRIES = RetryPolicy(attempts=5, pause_seconds=0.5, growth=2.0, longest_pause_seconds=30.0)

_MOST_CHALLENGES = 2
"""A second 401 may mean that the token expired on the way; a third one is a no."""


@final
class HttpRegistry:
    """Implements ``Registry`` for every registry host; safe to use from several threads.

    Plain http is for loopback only. ``redactor`` learns passwords and tokens as they come. ``clock`` gives monotonic
    seconds.
    """

    def __init__(
        self,
        sender: HttpSender,
        credentials: DockerCredentials,
        redactor: Redactor,
        policy: RetryPolicy = USUAL_RETRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._getter = Getter(sender, policy)
        self._credentials = credentials
        self._redactor = redactor
        self._authorizer = Authorizer(self._getter, credentials, redactor, clock)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        """Implement ``Registry.resolve``."""
        broken = unwrap_or_failure(self._credentials.check())
        if broken is not None:
            return Failure(broken)
        url = manifest_url(reference)
        registry = origin(url)
        if registry is None:
            return Failure(BadAnswer(str(reference), f"{reference.repository.domain!r} makes no URL; check its port"))
        asked = Asked(str(reference), reference.repository, registry)
        return self._get(asked, url, cancellation).bind(lambda got: self._read(reference, got))

    def _get(self, asked: Asked, url: str, cancellation: Cancellation) -> Result[Followed, RegistryFailure]:
        header = self._authorizer.remembered(asked)
        challenges = 0
        while True:
            authorization = (("Authorization", header),) if header is not None else ()
            request = HttpRequest("GET", url, (("Accept", ACCEPT), *authorization))
            got = unwrap_or_failure(self._getter.get(request, asked.registry, cancellation, LARGEST_MANIFEST))
            if not isinstance(got, Followed):
                return Failure(transport_failure(asked.reference, got))
            if got.answer.status != 401 or not got.from_origin or challenges == _MOST_CHALLENGES:
                return Success(got)
            challenges += 1
            answered = unwrap_or_failure(self._authorizer.answer(asked, got.answer, cancellation))
            if not isinstance(answered, str):
                return Failure(answered)
            if answered == header:  # the same user and password again
                return Success(got)
            header = answered

    def _read(self, reference: ImageReference, got: Followed) -> Result[Manifest, RegistryFailure]:
        answer, name = got.answer, str(reference)
        if answer.status == 200:
            return read_manifest(answer, reference.digest).alt(
                lambda reason: BadAnswer(name, shown(reason, self._redactor))
            )
        if answer.status == 404:
            return Failure(NotFound(name))
        told = error_text(answer, self._redactor)
        if answer.status in (401, 403):
            return Failure(AccessDenied(name, told))
        if answer.status in TRANSIENT_STATUSES:
            return Failure(RegistryUnreachable(name, told))
        return Failure(BadAnswer(name, told))


def manifest_url(reference: ImageReference) -> str:
    """Where the manifest is; with both tag and digest the digest decides."""
    repository = reference.repository
    scheme = "http" if repository.is_loopback else "https"
    return f"{scheme}://{repository.domain}/v2/{repository.path}/manifests/{reference.digest or reference.tag}"

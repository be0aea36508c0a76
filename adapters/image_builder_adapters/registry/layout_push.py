"""Push of an image layout by digest: blobs first, then manifests, to several repositories side by side.

OCI Distribution Specification, "Pushing blobs", "Mounting a blob from another repository" and "Pushing manifests".
Memory stays bounded for blobs of any size.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias, TypeVar, final
from urllib.parse import urlencode

from image_builder_domain.failure import BadAnswer, BadLayout, RegistryFailure
from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.http.message import StreamedBody
from image_builder_adapters.http.retry import Transient, repeat
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.exchange import Call, Exchange, below, target
from image_builder_adapters.registry.layout import Layout, LayoutImage
from image_builder_adapters.registry.publishing import Publishing, PushFailure, Written, again

_BLOBS_AT_ONCE: Final = 4
_REPOSITORIES_AT_ONCE: Final = 8

_Item = TypeVar("_Item")
_Gained = TypeVar("_Gained")
_Bodies: TypeAlias = dict[Digest, StreamedBody]


@final
class LayoutPush:
    """Implements ``LayoutRegistry``; safe to use from several threads."""

    def __init__(self, exchange: Exchange, publishing: Publishing) -> None:
        self._exchange = exchange
        self._publishing = publishing

    def push(
        self,
        layout: tuple[str, str],
        digest: Digest,
        repositories: tuple[Repository, ...],
        cancellation: Cancellation,
        sources: tuple[Repository, ...],
    ) -> Result[Descriptor, BadLayout | tuple[PushFailure, ...]]:
        """Implement ``LayoutRegistry.push_layout``."""
        with Layout.open(*layout) as opened:
            read = opened.bind(
                lambda found: found.image(digest).bind(
                    lambda image: _bodies(found, image).map(lambda bodies: (image, bodies))
                )
            )
            if isinstance(read, Failure):
                return Failure(BadLayout(read.failure()))
            image, bodies = read.unwrap()
            hosts = dict.fromkeys(repository.domain for repository in repositories)

            def on_host(domain: str) -> tuple[Written, ...]:
                own = tuple(repository for repository in repositories if repository.domain == domain)
                mountable = next((source for source in sources if source.domain == domain and source not in own), None)
                return self._to_host(image, bodies, own, mountable, cancellation)

            outcomes = [each for found in _side_by_side(on_host, tuple(hosts)) for each in found]
        failures = tuple(outcome.failure() for outcome in outcomes if isinstance(outcome, Failure))
        return Failure(failures) if failures else Success(image.descriptor)

    def _to_host(
        self,
        image: LayoutImage,
        bodies: _Bodies,
        repositories: tuple[Repository, ...],
        source: Repository | None,
        cancellation: Cancellation,
    ) -> tuple[Written, ...]:
        """The first repository gets the blobs, and the others mount them from it."""
        first, *others = repositories
        written = self._to_repository(image, bodies, first, source, cancellation)
        origin = first if isinstance(written, Success) else source
        rest = _side_by_side(
            lambda repository: self._to_repository(image, bodies, repository, origin, cancellation), others
        )
        return (written, *rest)

    def _to_repository(
        self,
        image: LayoutImage,
        bodies: _Bodies,
        repository: Repository,
        source: Repository | None,
        cancellation: Cancellation,
    ) -> Written:
        blobs = _side_by_side(
            lambda blob: self._blob(blob, bodies[blob.digest], Access(repository, True, source), cancellation),
            image.blobs,
            _BLOBS_AT_ONCE,
        )
        failed = next((blob for blob in blobs if isinstance(blob, Failure)), None)
        if failed is not None:
            return failed
        for manifest in image.manifests:
            reference = ImageReference(repository, None, manifest.descriptor.digest, str(repository))
            kind = manifest.descriptor.media_type
            written = self._publishing.put(reference, manifest.content, kind, cancellation)
            if isinstance(written, Failure):
                return written
        return Success(None)

    # --- one blob -----------------------------------------------------------------------------------------------------

    def _blob(self, blob: Descriptor, body: StreamedBody, access: Access, cancellation: Cancellation) -> Written:
        """The attempts of one blob; each asks first whether an earlier one arrived after all."""
        return repeat(lambda: self._attempt(blob, body, access, cancellation), self._exchange.policy, cancellation)

    def _attempt(
        self, blob: Descriptor, body: StreamedBody, access: Access, cancellation: Cancellation
    ) -> Written | Transient[Written]:
        repository, shown = access.repository, f"{access.repository}@{blob.digest}"
        own = access.of_writer
        known = self._exchange.send(Call("HEAD", f"blobs/{blob.digest}", own, shown), cancellation)
        there = unwrap_or_failure(known)
        if not isinstance(there, HttpAnswer):
            return Failure(self._publishing.denied(there, repository, cancellation))
        if there.status == 200:
            return Success(None)
        if self._exchange.is_transient(there):
            return Failure(self._publishing.refusal(there, repository, shown, cancellation))
        begun = unwrap_or_failure(self._begin(blob, access, shown, cancellation))
        if not isinstance(begun, HttpAnswer):
            return Failure(begun)
        if begun.status == 201:
            return Success(None)  # mounted
        place = target(below(repository, "blobs/uploads/"), begun.header("Location"))
        if not place:
            return Failure(BadAnswer(shown, "it accepts an upload, but does not say where"))
        url = f"{place}{'&' if '?' in place else '?'}{urlencode({'digest': str(blob.digest)})}"
        headers = (("Content-Type", "application/octet-stream"),)
        put = Call("PUT", url, own, shown, headers, stream=body)
        return self._sent(self._exchange.send(put, cancellation, once=True), repository, shown, cancellation)

    def _sent(
        self,
        sent: Result[HttpAnswer, RegistryFailure],
        repository: Repository,
        shown: str,
        cancellation: Cancellation,
    ) -> Written | Transient[Written]:
        answer = unwrap_or_failure(sent)
        if not isinstance(answer, HttpAnswer):
            return again(self._publishing.denied(answer, repository, cancellation), answer)
        if 200 <= answer.status < 300:
            return Success(None)
        return again(self._publishing.refusal(answer, repository, shown, cancellation), answer)

    def _begin(
        self, blob: Descriptor, access: Access, shown: str, cancellation: Cancellation
    ) -> Result[HttpAnswer, PushFailure]:
        """The answer 201, when the blob was mounted, or 202, when it is to be sent."""
        uploads, own = "blobs/uploads/", access.of_writer
        if access.mounts_from is not None:
            wanted = urlencode({"mount": str(blob.digest), "from": access.mounts_from.path})
            mounted = self._exchange.send(Call("POST", f"{uploads}?{wanted}", access, shown), cancellation)
            answer = unwrap_or_failure(mounted)
            # A registry that refuses to mount, or to give access to the other repository, takes an ordinary upload.
            if isinstance(answer, HttpAnswer) and answer.status in (201, 202):
                return Success(answer)
        answer = unwrap_or_failure(self._exchange.send(Call("POST", uploads, own, shown), cancellation))
        if not isinstance(answer, HttpAnswer):
            return Failure(self._publishing.denied(answer, access.repository, cancellation))
        if answer.status != 202:
            return Failure(self._publishing.refusal(answer, access.repository, shown, cancellation))
        return Success(answer)


def _bodies(layout: Layout, image: LayoutImage) -> Result[_Bodies, str]:
    bodies: _Bodies = {}
    for blob in image.blobs:
        body = layout.blob(blob)
        if isinstance(body, Failure):
            return Failure(body.failure())
        bodies[blob.digest] = body.unwrap()
    return Success(bodies)


def _side_by_side(
    work: Callable[[_Item], _Gained], items: Sequence[_Item], at_once: int = _REPOSITORIES_AT_ONCE
) -> list[_Gained]:
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(at_once, len(items))) as pool:
        return list(pool.map(work, items))

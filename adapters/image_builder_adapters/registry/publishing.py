"""What publishing asks of a registry: the right to push, manifests as exact bytes, and writing manifests and tags.

OCI Distribution Specification, "Pulling manifests", "Checking if content exists in the registry", "Pushing manifests"
and "Pushing blobs".
"""

import hashlib
import time
from dataclasses import replace
from typing import Final, TypeAlias, final

from image_builder_domain.failure import (
    AccessDenied,
    BadAnswer,
    Denial,
    PushDenied,
    RegistryFailure,
    RegistryUnreachable,
)
from image_builder_domain.image.descriptor import HeldManifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer
from image_builder_adapters.http.retry import Transient, asked_seconds, repeat
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.exchange import Call, Exchange, below, target
from image_builder_adapters.registry.manifest import ACCEPT, read_held_manifest
from image_builder_adapters.registry.refusal import busy, login_host

_BY_DIGEST: Final = "this is a push by digest, which the registry may not support, but publishing needs it"

PushFailure: TypeAlias = PushDenied | RegistryFailure
Written: TypeAlias = Result[None, PushFailure]


@final
class Publishing:
    """Implements ``PublishingRegistry``; safe to use from several threads."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def check_push(self, repository: Repository, cancellation: Cancellation) -> Result[None, PushFailure]:
        """Implement ``PublishingRegistry.check_push``."""
        access, path, shown = Access(repository, writes=True), "blobs/uploads/", str(repository)
        answer = unwrap_or_failure(self._exchange.send(Call("POST", path, access, shown), cancellation))
        if not isinstance(answer, HttpAnswer):
            return Failure(self.denied(answer, repository, cancellation))
        if answer.status != 202:
            return Failure(self.refusal(answer, repository, shown, cancellation))
        upload = target(below(repository, path), answer.header("Location"))
        if upload:  # some registries want another right for it; an upload that is not cancelled ends by itself
            self._exchange.try_once(Call("DELETE", upload, access, shown), cancellation)
        return Success(None)

    def fetch(self, reference: ImageReference, cancellation: Cancellation) -> Result[HeldManifest, RegistryFailure]:
        """Implement ``PublishingRegistry.fetch``."""
        sent = self._exchange.send(_reading("GET", reference), cancellation)
        return sent.bind(lambda answer: self._held(answer, reference, cancellation))

    def find(self, reference: ImageReference, cancellation: Cancellation) -> Result[Digest, RegistryFailure]:
        """Implement ``PublishingRegistry.find``."""
        return self._find(reference, cancellation, once=False)

    def put(
        self, reference: ImageReference, content: bytes, media_type: str, cancellation: Cancellation
    ) -> Result[None, PushFailure]:
        """Implement ``PublishingRegistry.put``.

        After each lost answer the registry is asked first: one with immutable tags refuses the same digest again.
        """
        digest = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        written = reference.by_tag if reference.tag is not None else reference
        call = Call(
            "PUT",
            f"manifests/{_name(written)}",
            Access(reference.repository, writes=True),
            str(written),
            (("Content-Type", media_type),),
            content,
        )
        lost = False

        def attempt() -> Written | Transient[Written]:
            nonlocal lost
            answer = unwrap_or_failure(self._exchange.send(call, cancellation, once=True))
            if isinstance(answer, HttpAnswer) and 200 <= answer.status < 300:
                return Success(None)
            failure = self._not_put(answer, written, cancellation)
            lost = lost or isinstance(failure, RegistryUnreachable)
            if lost and self._find(written, cancellation, once=True) == Success(digest):
                return Success(None)
            return again(failure, answer)

        return repeat(attempt, self._exchange.policy, cancellation)

    def denied(self, failure: RegistryFailure, repository: Repository, cancellation: Cancellation) -> PushFailure:
        """The failure of a write: access that is denied names the credentials."""
        if not isinstance(failure, AccessDenied):
            return failure
        login = failure.login if failure.login is not None else self._exchange.login(repository, cancellation)
        return PushDenied(failure.reference, login.host, failure.reason, login.source, failure.denial, login.searched)

    def refusal(
        self, answer: HttpAnswer, repository: Repository, shown: str, cancellation: Cancellation
    ) -> PushFailure:
        """What an unsuccessful answer says about writing ``shown``."""
        words = self._exchange.words(answer)
        if self._exchange.is_transient(answer):
            return busy(answer, shown, words, self._exchange.login(repository, cancellation))
        if answer.status in (403, 404):  # 404 also hides a repository from those who may not see it
            return self.denied(AccessDenied(shown, words, Denial.NO_RIGHTS), repository, cancellation)
        if 400 <= answer.status < 500:
            return PushDenied(shown, login_host(repository), words, None)
        return BadAnswer(shown, words)

    def _not_put(
        self, answer: HttpAnswer | RegistryFailure, written: ImageReference, cancellation: Cancellation
    ) -> PushFailure:
        if not isinstance(answer, HttpAnswer):
            return self.denied(answer, written.repository, cancellation)
        failure = self.refusal(answer, written.repository, str(written), cancellation)
        if isinstance(failure, PushDenied) and failure.credentials is None and written.tag is None:
            return replace(failure, reason=f"{failure.reason}; {_BY_DIGEST}")
        return failure

    def _find(
        self, reference: ImageReference, cancellation: Cancellation, *, once: bool
    ) -> Result[Digest, RegistryFailure]:
        answer = unwrap_or_failure(self._exchange.send(_reading("HEAD", reference), cancellation, once=once))
        if not isinstance(answer, HttpAnswer):
            return Failure(answer)
        claimed = Digest.parse((answer.header("Docker-Content-Digest") or "").strip()).value_or(None)
        if answer.status == 200 and claimed is not None:
            return _confirmed(claimed, reference)
        if answer.status == 404 or self._exchange.is_transient(answer):
            return Failure(self._exchange.unread(answer, reference, cancellation))
        # Some registries give no digest, or refuse HEAD; the answer to GET also says why it is refused.
        sent = self._exchange.send(_reading("GET", reference), cancellation, once=once)
        return sent.bind(lambda got: self._held(got, reference, cancellation)).map(lambda held: held.descriptor.digest)

    def _held(
        self, answer: HttpAnswer, reference: ImageReference, cancellation: Cancellation
    ) -> Result[HeldManifest, RegistryFailure]:
        if answer.status != 200:
            return Failure(self._exchange.unread(answer, reference, cancellation))
        return read_held_manifest(answer, reference.digest).alt(lambda reason: BadAnswer(str(reference), reason))


def again(failure: PushFailure, answer: object) -> Written | Transient[Written]:
    """The failure, marked as transient if another attempt may succeed."""
    written: Written = Failure(failure)
    if not isinstance(failure, RegistryUnreachable):
        return written
    return Transient(written, asked_seconds(answer, time.time()) if isinstance(answer, HttpAnswer) else None)


def _name(reference: ImageReference) -> str:
    return reference.digest.text if reference.digest is not None else reference.tag or ""


def _reading(method: str, reference: ImageReference) -> Call:
    path = f"manifests/{_name(reference)}"
    return Call(method, path, Access(reference.repository), str(reference), (("Accept", ACCEPT),))


def _confirmed(claimed: Digest, reference: ImageReference) -> Result[Digest, RegistryFailure]:
    if reference.digest in (None, claimed):
        return Success(claimed)
    return Failure(BadAnswer(str(reference), f"it was asked for {reference.digest}, but names {claimed}"))

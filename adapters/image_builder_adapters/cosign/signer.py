"""The signer of type ``cosign``: one signature for each ``repository@digest``, verified in the registry afterwards."""

import shlex
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cosign import command
from image_builder_adapters.cosign.command import Subject, cosign_environment, secrets_of
from image_builder_adapters.cosign.material import check_material
from image_builder_adapters.cosign.program import (
    CosignClient,
    CosignFailure,
    is_transient,
    reason_of,
    run_locally,
    stopped,
)
from image_builder_adapters.cosign.session import Session, session
from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.verifier import CosignVerifier
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor

_RETRIES: Final = RetryPolicy(attempts=3, pause_seconds=5.0)
"""For each digest; cosign itself retries some requests, too."""
NOT_LOGGED = "not in a transparency log"
_AT_ONCE = 4


@final
@dataclass(frozen=True, slots=True)
class _Verdict:
    """The outcome for one digest; without a failure it is signed."""

    failure: CosignFailure | None
    attempts: int = 0
    seconds: float = 0.0


@final
class _Turns:
    """One lock for each subject, shared by all signers of this process.

    A registry without the referrers API keeps signatures in a list that writers replace as a whole: two at once would
    lose one of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def of(self, subject: Subject) -> threading.Lock:
        """The lock of this subject."""
        with self._lock:
            return self._turns.setdefault(str(subject), threading.Lock())


_TURNS = _Turns()


@final
class CosignSigner:
    """Implements ``Signer``. ``environment`` is the tool's own; ``secrets`` learns the secrets that cosign receives."""

    def __init__(
        self, name: str, settings: CosignSettings, environment: Mapping[str, str], secrets: Secrets | None = None
    ) -> None:
        self._name = name
        self._settings = settings
        self._environment = cosign_environment(environment, settings)
        self._secrets: Secrets = secrets if secrets is not None else Redactor()
        for secret in secrets_of(self._environment):
            self._secrets.learn(secret)
        self._client = CosignClient(environment, settings, self._secrets)
        self._verifier = CosignVerifier(name, settings, environment, self._secrets)
        self._checked: Result[None, SignerMisconfigured] | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``; runs ``cosign`` for checks that use no network."""
        if self._checked is None:
            self._checked = self._check()
        return self._checked

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``: the command lines, with placeholders for digests and generated files."""
        files = command.files_of(self._settings, command.SIGNING_CONFIG_PLACEHOLDER, command.TRUSTED_ROOT_PLACEHOLDER)
        repositories = dict.fromkeys(one.repository for one in images)
        return "\n".join(
            shlex.join(make(self._settings, files, Subject(repository, command.DIGEST_PLACEHOLDER)))
            for repository in repositories
            for make in (command.sign_command, command.verify_command)
        )

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``: several digests in parallel, each of them once."""
        if not images:
            return ()
        subjects = list(dict.fromkeys(_subject(image) for image in images))
        verdicts = dict(zip(subjects, self._sign_all(subjects, cancellation), strict=True))
        return tuple(self._result(image, verdicts[_subject(image)]) for image in images)

    def _sign_all(self, subjects: list[Subject], cancellation: Cancellation) -> list[_Verdict]:
        unfit = unwrap_or_failure(self.prepare())
        if unfit is not None:
            return [_Verdict(CosignFailure(str(unfit)))] * len(subjects)
        if cancellation.reason() is not None:
            return [_Verdict(stopped(cancellation))] * len(subjects)
        with session(self._settings, self._environment, self._secrets) as opened:
            if isinstance(opened, str):
                return [_Verdict(CosignFailure(opened))] * len(subjects)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                return list(pool.map(lambda subject: self._sign_one(subject, opened, cancellation), subjects))

    def _sign_one(self, subject: Subject, opened: Session, cancellation: Cancellation) -> _Verdict:
        started, attempts, failure = time.monotonic(), 0, None
        with _TURNS.of(subject):
            while cancellation.reason() is None:
                attempts, failure = attempts + 1, self._attempt(subject, opened, cancellation)
                may_retry = failure is not None and failure.transient and attempts < _RETRIES.attempts
                if not may_retry or cancellation.wait(_RETRIES.pause(attempts)):
                    break
        if attempts == 0:
            failure = stopped(cancellation)
        return _Verdict(failure, attempts, time.monotonic() - started)

    def _attempt(self, subject: Subject, opened: Session, cancellation: Cancellation) -> CosignFailure | None:
        arguments = command.sign_command(self._settings, opened.files, subject)
        ended = self._client.run(arguments, opened.files, subject, cancellation, opened.descriptors)
        if isinstance(ended, CosignFailure):
            return ended
        if ended.code == 0:
            return self._verifier.verify_with(opened.files, subject, cancellation)
        reason = f"cosign sign: {self._secrets.text(reason_of(ended.lines))}"
        if is_transient(ended.lines):
            return CosignFailure(f"{reason}; signing is safe to run again", transient=True)
        return CosignFailure(f"{reason}; check the signer's keys and its permissions in the registry")

    def _result(self, image: ImageToSign, verdict: _Verdict) -> SignatureResult:
        failure = verdict.failure
        return SignatureResult(
            self._name,
            image.reference,
            image.descriptor.digest,
            SignatureStatus.FAILED if failure is not None else SignatureStatus.SIGNED,
            verdict.attempts,
            verdict.seconds,
            failure.reason if failure is not None else "",
            failure is not None and failure.transient,
            note=NOT_LOGGED if failure is None and not self._settings.transparency_log else "",
        )

    def _check(self) -> Result[None, SignerMisconfigured]:
        problem = check_material(self._settings, self._environment, lambda made: run_locally(made, self._environment))
        if problem is not None:
            return Failure(SignerMisconfigured(self._name, problem[0], self._secrets.text(problem[1])))
        # Only a test: signing makes its files again, so that they do not stay in a shared folder during the build.
        with session(self._settings, self._environment, self._secrets) as opened:
            if isinstance(opened, str):
                return Failure(SignerMisconfigured(self._name, "cosign", opened))
        return Success(None)


def _subject(image: ImageToSign) -> Subject:
    return Subject(image.reference.repository, image.descriptor.digest)

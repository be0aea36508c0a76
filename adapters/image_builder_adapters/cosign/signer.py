"""The cosign signer: one signature for each ``repository@digest``, verified in the registry before it counts."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.ports import Cancellation
from image_builder_domain.reference import ImageReference
from image_builder_domain.signer_settings import CosignSettings
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.cancellation import TimeLimit
from image_builder_adapters.cosign import command
from image_builder_adapters.cosign.command import Files, Subject
from image_builder_adapters.cosign.environment import cosign_environment, secrets_of
from image_builder_adapters.cosign.material import check_material, read_identity_token
from image_builder_adapters.cosign.output import NOT_SIGNED, is_transient, names_digest, reason_of
from image_builder_adapters.process import Command, CouldNotStart, Finished, Tail, run
from image_builder_adapters.redaction import Redactor

ATTEMPTS = 3
"""In all, for each digest; cosign itself repeats some requests, too."""

PAUSE_SECONDS = 5.0
LONGEST_RUN_SECONDS = 180.0
"""For one run of the program."""

NOT_LOGGED = "not in a transparency log"
_LOCAL_SECONDS = 30.0
_AT_ONCE = 4


@final
@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of one digest; ``reason`` is empty when it is signed."""

    reason: str = ""
    transient: bool = False
    attempts: int = 0
    seconds: float = 0.0


@final
class _Turns:
    """One at a time for each subject, over all signers of this process.

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
    """Implements ``Signer``. ``environment`` is the tool's own; ``redactor`` learns the secrets that cosign gets."""

    def __init__(
        self, name: str, settings: CosignSettings, environment: Mapping[str, str], redactor: Redactor | None = None
    ) -> None:
        self._name = name
        self._settings = settings
        self._environment = cosign_environment(environment, settings)
        self._redactor = redactor if redactor is not None else Redactor()
        for secret in secrets_of(self._environment):
            self._redactor.learn(secret)
        self._checked: Result[None, SignerMisconfigured] | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``; runs ``cosign`` for what it can tell without asking anybody."""
        if self._checked is None:
            self._checked = self._check()
        return self._checked

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``: the command lines, with placeholders for digests and files that are made."""
        files = command.files_of(self._settings, command.SIGNING_CONFIG_PLACEHOLDER, command.TRUSTED_ROOT_PLACEHOLDER)
        subjects = [Subject(repository, "<digest>") for repository in dict.fromkeys(one.repository for one in images)]
        makers = (command.sign_command, command.verify_command)
        return "\n".join(_shown(make(self._settings, files, subject)) for subject in subjects for make in makers)

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``; several digests at once, each of them once."""
        if not images:
            return ()
        subjects = list(dict.fromkeys(_subject(image) for image in images))
        verdicts = dict(zip(subjects, self._sign_all(subjects, cancellation), strict=True))
        return tuple(self._result(image, verdicts[_subject(image)]) for image in images)

    def _sign_all(self, subjects: list[Subject], cancellation: Cancellation) -> list[_Verdict]:
        unfit = unwrap_or_failure(self.prepare())
        if unfit is not None:
            return [_Verdict(str(unfit))] * len(subjects)
        if cancellation.reason() is not None:
            return [_stopped(cancellation, 0)] * len(subjects)
        with self._session() as session:
            if isinstance(session, str):
                return [_Verdict(session)] * len(subjects)
            files, descriptors = session
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                return list(pool.map(lambda one: self._sign_one(one, files, descriptors, cancellation), subjects))

    def _result(self, image: ImageToSign, verdict: _Verdict) -> SignatureResult:
        status = SignatureStatus.FAILED if verdict.reason else SignatureStatus.SIGNED
        return SignatureResult(
            self._name,
            image.reference,
            image.descriptor.digest,
            status,
            verdict.attempts,
            verdict.seconds,
            verdict.reason,
            verdict.transient,
            note="" if verdict.reason or self._settings.transparency_log else NOT_LOGGED,
        )

    def _sign_one(
        self, subject: Subject, files: Files, descriptors: tuple[int, ...], cancellation: Cancellation
    ) -> _Verdict:
        started, verdict = time.monotonic(), _Verdict()
        with _TURNS.of(subject):
            for attempt in range(1, ATTEMPTS + 1):
                if cancellation.reason() is not None:
                    return replace(_stopped(cancellation, attempt - 1), seconds=time.monotonic() - started)
                verdict = replace(self._attempt(subject, files, descriptors, cancellation), attempts=attempt)
                if not (verdict.transient and attempt < ATTEMPTS) or cancellation.wait(PAUSE_SECONDS):
                    break
        return replace(verdict, seconds=time.monotonic() - started)

    def _attempt(
        self, subject: Subject, files: Files, descriptors: tuple[int, ...], cancellation: Cancellation
    ) -> _Verdict:
        signed = self._run(command.sign_command(self._settings, files, subject), cancellation, descriptors)
        if isinstance(signed, _Verdict):
            return signed
        code, lines = signed
        if code:
            return self._failed("cosign sign", lines, transient=is_transient(lines))
        verified = self._run(command.verify_command(self._settings, files, subject), cancellation)
        if isinstance(verified, _Verdict):
            return verified
        code, lines = verified
        if code:
            return self._failed("cosign verify", lines, transient=code in NOT_SIGNED or is_transient(lines))
        if not isinstance(subject.digest, str) and names_digest(lines, subject.digest):
            return _Verdict()
        return _Verdict(f"cosign verify did not name {subject.digest}; the signature must not be relied on")

    def _failed(self, what: str, lines: tuple[str, ...], *, transient: bool) -> _Verdict:
        remedy = (
            "signing is safe to run again" if transient else "check the signer's keys and your rights in the registry"
        )
        return _Verdict(f"{what}: {self._redactor.text(reason_of(lines))}; {remedy}", transient)

    def _run(
        self, arguments: tuple[str, ...], cancellation: Cancellation, descriptors: tuple[int, ...] = ()
    ) -> tuple[int, tuple[str, ...]] | _Verdict:
        """The exit code and output, or why there is none that counts."""
        tail = Tail(_nobody)
        limit = TimeLimit(LONGEST_RUN_SECONDS, cancellation)
        ending = run(Command(arguments, self._environment, descriptors=descriptors), tail, limit)
        if isinstance(ending, Finished):
            return ending.code, tail.lines()
        if isinstance(ending, CouldNotStart):
            return _Verdict(str(ending))
        if cancellation.reason() is not None:
            return _stopped(cancellation, 0)
        what = " ".join(arguments[:2])
        return _Verdict(
            f"{what}: no end within {LONGEST_RUN_SECONDS:g} s; signing is safe to run again", transient=True
        )

    # --- before the build, and around a signature -----------------------------------------------------------------

    def _check(self) -> Result[None, SignerMisconfigured]:
        wrong = check_material(self._settings, self._environment, self._run_locally)
        if wrong is not None:
            return Failure(SignerMisconfigured(self._name, wrong[0], self._redactor.text(wrong[1])))
        with self._session() as session:
            # Made again for each signing: files in a shared folder should not lie there for as long as a build takes.
            return (
                Failure(SignerMisconfigured(self._name, "cosign", session))
                if isinstance(session, str)
                else Success(None)
            )

    def _run_locally(self, arguments: tuple[str, ...]) -> Result[tuple[str, ...], str]:
        tail = Tail(_nobody)
        ending = run(Command(arguments, self._environment), tail, TimeLimit(_LOCAL_SECONDS))
        if ending == Finished(0):
            return Success(tail.lines())
        return Failure(
            reason_of(tail.lines()) if isinstance(ending, Finished) else f"no end within {_LOCAL_SECONDS:g} s"
        )

    @contextmanager
    def _session(self) -> Iterator[tuple[Files, tuple[int, ...]] | str]:
        """The files that signing needs, for as long as it lasts; or why there are none."""
        with tempfile.TemporaryDirectory(prefix="image-builder-cosign-") as folder:
            made = {
                os.path.join(folder, "signing-config.json"): command.signing_config_command,
                os.path.join(folder, "trusted-root.json"): command.trusted_root_command,
            }
            files = command.files_of(self._settings, *made)
            for path in made:
                done = (
                    self._run_locally(made[path](path)) if path in (files.signing_config, files.trusted_root) else None
                )
                if isinstance(done, Failure):
                    yield f"cannot sign without a transparency log: {done.failure()}; install cosign 3"
                    return
            with self._identity_token() as token:
                if isinstance(token, str):
                    yield token
                else:
                    yield (
                        (files if token is None else replace(files, identity_token=f"/proc/self/fd/{token}")),
                        (() if token is None else (token,)),
                    )

    @contextmanager
    def _identity_token(self) -> Iterator[int | str | None]:
        """A file in memory with exactly the token: what stands around it in the settings' file may confuse cosign."""
        path = self._settings.identity_token_file
        if path is None:
            yield None
            return
        token = read_identity_token(path)
        if isinstance(token, Failure):
            yield f"{path}: {token.failure()}"
            return
        self._redactor.learn(token.unwrap())
        descriptor = os.memfd_create("identity-token", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, token.unwrap().encode())
            yield descriptor
        finally:
            os.close(descriptor)


def _subject(image: ImageToSign) -> Subject:
    return Subject(image.reference.repository, image.descriptor.digest)


def _stopped(cancellation: Cancellation, attempts: int) -> _Verdict:
    reason = cancellation.reason()
    name = reason.name.lower() if reason is not None else "stopped"
    return _Verdict(f"stopped ({name}); signing is safe to run again", transient=True, attempts=attempts)


def _shown(arguments: tuple[str, ...]) -> str:
    import shlex

    return shlex.join(arguments)


def _nobody(_: bytes) -> None:
    """Output that only its end matters of."""

"""A signer that keeps a journal: one line for each released image, with a code that only the key's owner can make."""

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets, SignerType, Surroundings
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.result import Failure, Result, Success

SHORTEST_KEY = 16


@final
@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What the configuration says; the two flags are asked of the settings of every type."""

    journal: str
    key_file: str
    signs_indexes: bool = True
    needs_tags: bool = False


@final
class JournalSigner:
    """Implements ``Signer``: appends to the journal."""

    def __init__(self, name: str, settings: JournalSettings, secrets: Secrets) -> None:
        self._name = name
        self._settings = settings
        self._secrets = secrets
        self._key: str | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Read the key before the build; without a usable one nothing is built."""
        path = self._settings.key_file
        try:
            key = Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            return Failure(SignerMisconfigured(self._name, path, f"cannot be read: {type(error).__name__}"))
        if len(key) < SHORTEST_KEY:
            return Failure(SignerMisconfigured(self._name, path, f"is shorter than {SHORTEST_KEY} characters"))
        self._secrets.learn(key)  # from now on it is hidden in everything that this run puts out
        self._key = key
        return Success(None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """What the plan shows: it must not read, write or ask anything."""
        return f"append {len(images)} lines to {self._settings.journal}"

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """One result for each image, in order; failures are results too."""
        if not images:
            return ()
        if cancellation.reason() is not None:
            return self._results(images, 0, "stopped before anything was written", transient=True)
        if self._key is None and isinstance(unfit := self.prepare(), Failure):
            return self._results(images, 0, str(unfit.failure()))
        lines = "".join(_line(image, self._key or "") for image in images)
        try:
            _append(self._settings.journal, lines.encode())
        except OSError as error:
            return self._results(images, 1, f"{self._settings.journal}: {error.strerror}", transient=True)
        return self._results(images, 1)

    def _results(
        self, images: tuple[ImageToSign, ...], attempts: int, reason: str = "", *, transient: bool = False
    ) -> tuple[SignatureResult, ...]:
        status = SignatureStatus.FAILED if reason else SignatureStatus.SIGNED
        return tuple(
            SignatureResult(
                self._name, image.reference, image.descriptor.digest, status, attempts, 0.0, reason, transient
            )
            for image in images
        )


def _line(image: ImageToSign, key: str) -> str:
    entry = {
        "reference": str(image.reference),
        "digest": str(image.descriptor.digest),
        "size": image.descriptor.size,
    }
    entry["code"] = hmac.new(key.encode(), json.dumps(entry).encode(), hashlib.sha256).hexdigest()
    return json.dumps(entry) + "\n"


def _append(path: str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, content)  # one call: lines of other jobs cannot come between
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _settings(values: dict[str, Any]) -> JournalSettings:
    return JournalSettings(values["journal"], values["key-file"])


CONFIG = read.fields(
    {
        "journal": read.text.about("The file that grows."),
        "key-file": read.text.about("What the codes are made with."),
    },
    ("journal", "key-file"),
).into(_settings)


def _make(name: str, settings: JournalSettings, around: Surroundings) -> JournalSigner:
    return JournalSigner(name, settings, around.secrets)


JOURNAL = SignerType(CONFIG, _make)

"""Whether a registry holds a signature that is what the settings of a cosign signer say it must be."""

from collections.abc import Mapping
from typing import final

from image_builder_domain.configuration.signer_settings import CosignSettings
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from image_builder_domain.signing import SignerMisconfigured
from returns.result import Failure, Result, Success

from image_builder_adapters.cosign.command import Files, Subject, cosign_environment, verify_command
from image_builder_adapters.cosign.material import check_verification
from image_builder_adapters.cosign.program import (
    NOT_SIGNED,
    CosignClient,
    Ended,
    Trouble,
    is_transient,
    names_digest,
    reason_of,
)
from image_builder_adapters.cosign.session import private_files


@final
class CosignVerifier:
    """Implements ``Verifier`` with the program ``cosign``; needs no private key and no password."""

    def __init__(self, name: str, settings: CosignSettings, environment: Mapping[str, str], secrets: Secrets) -> None:
        self._name = name
        self._settings = settings
        self._environment = cosign_environment(environment, settings)
        self._client = CosignClient(environment, settings, secrets)
        self._secrets = secrets

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Verifier.prepare``."""
        wrong = check_verification(self._settings, self._environment)
        return Success(None) if wrong is None else Failure(SignerMisconfigured(self._name, *wrong))

    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        """Implement ``Verifier.verify``."""
        assert image.digest is not None  # noqa: S101 (what is verified is a digest)
        with private_files(self._settings, self._environment) as files:
            if isinstance(files, str):
                return Failure(files)
            trouble = self.verify_with(files, Subject(image.repository, image.digest), cancellation)
        return Success(None) if trouble is None else Failure(trouble.reason)

    def verify_with(self, files: Files, subject: Subject, cancellation: Cancellation) -> Trouble | None:
        """None when a signature of exactly this digest is there and good, else why not; with files that are there."""
        ended = self._client.run(verify_command(self._settings, files, subject), files, subject, cancellation)
        match ended:
            case Trouble():
                return ended
            case Ended(0, lines):
                if names_digest(lines, subject.digest):
                    return None
                return Trouble(f"cosign verify did not name {subject.digest}; the signature must not be relied on")
            case Ended(code, lines):
                reason = f"cosign verify: {self._secrets.text(reason_of(lines))}; check the signer's keys and the image"
                return Trouble(reason, transient=code in NOT_SIGNED or is_transient(lines))

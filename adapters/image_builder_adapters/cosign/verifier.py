"""Verification of signatures in a registry against the settings of a cosign signer."""

from collections.abc import Mapping
from typing import final

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
    CosignFailure,
    Exited,
    is_transient,
    names_digest,
    reason_of,
)
from image_builder_adapters.cosign.session import private_files
from image_builder_adapters.cosign.settings import CosignSettings


@final
class CosignVerifier:
    """Implements ``Verifier``; needs neither a private key nor a password."""

    def __init__(self, name: str, settings: CosignSettings, environment: Mapping[str, str], secrets: Secrets) -> None:
        self._name = name
        self._settings = settings
        self._environment = cosign_environment(environment, settings)
        self._client = CosignClient(environment, settings, secrets)
        self._secrets = secrets

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Verifier.prepare``."""
        problem = check_verification(self._settings, self._environment)
        return Success(None) if problem is None else Failure(SignerMisconfigured(self._name, *problem))

    def verify(self, image: ImageReference, cancellation: Cancellation) -> Result[None, str]:
        """Implement ``Verifier.verify``."""
        assert image.digest is not None  # noqa: S101 (a verifier gets digests only)
        with private_files(self._settings, self._environment) as files:
            if isinstance(files, str):
                return Failure(files)
            trouble = self.verify_with(files, Subject(image.repository, image.digest), cancellation)
        return Success(None) if trouble is None else Failure(trouble.reason)

    def verify_with(self, files: Files, subject: Subject, cancellation: Cancellation) -> CosignFailure | None:
        """None if the registry has a valid signature of exactly this digest, else why not."""
        ended = self._client.run(verify_command(self._settings, files, subject), files, subject, cancellation)
        match ended:
            case CosignFailure():
                return ended
            case Exited(0, lines):
                if names_digest(lines, subject.digest):
                    return None
                return CosignFailure(f"cosign verify did not name {subject.digest}; do not rely on the signature")
            case Exited(code, lines):
                reason = f"cosign verify: {self._secrets.text(reason_of(lines))}; check the signer's keys and the image"
                return CosignFailure(reason, transient=code in NOT_SIGNED or is_transient(lines))

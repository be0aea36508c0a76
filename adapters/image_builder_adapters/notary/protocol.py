"""What differs between the two notary protocols, as one value each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from image_builder_domain.configuration.signer_settings import SecretKind, SignerSecret
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.signing import ImageToSign, SignatureStatus
from returns.result import Result

from image_builder_adapters.notary.body import v1_body, v1_example, v2_body, v2_example
from image_builder_adapters.notary.verdict import Verdict

BodyMaker: TypeAlias = Callable[[tuple[ImageToSign, ...]], Result[bytes, str]]
ExampleMaker: TypeAlias = Callable[[tuple[ImageReference, ...]], bytes]


@final
@dataclass(frozen=True, slots=True)
class NotaryProtocol:
    """One protocol: how images become a body, and which answers are success or final.

    Any other answer is asked again: signing the same digest twice is harmless.
    """

    body: BodyMaker
    example: ExampleMaker
    success: int
    success_means: SignatureStatus
    final_statuses: frozenset[int]

    def verdict(self, status: int) -> Verdict:
        """Judge a status. Redirects are final: following one would hand credentials and body to another host."""
        if status == self.success:
            return Verdict.SUCCESS
        is_final = status in self.final_statuses or 300 <= status < 400
        return Verdict.FINAL if is_final else Verdict.TRANSIENT


V1 = NotaryProtocol(v1_body, v1_example, 200, SignatureStatus.SIGNED, frozenset({400, 401, 403, 415}))
V2 = NotaryProtocol(v2_body, v2_example, 202, SignatureStatus.ACCEPTED, frozenset({400, 401, 403, 404, 415, 422}))


def protocol_for(secret: SignerSecret | None) -> NotaryProtocol:
    """Mutual TLS speaks v2, everything else v1."""
    return V2 if secret is not None and secret.kind is SecretKind.MTLS else V1

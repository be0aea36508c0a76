"""Verify claims: ask the registry what each reference is, and each signer's verifier for its signature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from image_builder_domain.exit_code import ExitCode
from image_builder_domain.failure import NotFound
from image_builder_domain.image.descriptor import Manifest
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Cancellation, Referrers, Registry, Verifier
from image_builder_domain.report.verification import Claim, Verified
from returns.methods import unwrap_or_failure
from returns.result import Failure

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE = 8


@final
@dataclass(frozen=True, slots=True)
class VerificationPorts:
    """What verifying needs of the outside world; ``verifiers`` by the name of their signer."""

    registry: Registry
    referrers: Referrers
    verifiers: Mapping[str, Verifier]


def verify_claims(
    claims: tuple[Claim, ...], ports: VerificationPorts, cancellation: Cancellation
) -> tuple[Verified, ...]:
    """What was found about every claim, in their order."""
    return side_by_side(lambda claim: _verified(claim, ports, cancellation), claims, _AT_ONCE)


def exit_code(found: tuple[Verified, ...], cancellation: Cancellation) -> ExitCode:
    """4 when a digest differs, 5 when something is not signed; an interruption before the end comes first."""
    if all(one.holds for one in found):
        return ExitCode.DONE
    reason = cancellation.reason()
    if reason is not None:
        return ExitCode(reason.value)
    return ExitCode.PUSH_FAILED if any(one.differs for one in found) else ExitCode.SIGNING_FAILED


def _verified(claim: Claim, ports: VerificationPorts, cancellation: Cancellation) -> Verified:
    asked = claim.reference.by_tag if claim.reference.tag is not None else claim.reference
    answer = unwrap_or_failure(ports.registry.resolve(asked, cancellation))
    if isinstance(answer, NotFound) and claim.digest is not None:
        return Verified(claim, None, f"it is gone, and should be {claim.digest}")
    if not isinstance(answer, Manifest):
        return Verified(claim, None, unread=answer.description)
    found = answer.descriptor.digest
    differs = f"it is {found}, and should be {claim.digest}" if claim.digest not in (None, found) else ""
    return Verified(claim, found, differs, _missing(claim, claim.digest or found, ports, cancellation))


def _missing(claim: Claim, digest: Digest, ports: VerificationPorts, cancellation: Cancellation) -> tuple[str, ...]:
    pinned = claim.reference.pinned(digest)
    answers = [(name, ports.verifiers[name].verify(pinned, cancellation)) for name in claim.verified_by]
    failed = [f"{name}: {answer.failure()}" for name, answer in answers if isinstance(answer, Failure)]
    listed = [_listed(pinned, ports.referrers, cancellation)] if failed else []
    return (*([claim.unsigned] if claim.unsigned else []), *failed, *listed)


def _listed(image: ImageReference, referrers: Referrers, cancellation: Cancellation) -> str:
    """What there is instead: somebody else's signature, or one of another kind, is a common reason."""
    found = referrers.referrers(image, None, cancellation)
    if isinstance(found, Failure):
        return f"what refers to it cannot be listed: {found.failure()}"
    # Every user who may push chooses these types, so they are shown in one line.
    named = {" ".join((each.artifact_type or each.descriptor.media_type).split()) for each in found.unwrap()}
    kinds = ", ".join(sorted(named))
    return f"what refers to it, by whomever: {kinds}" if kinds else "the registry lists nothing that refers to it"

"""Verifying: that registries still hold what was built, and that who should have signed it did.

A claim is what must be true of one reference. Claims come from references that a person names, and from the build
report of an earlier run.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.file import Configuration
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.job.state import GitState
from image_builder_domain.problem import Problem, Problems, every, located, together
from image_builder_domain.report.build_report import ReportedImage
from image_builder_domain.signing import SignatureStatus


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """What must be true of one reference.

    ``digest`` is what it must be, None for whatever it is. ``verified_by`` names the signers whose signature must be
    found, ``accepted_by`` those that were only asked to sign: nobody can look that up. ``unsigned`` is why a report
    says that it is not signed, which nothing can make good.
    """

    reference: ImageReference
    digest: Digest | None
    verified_by: tuple[str, ...] = ()
    accepted_by: tuple[str, ...] = ()
    unsigned: str = ""


@final
@dataclass(frozen=True, slots=True)
class VerificationInputs:
    """What verifying is planned from.

    ``images`` are references as text; ``report`` is what a build report tells, None without one. ``verifiable`` holds
    the names of the signers whose signatures can be looked up.
    """

    images: tuple[str, ...]
    report: Result[tuple[ReportedImage, ...], Problems] | None
    configuration: Result[Configuration, Problems]
    git_state: Result[GitState, Problems]
    verifiable: Collection[str]


def decide_claims(inputs: VerificationInputs) -> Result[tuple[Claim, ...], Problems]:
    """Every claim, or every problem of the inputs."""
    references = _references(inputs)
    known = together(inputs.configuration, inputs.git_state)
    if inputs.report is None:
        return together(references, known).bind(lambda found: _named(inputs.verifiable, found[0], *found[1]))
    return together(references, inputs.report, known).bind(
        lambda found: _reported(inputs.verifiable, found[0], found[1], found[2][0])
    )


def _references(inputs: VerificationInputs) -> Result[tuple[ImageReference, ...], Problems]:
    if not inputs.images and inputs.report is None:
        return Failure((Problem("verify", "no image is named", "name images, or a build report with --report"),))
    remedy = "write host/image:tag or host/image@digest"
    return every(located(ImageReference.parse(text), text, remedy) for text in dict.fromkeys(inputs.images))


# --- images that a person names -----------------------------------------------------------------------------------


def _named(
    verifiable: Collection[str], references: tuple[ImageReference, ...], configuration: Configuration, state: GitState
) -> Result[tuple[Claim, ...], Problems]:
    """Every signer that is enabled here must have signed; without a repository, every signer that is defined."""
    enabled = _enabled(configuration, state.repository)
    signers = tuple(
        signer.name for signer in configuration.signers if signer.name in enabled and signer.name in verifiable
    )
    if not signers:
        what = "no signer whose signatures can be looked up is enabled here"
        remedy = "enable one of type cosign, or give the --report of the build: it says what notary services accepted"
        return Failure((Problem(configuration.file, what, remedy),))
    return Success(tuple(Claim(reference, reference.digest, signers) for reference in references))


def _enabled(configuration: Configuration, repository: str | None) -> frozenset[str]:
    if repository is None:
        return frozenset(signer.name for signer in configuration.signers)
    keys = ("*", repository)
    return frozenset(name for key in keys for name in configuration.enabled_signers.get(key, ()))


# --- images of a report -------------------------------------------------------------------------------------------


def _reported(
    verifiable: Collection[str],
    references: tuple[ImageReference, ...],
    report: tuple[ReportedImage, ...],
    configuration: Configuration,
) -> Result[tuple[Claim, ...], Problems]:
    wanted = {str(reference) for reference in references}
    held = {str(image.reference) for image in report}
    missing = tuple(
        Problem("--report", f"it does not tell of {name}", "name an image of this build, or none for all of them")
        for name in sorted(wanted - held)
    )
    if missing:
        return Failure(missing)
    chosen = (image for image in report if not wanted or str(image.reference) in wanted)
    return every(_claim(image, verifiable, configuration) for image in chosen)


def _claim(image: ReportedImage, verifiable: Collection[str], configuration: Configuration) -> Result[Claim, Problems]:
    names = {signer.name for signer in configuration.signers}
    unknown = tuple(
        Problem(
            configuration.file,
            f"the report names the signer {signature.signer!r} of {image.reference}, which is not defined",
            "verify with the configuration that the build had",
        )
        for signature in image.signatures
        if signature.signer not in names
    )
    if unknown:
        return Failure(unknown)
    good = [found for found in image.signatures if found.status is not SignatureStatus.FAILED]
    return Success(
        Claim(
            image.reference,
            image.digest,
            tuple(found.signer for found in good if found.signer in verifiable),
            tuple(found.signer for found in good if found.signer not in verifiable),
            _why_unsigned(image),
        )
    )


def _why_unsigned(image: ReportedImage) -> str:
    failed = [found.signer for found in image.signatures if found.status is SignatureStatus.FAILED]
    if failed:
        return f"the report says that signing failed: {', '.join(failed)}"
    return "" if image.signatures else f"the report says that nobody signed it{image.not_signed}"


# --- what came of it ----------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """What was found about one claim: what the reference is now, and everything that is not as claimed."""

    claim: Claim
    found: Digest | None
    differs: str = ""
    unsigned: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """True when all of it is as claimed."""
        return not self.differs and not self.unsigned


def all_hold(found: Iterable[Verified]) -> bool:
    """True when every claim is true."""
    return all(one.holds for one in found)

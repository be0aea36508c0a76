"""Verification: whether registries still hold what was built, and whether the expected signers signed it.

A claim is what must be true of one reference. Claims come from references on the command line, and from the report of
an earlier run.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.job.git_state import GitState
from image_builder_domain.problem import Problem, Problems, every, gather, located, refuse
from image_builder_domain.report.report import Report, ReportedImage
from image_builder_domain.signing import SignatureStatus


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """What must be true of one reference.

    ``digest`` is the expected digest; None accepts any. ``verified_by`` names the signers whose signature must be
    found, ``accepted_by`` those whose services accepted the image but cannot be queried. ``unsigned`` is the reason in
    a report for a missing signature, which fails the claim.
    """

    reference: ImageReference
    digest: Digest | None
    verified_by: tuple[str, ...] = ()
    accepted_by: tuple[str, ...] = ()
    unsigned: str = ""


@final
@dataclass(frozen=True, slots=True)
class PublishedImage:
    """A published reference of a report: its digest, and its signers with what became of their signatures.

    ``not_signed`` is the report's reason, as the tail of a sentence.
    """

    reference: ImageReference
    digest: Digest
    signatures: tuple[tuple[str, SignatureStatus], ...]
    not_signed: str = ""


@final
@dataclass(frozen=True, slots=True)
class VerificationInputs:
    """What claims are decided from.

    ``images`` are references as text. ``report`` is what an earlier run published, None without a report.
    ``verifiable`` holds the names of the signers whose signatures can be looked up.
    """

    images: tuple[str, ...]
    report: Result[tuple[PublishedImage, ...], Problems] | None
    configuration: Result[Configuration, Problems]
    git_state: Result[GitState, Problems]
    verifiable: Collection[str]


def decide_claims(inputs: VerificationInputs) -> Result[tuple[Claim, ...], Problems]:
    """Every claim, or every problem of the inputs."""
    references = _references(inputs)
    configuration, state = inputs.configuration, inputs.git_state
    if inputs.report is None:
        return gather(references, configuration, state).bind(partial(_named, inputs.verifiable))
    return gather(references, inputs.report, configuration, state).bind(
        lambda named, report, known, _: _reported(inputs.verifiable, named, report, known)
    )


def _references(inputs: VerificationInputs) -> Result[tuple[ImageReference, ...], Problems]:
    if not inputs.images and inputs.report is None:
        return Failure((Problem("verify", "no image is named", "name images, or a build report with --report"),))
    remedy = "write host/image:tag or host/image@digest"
    return every(located(ImageReference.parse(text), text, remedy) for text in dict.fromkeys(inputs.images))


# --- images of the command line -----------------------------------------------------------------------------------


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


def published_images(content: bytes, where: str) -> Result[tuple[PublishedImage, ...], Problems]:
    """Every published reference of a report, or a problem. ``where`` names the file."""
    return Report.from_json(content, where).bind(lambda report: _published(report, where))


_UNFINISHED: Final = {
    "refused": "the run that wrote this report was refused, so it published nothing",
    "running": "the run that wrote this report did not finish, so it is not known what it published",
}
"""The problem of a report with such an outcome."""


def _published(report: Report, where: str) -> Result[tuple[PublishedImage, ...], Problems]:
    if report.outcome in _UNFINISHED:
        return Failure((Problem(where, _UNFINISHED[report.outcome], "verify the report of a run that published"),))
    not_signed = f": {' '.join(report.not_signed.split())}" if report.not_signed else ""
    built = (image for image in report.images if image.digest is not None)  # the others failed
    found = every(_destinations(image, not_signed, where) for image in built)
    images = found.map(lambda destinations: tuple(each for group in destinations for each in group))
    if images == Success(()):
        return Failure((Problem(where, "the report lists no published image", "verify a build that published"),))
    return images


def _destinations(image: ReportedImage, not_signed: str, where: str) -> Result[tuple[PublishedImage, ...], Problems]:
    """Each destination that holds the digest, with its own signatures."""
    digest = located(Digest.parse(image.digest or ""), where, _EDITED)
    signatures = every(
        _signature(signature.reference, signature.signer, signature.status, where) for signature in image.signatures
    )
    places = every(
        located(ImageReference.parse(place.reference), where, _EDITED)
        for place in image.destinations
        if place.holds_digest
    )
    return gather(digest, signatures, places).map(
        lambda known, signed, pushed: tuple(_joined(known, signed, pushed, not_signed))
    )


_EDITED: Final = "give the report as --build-report-path wrote it"


def _signature(
    reference: str, signer: str, status: str, where: str
) -> Result[tuple[str, tuple[str, SignatureStatus]], Problems]:
    known = {each.value: each for each in SignatureStatus}
    if not signer or status not in known:
        return refuse(where, f"a signature of {reference!r} has no signer or an unknown status {status!r}", _EDITED)
    parsed = located(ImageReference.parse(reference), where, _EDITED)
    return parsed.map(lambda found: (str(found), (signer, known[status])))


def _joined(
    digest: Digest,
    signatures: tuple[tuple[str, tuple[str, SignatureStatus]], ...],
    places: tuple[ImageReference, ...],
    not_signed: str,
) -> Iterator[PublishedImage]:
    own: dict[str, list[tuple[str, SignatureStatus]]] = {}
    for reference, signature in signatures:
        own.setdefault(reference, []).append(signature)
    for place in places:
        yield PublishedImage(place, digest, tuple(own.get(str(place), ())), not_signed)


def _reported(
    verifiable: Collection[str],
    references: tuple[ImageReference, ...],
    report: tuple[PublishedImage, ...],
    configuration: Configuration,
) -> Result[tuple[Claim, ...], Problems]:
    wanted = {str(reference) for reference in references}
    held = {str(image.reference) for image in report}
    missing = tuple(
        Problem("--report", f"it does not list {name}", "name an image of this build, or none for all of them")
        for name in sorted(wanted - held)
    )
    if missing:
        return Failure(missing)
    chosen = (image for image in report if not wanted or str(image.reference) in wanted)
    return every(_claim(image, verifiable, configuration) for image in chosen)


def _claim(image: PublishedImage, verifiable: Collection[str], configuration: Configuration) -> Result[Claim, Problems]:
    names = {signer.name for signer in configuration.signers}
    unknown = tuple(
        Problem(
            configuration.file,
            f"the report names the signer {signer!r} of {image.reference}, which is not defined",
            "verify with the configuration that the build had",
        )
        for signer, _ in image.signatures
        if signer not in names
    )
    if unknown:
        return Failure(unknown)
    good = [signer for signer, status in image.signatures if status is not SignatureStatus.FAILED]
    return Success(
        Claim(
            image.reference,
            image.digest,
            tuple(signer for signer in good if signer in verifiable),
            tuple(signer for signer in good if signer not in verifiable),
            _why_unsigned(image),
        )
    )


def _why_unsigned(image: PublishedImage) -> str:
    failed = [signer for signer, status in image.signatures if status is SignatureStatus.FAILED]
    if failed:
        return f"the report says that signing failed: {', '.join(failed)}"
    return "" if image.signatures else f"the report says that nobody signed it{image.not_signed}"


# --- results ------------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """What was found about one claim. ``found`` is the digest now; ``differs`` and ``unsigned`` are what is wrong.

    ``unread`` is why the image could not be read. Nothing is known about its signatures then.
    """

    claim: Claim
    found: Digest | None
    differs: str = ""
    unsigned: tuple[str, ...] = ()
    unread: str = ""

    @property
    def holds(self) -> bool:
        """True when all of it is as claimed."""
        return not self.differs and not self.unsigned and not self.unread


def all_hold(found: Iterable[Verified]) -> bool:
    """True when every claim is true."""
    return all(one.holds for one in found)

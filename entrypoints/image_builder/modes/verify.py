"""The mode ``verify``: look up what registries hold and who signed it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from image_builder_domain.problem import Problems, problems_of
from image_builder_domain.report.verification import Claim, VerificationInputs, decide_claims, published_images
from returns.result import Failure, Result

from image_builder.container.signing import open_verification_ports, verifiable
from image_builder.presenters.verify import verified_as_json, verified_as_text
from image_builder.session import Ending, Session, Work
from image_builder.workflows.sign import unready
from image_builder.workflows.verify import VerificationPorts, exit_code, verify_claims

if TYPE_CHECKING:
    from image_builder_domain.configuration.signing import SignerDefinition
    from image_builder_domain.report.verification import PublishedImage

_OTHER_FILE = "name the file that --build-report-path wrote"


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0 all is as claimed, 2 refused, 4 a digest differs, 5 not signed or wrong, 7, 130 and 143 stopped."""
    known = session.reader.settings()
    defined: tuple[SignerDefinition, ...] = known.configuration.map(lambda found: found.signers).value_or(())
    signers = verifiable(defined)
    inputs = VerificationInputs(
        session.words,
        _report(session.options.report, session.sources.file),
        known.configuration,
        known.git_state,
        frozenset(signers),
    )
    claims = decide_claims(inputs)
    unfit = problems_of(known.job) if session.options.require_production else ()
    return Failure((*problems_of(claims), *unfit)) if unfit else claims.map(lambda it: _work(it, signers, session))


def _report(
    file: str | None, read: Callable[[str, str], Result[bytes, Problems]]
) -> "Result[tuple[PublishedImage, ...], Problems] | None":
    if file is None:
        return None
    return read(file, _OTHER_FILE).bind(lambda content: published_images(content, file))


def _work(claims: tuple[Claim, ...], signers: "dict[str, SignerDefinition]", session: Session) -> Work:
    wanted = {name for claim in claims for name in claim.verified_by}
    ports = open_verification_ports(session.settings, tuple(signers[name] for name in sorted(wanted)))
    return Work(
        unready=lambda: unready(ports.registry, ports.verifiers, (claim.reference for claim in claims)),
        carry_out=lambda: _verify(claims, ports, session),
    )


def _verify(claims: tuple[Claim, ...], ports: VerificationPorts, session: Session) -> Ending:
    found = verify_claims(claims, ports, session.cancellation)
    return Ending(
        exit_code=exit_code(found, session.cancellation),
        result=session.page(lambda: verified_as_text(found), lambda: verified_as_json(found)),
    )

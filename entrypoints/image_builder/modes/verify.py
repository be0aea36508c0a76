"""The mode ``verify``: look up what registries hold and who signed it."""

from typing import TYPE_CHECKING

from image_builder_adapters.regular_file import read_file
from image_builder_adapters.signer_types import signer_type
from image_builder_domain.problem import Problems, problems_of
from image_builder_domain.report.verification import Claim, VerificationInputs, decide_claims, published_images

from image_builder.invocation import Invocation
from image_builder.presenters.verify import verified_as_json, verified_as_text
from image_builder.reading import read_settings
from image_builder.workflows.verify import exit_code, preflight, verify_claims

if TYPE_CHECKING:
    from image_builder_domain.configuration.signer_settings import SignerDefinition
    from image_builder_domain.report.verification import PublishedImage
    from returns.result import Result

_OTHER_FILE = "name the file that --build-report-path wrote"


def run(call: Invocation) -> int:
    """Exit code: 0 all is as claimed, 2 refused, 4 a digest differs, 5 not signed or wrong, 7, 130 and 143 stopped."""
    known = read_settings(call.options, call.environment)
    call.learn_signers(known.configuration)
    defined: tuple[SignerDefinition, ...] = known.configuration.map(lambda found: found.signers).value_or(())
    verifiable = {signer.name: signer for signer in defined if signer_type(signer.type).make_verifier is not None}
    inputs = VerificationInputs(
        call.words, _report(call.options.report), known.configuration, known.git_state, frozenset(verifiable)
    )
    claims = decide_claims(inputs)
    unfit = problems_of(known.job) if call.options.require_production else ()
    problems = (*call.early, *problems_of(claims), *unfit)
    return call.refuse(problems) if problems else _verify(call, claims.unwrap(), verifiable)


def _report(file: str | None) -> "Result[tuple[PublishedImage, ...], Problems] | None":
    if file is None:
        return None
    return read_file(file, _OTHER_FILE).bind(lambda content: published_images(content, file))


def _verify(call: Invocation, claims: tuple[Claim, ...], signers: "dict[str, SignerDefinition]") -> int:
    from image_builder.container import Settings, open_verification_ports
    from image_builder.presenters.adapter_log import tell_log_lines

    tell_log_lines(call.console, debug=call.options.debug)
    wanted = {name for claim in claims for name in claim.verified_by}
    settings = Settings(call.environment, "", "", call.redactor)
    ports = open_verification_ports(settings, tuple(signers[name] for name in sorted(wanted)))
    cancellation = call.cancellation
    with cancellation.install():
        problems = preflight(claims, ports)
        if problems:
            return call.refuse(problems)
        found = verify_claims(claims, ports, cancellation)
        code = exit_code(found, cancellation)
    if call.options.is_json:
        lost = call.print_document(verified_as_json(found))
    else:
        lost = call.print_result(verified_as_text(found))
    return code or lost

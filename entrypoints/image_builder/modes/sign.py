"""The mode ``sign``: sign images that exist, build nothing."""

import signal
from dataclasses import replace

from image_builder_domain.plan.signing import SigningInputs, SignPlan, decide_signing
from image_builder_domain.problem import problems_of
from image_builder_domain.report.outcome import SigningOutcome, signing_report

from image_builder.invocation import Invocation
from image_builder.presenters.azure_pipelines import state_output
from image_builder.presenters.plan import warn
from image_builder.presenters.sign import plan_as_json, plan_as_text, summary
from image_builder.reading import read_settings
from image_builder.workflows.preflight import unready
from image_builder.workflows.sign import SigningPorts, sign_images


def run(call: Invocation) -> int:
    """Exit code: 0 signed, 2 refused, 5 something could not be resolved or signed, 7, 8, 130, 143 as for a build."""
    images = tuple(image.strip() for image in call.options.images_to_sign)
    known = read_settings(call.options, call.environment)
    call.learn_signers(known.configuration)
    required = call.options.require_production
    planned = decide_signing(
        SigningInputs(images, known.configuration, known.git_state, known.history, required, known.origin)
    )
    problems = (*call.early, *problems_of(planned))
    if problems:
        return call.refuse(problems)
    plan = planned.unwrap()
    call.console.use_format(plan.log_format)
    from image_builder.container import Settings, open_signing_ports
    from image_builder.presenters.adapter_log import tell_log_lines

    warn(plan.job, call.console)
    tell_log_lines(call.console, debug=call.options.debug)
    settings = Settings(call.environment, "", "", call.redactor)
    ports = open_signing_ports(settings, plan)
    if call.options.dry_run:
        return _print_plan(call, plan, ports)
    return _sign(call, plan, ports)


def _print_plan(call: Invocation, plan: SignPlan, ports: SigningPorts) -> int:
    if call.options.is_json:
        return call.print_document(plan_as_json(plan, ports.signers))
    return call.print_result(plan_as_text(plan, ports.signers))


def _sign(call: Invocation, plan: SignPlan, ports: SigningPorts) -> int:
    cancellation = call.cancellation
    with cancellation.install():
        problems = unready(ports.registry, ports.signers, plan.references)
        if problems:
            return call.refuse(problems)
        outcome = sign_images(plan, ports, call.console, cancellation)
        code = _tell(call, plan, outcome)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What was told stays true: the process does not die of a signal that comes while Python ends.
        signal.signal(number, signal.SIG_IGN)
    return code


def _tell(call: Invocation, plan: SignPlan, outcome: SigningOutcome) -> int:
    failures = call.write_evidence(signing_report(plan, outcome))
    for failure in failures:
        call.console.error(failure)
    outcome, path = replace(outcome, lost=tuple(failures)), call.options.build_report_path if not failures else None
    if call.options.is_json and call.print_document(signing_report(plan, outcome).to_json()):
        outcome = replace(outcome, lost=(*outcome.lost, "standard output"))
    told = state_output(signing_report(plan, outcome), was_built=False) if call.options.ado_state_output else ""
    lost = call.console.command(told) if told else ""
    if lost:
        call.console.error(lost)
        outcome = replace(outcome, lost=(*outcome.lost, lost))
    call.console.summary(summary(outcome, path))
    return outcome.exit_code()

"""The Azure DevOps backend: build in the pipeline, print what would be asked of it, or expand its definition."""

import gc
import signal
from dataclasses import replace

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_domain.job.state import CiSystem
from image_builder_domain.plan.remote import RemotePlan, decide_remote
from image_builder_domain.problem import Problem, Problems, problems_of
from image_builder_domain.remote_pipeline import PreviewRequest, RunRequest
from image_builder_domain.report.outcome import remote_report
from image_builder_domain.report.report import Report
from returns.result import Failure

from image_builder.container import Settings
from image_builder.folders import log_directory, state_directory
from image_builder.invocation import Invocation
from image_builder.modes.remote_reading import read_remote_inputs
from image_builder.presenters import azure_pipelines
from image_builder.presenters.adapter_log import tell_log_lines
from image_builder.presenters.plan import warn
from image_builder.presenters.remote import plan_as_json, plan_as_text, summary
from image_builder.remote_container import open_remote_ports
from image_builder.workflows.preview import preview
from image_builder.workflows.remote_build import RemotePorts, build_remotely

_OBEDIENT = (CiSystem.AZURE_PIPELINES, CiSystem.GITHUB)


def run(call: Invocation) -> int:
    """Exit code as specification section 1 says: 0, 2, 6, 7, 8, 130 or 143."""
    gc.freeze()  # what was loaded stays
    gc.enable()  # a run may take hours
    inputs = read_remote_inputs(call)
    call.learn_signers(inputs.tags.configuration)
    planned = decide_remote(inputs)
    problems = (*call.early, *_unused(call), *problems_of(planned))
    if problems:
        return call.refuse(problems)
    plan = planned.unwrap()
    call.console.use_format(plan.log_format)
    tell_log_lines(call.console, debug=call.options.debug)
    for argument in plan.arguments:
        if argument.looks_secret:
            call.redactor.learn(argument.value)
    settings = Settings(
        call.environment,
        log_directory(call.options, call.environment),
        state_directory(call.environment),
        call.redactor,
        call.options.context,
    )
    ports = open_remote_ports(settings, plan.settings, call.console.warning)
    warn(plan.job, call.console)
    for warning in plan.warnings:
        call.console.warning(warning)
    if call.is_plan:
        return _print_plan(call, plan, ports)
    checked = ports.pipeline.check()
    if isinstance(checked, Failure):
        return call.refuse((Problem("credential", str(checked.failure())),))
    return _carry_out(call, plan, ports)


def _unused(call: Invocation) -> Problems:
    is_yaml = call.mode == "preview" and not call.is_plan and call.options.is_json
    return (Problem("--output", "a preview gives YAML, not JSON", "leave it out"),) if is_yaml else ()


def _print_plan(call: Invocation, plan: RemotePlan, ports: RemotePorts) -> int:
    if call.options.is_json:
        return call.print_document(plan_as_json(plan, ports.pipeline))
    return call.print_result(plan_as_text(plan, ports.pipeline))


def _carry_out(call: Invocation, plan: RemotePlan, ports: RemotePorts) -> int:
    cancellation = call.cancellation
    with cancellation.install():
        if isinstance(plan.request, PreviewRequest):
            code = _preview(call, plan, plan.request, ports, cancellation)
        else:
            code = _build(call, plan, plan.request, ports, cancellation)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What was told stays true: the process does not die of a signal that comes while Python ends.
        signal.signal(number, signal.SIG_IGN)
    return code


def _preview(
    call: Invocation,
    plan: RemotePlan,
    request: PreviewRequest,
    ports: RemotePorts,
    cancellation: SignalCancellation,
) -> int:
    path = call.options.ado_preview_output
    obeys = plan.job.state.system in _OBEDIENT

    def is_harmless(text: str) -> bool:
        data = text.encode()
        return not obeys or neutralise(data) == data

    write = (lambda content: ports.artifacts.write(path, call.redactor.data(content))) if path is not None else None
    return preview(request, ports.pipeline, write, is_harmless, call.console, cancellation)


def _build(
    call: Invocation, plan: RemotePlan, request: RunRequest, ports: RemotePorts, cancellation: SignalCancellation
) -> int:
    outcome = build_remotely(plan, request, ports, call.console, cancellation)
    for reason in outcome.lost:
        call.console.error(reason)
    failures = call.write_evidence(remote_report(plan, outcome))
    for reason in failures:
        call.console.error(reason)
    outcome = replace(outcome, lost=(*outcome.lost, *failures))
    outcome = replace(outcome, lost=(*outcome.lost, *_spoken(call, remote_report(plan, outcome))))
    path = call.options.build_report_path
    call.console.summary(summary(plan, outcome, path if not failures else None))
    return outcome.exit_code()


def _spoken(call: Invocation, found: Report) -> list[str]:
    """Print what programs read; why some of it is lost."""
    is_json, states = call.options.is_json, call.options.ado_state_output
    lost = [
        call.console.document(found.to_json()) if is_json else "",
        call.console.command(azure_pipelines.state_output(found, was_built=True)) if states else "",
    ]
    return [reason for reason in lost if reason]

"""The modes ``build`` and ``plan``: wire the adapters, carry the plan out or print it, tell the outcome."""

import gc
import signal
from dataclasses import replace

from image_builder_adapters.console_text import neutralise
from image_builder_adapters.registry import HttpRegistry
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.image.reference import Repository
from image_builder_domain.plan.build import Plan
from image_builder_domain.report.outcome import Outcome, report
from image_builder_domain.report.report import Report

from image_builder.container import Settings, open_ports
from image_builder.folders import engine_state_directory, log_directory
from image_builder.invocation import Invocation
from image_builder.options import Options
from image_builder.presenters import azure_pipelines
from image_builder.presenters.adapter_log import tell_log_lines
from image_builder.presenters.build import plan_as_json, plan_as_text, summary
from image_builder.presenters.console import Console
from image_builder.presenters.plan import warn
from image_builder.workflows.build import Ports, carry_out, preflight

_DEPRECATED = "building in this job is deprecated; the preferred backend is Azure DevOps: --build-in-ado"


def run(plan: Plan, call: Invocation) -> int:
    """Exit code as specification section 1 says."""
    gc.freeze()  # what was loaded stays
    gc.enable()  # a build may take hours
    options, environment, console = call.options, call.environment, call.console
    state = engine_state_directory(environment, plan.job.side)
    settings = Settings(environment, log_directory(options, environment), state, call.redactor, options.context)
    tell_log_lines(console, debug=options.debug)
    ports = open_ports(settings, plan)
    plan = replace(plan, max_parallel=min(plan.max_parallel, ports.engine.at_once() or plan.max_parallel))
    warn(plan.job, console)
    for alert in plan.alerts:
        console.error(alert)
    for warning in plan.warnings:
        console.warning(warning)
    if call.is_plan:
        return _print_plan(plan, ports, console, as_json=options.is_json)
    console.warning(_DEPRECATED)
    if plan.not_signed:
        console.info(f"not signed: {plan.not_signed}")
    return _carry_out(plan, ports, call)


def _carry_out(plan: Plan, ports: Ports, call: Invocation) -> int:
    cancellation = call.cancellation
    with cancellation.install():
        problems = preflight(plan, ports)
        if problems:
            return call.refuse(problems)
        if isinstance(ports.registry, HttpRegistry):
            ports.registry.learn(_repositories(plan), cancellation)
        outcome = carry_out(plan, ports, call.console, cancellation)
        code = _tell(plan, outcome, call)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What was told stays true: the process does not die of a signal that comes while Python ends.
        signal.signal(number, signal.SIG_IGN)
    return code


def _repositories(plan: Plan) -> tuple[Repository, ...]:
    """Every repository that the engine gets credentials for."""
    places = (found for build in plan.builds for found in (*build.destinations, *build.cache.imports))
    return tuple(dict.fromkeys(reference.repository for reference in places))


def _tell(plan: Plan, outcome: Outcome, call: Invocation) -> int:
    """Leave the evidence, print the summary; a file that is lost changes a success to 8."""
    failures = call.write_evidence(report(plan, outcome))
    for failure in (*outcome.lost, *failures):
        call.console.error(failure)
    outcome = Outcome(outcome.images, outcome.interruption, (*outcome.lost, *failures))
    lost = _spoken(report(plan, outcome), call.options, call.console)
    outcome = Outcome(outcome.images, outcome.interruption, (*outcome.lost, *lost))
    path = call.options.build_report_path
    call.console.summary(summary(plan, outcome, path if not failures else None))
    return outcome.exit_code()


def _spoken(found: Report, options: Options, console: Console) -> list[str]:
    """Print what programs read; why some of it is lost."""
    lost = [
        console.document(found.to_json()) if options.is_json else "",
        console.command(azure_pipelines.state_output(found, was_built=True)) if options.ado_state_output else "",
    ]
    return [reason for reason in lost if reason]


def _print_plan(plan: Plan, ports: Ports, console: Console, *, as_json: bool) -> int:
    if as_json:
        lost = console.document(plan_as_json(plan, ports.engine, ports.signers))
    else:
        lost = console.result(_plan_as_text(plan, ports))
    if lost:
        console.error(lost)
    return ExitCode.FILE_NOT_WRITTEN if lost else ExitCode.DONE


def _plan_as_text(plan: Plan, ports: Ports) -> str:
    text = plan_as_text(plan, ports.engine, ports.signers)
    return neutralise(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")

"""The modes ``build`` and ``plan``: wire the adapters, carry the plan out or print it, tell the outcome."""

import gc
import json
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.outcome import Outcome
from image_builder_domain.plan import Plan
from image_builder_domain.ports import Artifacts
from image_builder_domain.report import report
from returns.result import Failure

from image_builder import ci_output
from image_builder.container import Settings, open_ports
from image_builder.folders import engine_state_directory, log_directory
from image_builder.presenters import azure_pipelines, plan_view, prow
from image_builder.presenters.console import Console
from image_builder.presenters.log_lines import tell_log_lines
from image_builder.presenters.summary import summary
from image_builder.workflows.build import Ports, carry_out, preflight

_DEPRECATED = "building in this job is deprecated; the preferred backend is Azure DevOps: --build-in-ado"


def run(
    plan: Plan,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    console: Console,
    redactor: Redactor,
    *,
    only_plan: bool,
) -> int:
    """Exit code as specification section 1 says."""
    gc.freeze()  # what was loaded stays
    gc.enable()  # a build may take hours
    state = engine_state_directory(environment, plan.job.side)
    settings = Settings(environment, log_directory(flags, environment), state, redactor)
    tell_log_lines(console, debug=flags["debug"])
    ports = open_ports(settings, plan)
    plan = replace(plan, max_parallel=min(plan.max_parallel, ports.engine.at_once() or plan.max_parallel))
    for warning in plan.warnings:
        console.warning(warning)
    if only_plan:
        return _print_plan(plan, ports, console, as_json=flags["output"] == "json")
    console.warning(_DEPRECATED)
    if plan.not_signed:
        console.info(f"not signed: {plan.not_signed}")
    return _carry_out(plan, ports, flags, environment, console, redactor)


def _carry_out(
    plan: Plan,
    ports: Ports,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    console: Console,
    redactor: Redactor,
) -> int:
    cancellation = SignalCancellation(flags["timeout"])
    with cancellation.install():
        problems = preflight(plan, ports)
        if problems:
            for problem in problems:
                console.error(str(problem))
            return ExitCode.REFUSED
        outcome = carry_out(plan, ports, console, cancellation)
        code = _tell(plan, outcome, ports.artifacts, flags, environment, console, redactor)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What was told stays true: the process does not die of a signal that comes while Python ends.
        signal.signal(number, signal.SIG_IGN)
    return code


def _tell(
    plan: Plan,
    outcome: Outcome,
    artifacts: Artifacts,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    console: Console,
    redactor: Redactor,
) -> int:
    """Write the report and Prow's metadata, print the summary; a file that is lost changes a success to 8."""
    path = flags["build-report-path"]
    found = redactor.document(report(plan, outcome))
    files: dict[str, bytes] = {}
    if environment.get("ARTIFACTS") and environment.get("PROW_JOB_ID"):
        files[os.path.join(environment["ARTIFACTS"], "metadata.json")] = prow.metadata(found)
    if path is not None:
        files[path] = json.dumps(found, indent=2).encode() + b"\n"
    failures = [str(written.failure()) for written in _written(files, artifacts)]
    failures += ci_output.write_files(found, plan.job.state.system, environment)
    for failure in (*outcome.lost, *failures):
        console.error(failure)
    outcome = Outcome(outcome.images, outcome.interruption, (*outcome.lost, *failures))
    lost = _spoken(report(plan, outcome), flags, console)
    outcome = Outcome(outcome.images, outcome.interruption, (*outcome.lost, *lost))
    console.summary(summary(plan, outcome, path if path in files and not failures else None))
    return outcome.exit_code()


def _spoken(found: dict[str, Any], flags: Mapping[str, Any], console: Console) -> list[str]:
    """Print what programs read; why some of it is lost."""
    lost = [
        console.document(found) if flags["output"] == "json" else "",
        console.command(azure_pipelines.state_output(found, was_built=True)) if flags["ado-state-output"] else "",
    ]
    return [reason for reason in lost if reason]


def _written(files: dict[str, bytes], artifacts: Artifacts) -> list[Failure[Any]]:
    return [
        written
        for written in (artifacts.write(path, content) for path, content in files.items())
        if isinstance(written, Failure)
    ]


def _print_plan(plan: Plan, ports: Ports, console: Console, *, as_json: bool) -> int:
    if as_json:
        lost = console.document(plan_view.plan_as_json(plan, ports.engine, ports.signers))
    else:
        lost = console.result(_plan_as_text(plan, ports))
    if lost:
        console.error(lost)
    return ExitCode.FILE_NOT_WRITTEN if lost else ExitCode.DONE


def _plan_as_text(plan: Plan, ports: Ports) -> str:
    text = plan_view.plan_as_text(plan, ports.engine, ports.signers)
    return neutralise(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")

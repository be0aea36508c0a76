"""Build in the pipeline: start one run, follow it, cancel it when work must stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.artifacts import Artifacts, LogFile
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.plan.remote import RemotePlan
from image_builder_domain.ports import Cancellation, Listener, OutputSink
from image_builder_domain.remote_pipeline import FinishedRun, PipelineInterrupted, RemotePipeline, Run, RunRequest
from image_builder_domain.report.outcome import RemoteOutcome
from image_builder_domain.report.pipeline_log import BrokenReport, last_report, without_timestamps
from image_builder_domain.report.report import Report
from returns.methods import unwrap_or_failure


@final
@dataclass(frozen=True, slots=True)
class RemotePorts:
    """What a remote build needs of the outside world."""

    pipeline: RemotePipeline
    artifacts: Artifacts


def build_remotely(
    plan: RemotePlan,
    request: RunRequest,
    ports: RemotePorts,
    listener: Listener,
    cancellation: Cancellation,
    stopwatch: Callable[[], float] = time.monotonic,
) -> RemoteOutcome:
    """Do what the plan says; the pipeline is closed in any case."""
    started = stopwatch()
    try:
        outcome = _build(plan, request, ports, listener, cancellation)
    finally:
        ports.pipeline.close()
    return replace(outcome, duration_seconds=stopwatch() - started)


def _build(
    plan: RemotePlan, request: RunRequest, ports: RemotePorts, listener: Listener, cancellation: Cancellation
) -> RemoteOutcome:
    listener.info(f"starting pipeline {plan.settings.pipeline_id} of {plan.settings.project}")
    run = unwrap_or_failure(ports.pipeline.start(request, cancellation))
    if not isinstance(run, Run):
        listener.error(str(run))
        return RemoteOutcome(failure=run, interruption=cancellation.reason())
    listener.info(f"run {run.number}: {run.url}")
    log = unwrap_or_failure(ports.artifacts.open_log(f"build_{plan.name}.log".replace("/", "-")))
    opened = None if isinstance(log, ArtifactFailure) else log
    outcome = RemoteOutcome(run=run, log_path=opened.path if opened is not None else None)
    outcome = replace(outcome, lost=(str(log),) if isinstance(log, ArtifactFailure) else ())
    try:
        outcome = _follow(outcome, run, ports.pipeline, _tee(opened, listener), listener, cancellation)
    finally:
        closed = unwrap_or_failure(opened.close()) if opened is not None else None
    if isinstance(closed, ArtifactFailure):
        outcome = replace(outcome, lost=(*outcome.lost, str(closed)))
    return outcome


def _follow(
    outcome: RemoteOutcome,
    run: Run,
    pipeline: RemotePipeline,
    sink: OutputSink,
    listener: Listener,
    cancellation: Cancellation,
) -> RemoteOutcome:
    found = unwrap_or_failure(pipeline.follow(run, sink, cancellation))
    if isinstance(found, FinishedRun):
        _show_end(found, listener)
        return replace(outcome, finished=found, report=_report(found, listener))
    if not isinstance(found, PipelineInterrupted):
        listener.error(str(found))
        return replace(outcome, failure=found)
    if found.is_over:
        listener.warning(f"{found}: run {run.number} had ended, so it is not canceled; its result: {run.url}")
        return replace(outcome, failure=found, interruption=found.interruption)
    listener.warning(f"{found}: canceling run {run.number}")
    failed = unwrap_or_failure(pipeline.cancel(run))
    said = f"the run was asked to stop: {run.url}" if failed is None else str(failed)
    (listener.info if failed is None else listener.error)(said)
    return replace(outcome, failure=found, interruption=found.interruption, canceled=said)


def _show_end(found: FinishedRun, listener: Listener) -> None:
    for note in found.notes:
        listener.warning(f"run {found.run.number}: {note}")
    # A stage fails because a job failed, and that because a task failed, which alone says why.
    causes = [record for record in found.failed if record.issues] or found.failed[-1:]
    for record in found.failed:
        (listener.error if record in causes else listener.info)(str(record))


def _report(found: FinishedRun, listener: Listener) -> Report | None:
    report = unwrap_or_failure(last_report(found.report_log))
    if isinstance(report, BrokenReport):
        listener.warning(str(report))
        return None
    if report is None:
        listener.warning("the pipeline printed no build report")
    return report


def _tee(log: LogFile | None, listener: Listener) -> OutputSink:
    """Everything to the file as it is; to people without the service's timestamps."""

    def both(lines: bytes) -> None:
        if log is not None:
            log.write(lines)
        listener.output(without_timestamps(lines))

    return both

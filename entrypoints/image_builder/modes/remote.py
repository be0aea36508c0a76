"""The mode ``remote``: build in a pipeline of Azure DevOps; ``plan`` shows what would be asked of it."""

from collections.abc import Callable
from dataclasses import replace

from image_builder_domain.plan.remote import RemotePlan, decide_remote
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.remote_pipeline import RunRequest
from image_builder_domain.report.outcome import remote_report
from returns.result import Failure, Result

from image_builder.container.runs import open_remote_ports
from image_builder.presenters.remote import plan_as_json, plan_as_text, summary
from image_builder.session import Ending, Session, Work
from image_builder.workflows.remote_build import RemotePorts, build_remotely


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0, 2, 6, 7, 8, 130 or 143."""
    return decide_remote(session.reader.remote_inputs()).map(lambda plan: _work(plan, session))


def _work(plan: RemotePlan, session: Session) -> Work:
    request, ports = plan.request, open_pipeline(plan, session)
    assert isinstance(request, RunRequest)  # noqa: S101 (only a preview has a definition)
    return pipeline_work(plan, ports, session, lambda: _build(plan, request, ports, session))


def open_pipeline(plan: RemotePlan, session: Session) -> RemotePorts:
    """The pipeline of a plan; opens nothing yet."""
    session.hide_arguments(plan.arguments)
    return open_remote_ports(session.settings, plan.settings, session.console.warning)


def pipeline_work(plan: RemotePlan, ports: RemotePorts, session: Session, carry_out: Callable[[], Ending]) -> Work:
    """The work of a plan whose request goes to a pipeline."""
    return Work(
        job=plan.job,
        warnings=plan.warnings,
        show=session.page(
            lambda: plan_as_text(plan, ports.pipeline),
            lambda: plan_as_json(plan, ports.pipeline),
        ),
        unready=lambda: _unready(ports),
        carry_out=carry_out,
    )


def _unready(ports: RemotePorts) -> Problems:
    checked = ports.pipeline.check()
    return (Problem("credential", str(checked.failure())),) if isinstance(checked, Failure) else ()


def _build(plan: RemotePlan, request: RunRequest, ports: RemotePorts, session: Session) -> Ending:
    outcome = build_remotely(plan, request, ports, session.console, session.cancellation)
    return Ending(
        exit_code=outcome.exit_code(),
        lost=outcome.lost,
        report=lambda lost: remote_report(plan, replace(outcome, lost=lost)),
        summary=lambda path: summary(plan, outcome, path),
    )

"""The mode ``preview``: expand a pipeline's definition in Azure DevOps; nothing is run."""

from image_builder_adapters.console_text import neutralise
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.plan.remote import RemotePlan, decide_remote
from image_builder_domain.problem import Problem, Problems, problems_of
from image_builder_domain.remote_pipeline import (
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    PreviewRequest,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

from image_builder.modes.remote import open_pipeline, pipeline_work
from image_builder.session import Ending, Session, Work
from image_builder.workflows.remote_build import RemotePorts

_OBEDIENT = (CiSystem.AZURE_PIPELINES, CiSystem.GITHUB)
"""CI systems that carry out commands which they find in a job's output."""

_HARMFUL = (
    "standard output: the expanded definition holds text that this CI system would obey as commands; "
    "give a file with --ado-preview-output"
)


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0 expanded, 2 refused, 6 the service gave no answer, 7, 8, 130, 143."""
    planned = decide_remote(session.reader.preview_inputs())
    if session.options.is_json and not session.is_plan:
        return Failure((Problem("--output", "a preview gives YAML, not JSON", "leave it out"), *problems_of(planned)))
    return planned.map(lambda plan: _work(plan, session))


def _work(plan: RemotePlan, session: Session) -> Work:
    request, ports = plan.request, open_pipeline(plan, session)
    assert isinstance(request, PreviewRequest)  # noqa: S101 (the reader gave a definition)
    return pipeline_work(plan, ports, session, lambda: _expand(plan, request, ports, session))


def _expand(plan: RemotePlan, request: PreviewRequest, ports: RemotePorts, session: Session) -> Ending:
    try:
        found = unwrap_or_failure(ports.pipeline.preview(request, session.cancellation))
    finally:
        ports.pipeline.close()
    match found:
        case str():
            return _expanded(plan, found, ports, session)
        case PipelineRefused():
            return _failed(ExitCode.REFUSED, str(found), session)
        case PipelineUnreachable():
            return _failed(ExitCode.REMOTE_FAILED, str(found), session)
        case PipelineInterrupted():
            return _failed(found.interruption.value, str(found), session)


def _failed(exit_code: int, reason: str, session: Session) -> Ending:
    session.console.error(reason)
    return Ending(exit_code=exit_code)


def _expanded(plan: RemotePlan, text: str, ports: RemotePorts, session: Session) -> Ending:
    """Write the YAML to a file; without one it is the result, unless the CI system would obey a part of it."""
    path, data = session.options.ado_preview_output, text.encode()
    if path is None and plan.job.state.system in _OBEDIENT and neutralise(data) != data:
        return _failed(ExitCode.REFUSED, _HARMFUL, session)
    if path is None:
        return Ending(result=lambda: session.console.result(text.removesuffix("\n")))
    written = ports.artifacts.write(path, session.redactor.data(data))
    if isinstance(written, Failure):
        return Ending(lost=(str(written.failure()),))
    session.console.info(f"the expanded definition is in {written.unwrap()}")
    return Ending()

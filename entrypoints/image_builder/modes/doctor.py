"""The mode ``doctor``: what is installed and usable here, and what is missing for the build that would be made."""

from collections.abc import Iterator
from typing import Final

from image_builder_adapters.cancellation import ScopedCancellation
from image_builder_domain.diagnosis import Diagnosis, Finding
from image_builder_domain.plan.backend import PIPELINE, decide_backend
from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.ports import Cancellation
from image_builder_domain.problem import Problem, Problems, problems_of
from returns.result import Result, Success

from image_builder.container.examination import lasting_settings
from image_builder.modes.examination.engines import look_at_engines
from image_builder.modes.examination.job import look_at_checkout, look_at_configuration, look_at_job, look_at_side
from image_builder.modes.examination.pipeline import look_at_pipeline
from image_builder.modes.examination.registries import look_at_registries
from image_builder.modes.examination.signers import look_at_signers
from image_builder.modes.examination.steps import look_at_steps
from image_builder.presenters.doctor import diagnosis_as_json, diagnosis_as_text
from image_builder.session import Ending, Session, Work

_ENOUGH_SECONDS: Final = 120.0


def decide(session: Session) -> Result[Work, Problems]:
    """Exit code: 0 nothing needed is missing, 2 something is, or the command line is wrong; 7, 130, 143 stopped."""
    inputs = session.reader.tag_inputs()
    return Success(Work(carry_out=lambda: _examine(inputs, session)))


def _examine(inputs: TagInputs, session: Session) -> Ending:
    has_deadline = session.options.timeout is not None
    cancellation = session.cancellation if has_deadline else ScopedCancellation(session.cancellation, _ENOUGH_SECONDS)
    diagnosis = Diagnosis(tuple(_findings(session, inputs, cancellation)))
    stopped = cancellation.reason()
    return Ending(
        exit_code=stopped.value if stopped is not None else diagnosis.exit_code,
        result=session.page(lambda: diagnosis_as_text(diagnosis), lambda: diagnosis_as_json(diagnosis)),
    )


def _findings(session: Session, inputs: TagInputs, cancellation: Cancellation) -> Iterator[Finding]:
    """Everything that is looked at, part after part."""
    options, reader = session.options, session.reader
    decided = decide_backend(options.backend, options.build_in_ado, inputs.environment, session.sources.engine_choice)
    backend, known = decided.value_or(None), inputs.configuration.value_or(None)
    settings = lasting_settings(session.settings, backend)
    is_local, job = backend != PIPELINE, inputs.job.value_or(None)
    yield from look_at_job(inputs.environment, session.sources.place, inputs.git_state)
    yield from look_at_side(inputs)
    yield from look_at_configuration(options.config, inputs.configuration)
    if is_local:
        yield from look_at_checkout(inputs, reader.checkout(inputs, options.dockerfile or "Dockerfile"))
    yield from map(_of_backend, problems_of(decided))
    yield from look_at_engines(backend, known, inputs, session.sources.engines, settings, cancellation)
    yield from look_at_steps(backend, known, job, settings)
    yield from look_at_registries(options.name, known, inputs, is_local, settings, cancellation)
    yield from look_at_signers(known, job, is_local, settings, cancellation)
    yield from look_at_pipeline(known, not is_local, inputs.environment)


def _of_backend(problem: Problem) -> Finding:
    return Finding("backend", problem.where, problem.what, False, True, problem.remedy)

"""The mode ``doctor``: what is installed and usable here, and what is missing for the build that would be made."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from image_builder_adapters.cancellation import TimeLimit
from image_builder_adapters.place import find_place
from image_builder_domain.diagnosis import Diagnosis, Finding
from image_builder_domain.plan.backend import Backend, decide_backend
from image_builder_domain.problem import Problem, problems_of

from image_builder.invocation import Invocation
from image_builder.options import Options
from image_builder.presenters.doctor import diagnosis_as_json, diagnosis_as_text
from image_builder.reading import read_checkout, read_tag_inputs

if TYPE_CHECKING:
    from image_builder_domain.plan.inputs import TagInputs
    from image_builder_domain.ports import Cancellation

    from image_builder.container import Settings

_ENOUGH_SECONDS: Final = 120.0


def run(call: Invocation) -> int:
    """Exit code: 0 nothing needed is missing, 2 something is, or the command line is wrong; 7, 130, 143 stopped."""
    if call.early:
        return call.refuse(call.early)
    from image_builder.container import Settings
    from image_builder.folders import log_directory, state_directory
    from image_builder.presenters.adapter_log import tell_log_lines

    tell_log_lines(call.console, debug=call.options.debug)
    inputs = read_tag_inputs(call.options, call.environment)
    call.learn_signers(inputs.configuration)
    folders = log_directory(call.options, call.environment), state_directory(call.environment)
    settings = Settings(call.environment, *folders, call.redactor)
    has_deadline = call.options.timeout is not None
    cancellation = call.cancellation if has_deadline else TimeLimit(_ENOUGH_SECONDS, call.cancellation)
    with call.cancellation.install():
        diagnosis = Diagnosis(tuple(_findings(call.options, inputs, settings, cancellation)))
        stopped = cancellation.reason()
    if call.options.is_json:
        lost = call.print_document(diagnosis_as_json(diagnosis))
    else:
        lost = call.print_result(diagnosis_as_text(diagnosis))
    return stopped.value if stopped is not None else int(diagnosis.exit_code) or lost


def _findings(
    options: Options, inputs: "TagInputs", settings: "Settings", cancellation: "Cancellation"
) -> Iterator[Finding]:
    """Everything that is looked at, part after part; each imports what it looks with."""
    from image_builder.container import lasting_settings
    from image_builder.modes.examination.engines import look_at_engines
    from image_builder.modes.examination.job import look_at_checkout, look_at_configuration, look_at_job, look_at_side
    from image_builder.modes.examination.pipeline import look_at_pipeline
    from image_builder.modes.examination.registries import look_at_registries
    from image_builder.modes.examination.signers import look_at_signers
    from image_builder.modes.examination.steps import look_at_steps

    decided = decide_backend(options.backend, options.build_in_ado, inputs.environment)
    backend, known = decided.value_or(None), inputs.configuration.value_or(None)
    settings = lasting_settings(settings, backend)
    is_local, job = backend is not Backend.ADO, inputs.job.value_or(None)
    yield from look_at_job(inputs.environment, find_place(), inputs.git_state)
    yield from look_at_side(inputs)
    yield from look_at_configuration(options.config, inputs.configuration)
    if is_local:
        facts = read_checkout(inputs, options.context or ".", options.dockerfile or "Dockerfile")
        yield from look_at_checkout(inputs, facts)
    yield from map(_of_backend, problems_of(decided))
    yield from look_at_engines(backend, known, inputs, settings, cancellation)
    yield from look_at_steps(backend, known, job, settings)
    yield from look_at_registries(options.name, known, inputs, is_local, settings, cancellation)
    yield from look_at_signers(known, job, is_local, settings, cancellation)
    yield from look_at_pipeline(known, not is_local, inputs.environment)


def _of_backend(problem: Problem) -> Finding:
    return Finding("backend", problem.where, problem.what, False, True, problem.remedy)

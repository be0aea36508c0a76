"""The command ``image-builder``: from scanned flags to an exit code.

Inputs are read, decided upon and carried out, in this order; every problem is told before anything is done. Each mode
imports what it needs when it is chosen.
"""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from image_builder_adapters.cancellation import Interrupted, SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.problem import Problem, problems_of
from image_builder_domain.secret_name import is_secret
from returns.result import Success

from image_builder.invocation import Invocation
from image_builder.options import Options, misplaced, mode_of
from image_builder.presenters.console import Console

if TYPE_CHECKING:
    from image_builder_domain.failure import ArtifactFailure
    from returns.result import Result

    from image_builder.flags import Scan

_QUICK: Final = ("tags", "schema")
"""Modes that print no foreign text, so the files with secrets need not be read, which takes time."""


def run(scan: "Scan", started: float | None = None) -> int:
    """Carry out one command line; returns the exit code (specification, section 1).

    ``started`` is when the process began, by ``time.monotonic``: ``--timeout`` counts from there.
    """
    environment = dict(os.environ)
    options = Options.of(scan.values)
    redactor = Redactor(value for name, value in environment.items() if is_secret(name, value))
    console = Console(
        redactor,
        neutralise,
        results_only=options.is_json,
        silent=options.silent,
        debug=options.debug,
    )
    try:
        os.getcwd()
    except OSError as error:  # every relative path starts here
        what = f"it cannot be used: {error.strerror}"
        console.error(str(Problem("working directory", what, "change to a directory that exists")))
        return ExitCode.REFUSED
    mode, contradictions = mode_of(scan.verb, options)
    early = (
        *(Problem(*problem) for problem in scan.problems),
        *contradictions,
        *misplaced(mode, scan.given, options),
    )
    words = tuple(scan.rest)
    cancellation = SignalCancellation(options.timeout, started)
    call = Invocation(
        mode,
        options,
        scan.verb == "plan" or options.dry_run,
        words,
        environment,
        early,
        console,
        redactor,
        cancellation,
    )
    try:
        with cancellation.interrupting():
            call.begin()
            if mode not in _QUICK:
                call.learn_secrets()
            return _MODES[mode](call)
    except Interrupted as stopped:
        with cancellation.install():  # a second signal must not keep the run from telling of the first
            return call.stop(stopped.reason)


def _tags(call: Invocation) -> int:
    from image_builder_domain.plan.tags import decide_tags, tag_warnings

    from image_builder.presenters.plan import warn
    from image_builder.reading import read_tag_inputs
    from image_builder.workflows.tags import print_tags

    file = call.options.tags_output_file
    inputs = read_tag_inputs(call.options, call.environment)
    decided = decide_tags(inputs)
    problems = (*call.early, *problems_of(decided))
    if problems:
        return call.refuse(problems)
    inputs.job.map(lambda job: warn(job, call.console))
    for warning in tag_warnings(inputs):
        call.console.warning(warning)
    return print_tags(decided.unwrap(), call.console, _copy_to(file, call.options) if file is not None else None)


def _copy_to(path: str, options: Options) -> "Callable[[bytes], Result[str, ArtifactFailure]]":
    from image_builder_adapters.artifacts import FileArtifacts

    return lambda content: FileArtifacts("", Redactor(), options.context).write(path, content)


def _build(call: Invocation) -> int:
    from image_builder_domain.plan.build import decide

    from image_builder.reading import read_inputs

    inputs = read_inputs(call.options, call.environment)
    call.learn_signers(inputs.tags.configuration)
    for secret in inputs.checkout.credentials:
        call.redactor.learn(secret)
    planned = decide(inputs)
    problems = (*call.early, *problems_of(planned))
    if problems or not isinstance(planned, Success):
        return call.refuse(problems)
    from image_builder.modes import build as building

    plan = planned.unwrap()
    call.console.use_format(plan.log_format)
    for build in plan.builds:
        for argument in build.arguments:
            if argument.looks_secret:
                call.redactor.learn(argument.value)
    return building.run(plan, call)


def _sign(call: Invocation) -> int:
    from image_builder.modes.sign import run as sign

    return sign(call)


def _remote(call: Invocation) -> int:
    from image_builder.modes.remote import run as remote

    return remote(call)


def _verify(call: Invocation) -> int:
    from image_builder.modes.verify import run as verify

    return verify(call)


def _schema(call: Invocation) -> int:
    import json

    from image_builder_adapters.engine_types import engine_configurations
    from image_builder_adapters.signer_types import signer_configurations
    from image_builder_domain.configuration.file import schema

    if call.early:
        return call.refuse(call.early)
    return call.print_result(json.dumps(schema(signer_configurations, engine_configurations), indent=2))


def _doctor(call: Invocation) -> int:
    from image_builder.modes.doctor import run as examine

    return examine(call)


_MODES: Final[dict[str, Callable[[Invocation], int]]] = {
    "build": _build,
    "remote": _remote,
    "tags": _tags,
    "sign": _sign,
    "verify": _verify,
    "preview": _remote,
    "doctor": _doctor,
    "schema": _schema,
}
"""Every mode by its verb."""

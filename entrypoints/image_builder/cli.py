"""The command ``image-builder``: from a scanned command line to an exit code. A mode is loaded when it is chosen."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.job.detection import detect
from image_builder_domain.problem import Problem
from image_builder_domain.secret_name import is_secret
from returns.result import Failure

from image_builder.modes import decider
from image_builder.options import Options, has_meaning, misplaced, mode_of, unused
from image_builder.presenters.ci_lines import lines_of
from image_builder.presenters.console import Console
from image_builder.session import Session

if TYPE_CHECKING:
    from image_builder_domain.problem import Problems
    from returns.result import Result

    from image_builder.flags import Scan
    from image_builder.session import Work


def run(scan: "Scan", started: float | None = None) -> int:
    """Carry out one command line; returns the exit code (specification, section 1).

    ``started`` is when the process began, by ``time.monotonic``: ``--timeout`` counts from there.
    """
    environment = dict(os.environ)
    options = Options.of(scan.values)
    redactor = Redactor(value for name, value in environment.items() if is_secret(name, value))
    console = _console(options, environment, redactor)
    try:
        os.getcwd()
    except OSError as error:  # every relative path starts here
        what = f"it cannot be used: {error.strerror}"
        console.error(str(Problem("working directory", what, "change to a directory that exists")))
        return ExitCode.REFUSED
    mode, contradictions = mode_of(scan.verb, options)
    session = Session(
        mode,
        options,
        environment,
        SignalCancellation(options.timeout, started),
        console,
        redactor,
        is_plan=scan.verb == "plan" or (options.dry_run and has_meaning("dry-run", mode)),
        words=tuple(scan.rest),
        early=(
            *(Problem(*problem) for problem in scan.problems),
            *contradictions,
            *misplaced(mode, scan.given, options),
        ),
        meant=frozenset(scan.meant),
        notes=tuple(scan.warnings),
        remarks=_unused(mode, scan.given),
    )
    return session.run(_nothing if scan.is_unclear else decider(mode))


def _console(options: Options, environment: Mapping[str, str], redactor: Redactor) -> Console:
    return Console(
        redactor,
        neutralise,
        results_only=options.is_json,
        silent=options.silent,
        debug=options.debug,
        ci=lines_of(detect(environment)),
        workspace=environment.get("GITHUB_WORKSPACE") or environment.get("BUILD_SOURCESDIRECTORY") or "",
    )


def _unused(mode: str, given: set[str]) -> tuple[str, ...]:
    names = ", ".join(f"--{name}" for name in unused(mode, given))
    return (f"{names}: without effect here; {mode} does not need it",) if names else ()


def _nothing(_session: Session) -> "Result[Work, Problems]":
    """Report what is wrong with the command line alone: of an unknown command, the rest would only be a consequence."""
    return Failure(())

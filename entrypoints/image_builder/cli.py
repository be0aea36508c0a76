"""The command ``image-builder``: from scanned flags to an exit code.

Inputs are read, decided upon and carried out, in this order; every problem is told before anything is done.
"""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.problem import Problem, Problems, problems_of
from returns.result import Success

from image_builder.presenters.console import Console
from image_builder.unsupported import unsupported

if TYPE_CHECKING:
    from image_builder_domain.artifact_failure import ArtifactFailure
    from returns.result import Result

    from image_builder.flags import Scan

_SECRETS = ("ADO_PAT", "AZURE_CLIENT_SECRET", "SYSTEM_ACCESSTOKEN", "COSIGN_PASSWORD", "SIGSTORE_ID_TOKEN")


def run(scan: "Scan") -> int:
    """Carry out one command line; returns the exit code (specification, section 1)."""
    environment = dict(os.environ)
    flags: Mapping[str, Any] = scan.values
    redactor = Redactor(environment[name] for name in _SECRETS if environment.get(name))
    console = Console(
        redactor.data,
        neutralise,
        results_only=flags["output"] == "json",
        silent=flags["silent"],
        debug=flags["debug"],
    )
    early = (
        *(Problem(*problem) for problem in scan.problems),
        *unsupported(scan.verb, scan.given, flags, environment),
    )
    if scan.verb == "tags" or flags["parse-tags-only"]:
        return _tags(flags, environment, early, console)
    return _build(scan.verb, flags, environment, early, console, redactor)


def _refused(problems: Problems, console: Console) -> int:
    for problem in dict.fromkeys(problems):
        console.error(str(problem))
    return ExitCode.REFUSED


def _tags(flags: Mapping[str, Any], environment: Mapping[str, str], early: Problems, console: Console) -> int:
    from image_builder.reading import read_tag_inputs
    from image_builder.workflows.tags import print_tags

    file = flags["tags-output-file"]
    return print_tags(read_tag_inputs(flags, environment), early, console, _copy_to(file) if file is not None else None)


def _copy_to(path: str) -> "Callable[[bytes], Result[str, ArtifactFailure]]":
    from image_builder_adapters.filesystem import FileArtifacts

    return lambda content: FileArtifacts("", bytes).write(path, content)


def _build(
    verb: str,
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    early: Problems,
    console: Console,
    redactor: Redactor,
) -> int:
    from image_builder_domain.plan import decide

    from image_builder.reading import read_inputs

    planned = decide(read_inputs(flags, environment))
    problems = (*early, *problems_of(planned))
    if problems or not isinstance(planned, Success):
        return _refused(problems, console)
    from image_builder import building

    plan = planned.unwrap()
    console.use_format(plan.log_format)
    for build in plan.builds:
        for argument in build.arguments:
            if argument.looks_secret:
                redactor.learn(argument.value)
    return building.run(plan, flags, environment, console, redactor, only_plan=verb == "plan" or flags["dry-run"])

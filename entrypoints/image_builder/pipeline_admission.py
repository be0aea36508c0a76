"""The command ``image-builder-admission``: the first step of the shipped Azure DevOps pipeline.

It reads only variables: what the run claims (in Prow's names), the token ``AUTHORIZATION``, and what the variable
group says. It prints the variables that later steps use, one ``NAME=value`` on each line. Needs the extra ``pipeline``.
Documentation: docs/azure-devops-pipeline.md.
"""

import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from image_builder_adapters.cancellation import SignalCancellation
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.problem import Problems, gather, located, problems_of, refuse
from returns.result import Result, Success

from image_builder.__main__ import leave, report_bug
from image_builder.presenters.azure_pipelines import issue
from image_builder.presenters.console import Console

if TYPE_CHECKING:
    from image_builder_domain.ports import Cancellation
    from image_builder_domain.trust.pipeline_admission import AdmissionRules, AdmittedRun
    from image_builder_domain.yaml_document import Node

_TOKEN: Final = "AUTHORIZATION"
_LONGEST_SECONDS: Final = 120.0


def main() -> int:
    """Exit code: 0 admitted, 1 a bug, 2 refused, 7 timed out, 8 the result cannot be written, 130, 143 interrupted."""
    if len(sys.argv) > 1:
        asks_for_help = sys.argv[1:] in (["--help"], ["-h"])
        (sys.stdout if asks_for_help else sys.stderr).write(__doc__ or "")
        return int(ExitCode.DONE if asks_for_help else ExitCode.REFUSED)
    try:
        return _run(dict(os.environ))
    except Exception as error:
        return report_bug(error, with_traceback=False)


def _run(environment: Mapping[str, str]) -> int:
    redactor = Redactor([environment.get(_TOKEN, "")])
    console = Console(redactor, neutralise, results_only=True, silent=False, debug=False)
    cancellation = SignalCancellation(_LONGEST_SECONDS)
    with cancellation.install():
        admitted = _admitted(environment, cancellation)
        stopped = cancellation.reason()
        # The outcome is reported; ignore late signals so that the exit code cannot contradict it.
        cancellation.ignore()
    problems = problems_of(admitted)
    if stopped is not None:
        console.interrupted(stopped, "before the run was admitted")
        return int(stopped.value)
    if problems:
        _refuse(problems, environment, console, redactor)
        return int(ExitCode.REFUSED)
    return _print(admitted.unwrap(), console)


def _admitted(environment: Mapping[str, str], cancellation: "Cancellation") -> "Result[AdmittedRun, Problems]":
    from image_builder_domain.trust.pipeline_admission import admit, read_claims, read_rules

    return gather(read_claims(environment), read_rules(environment, _production_refs(environment))).bind(
        lambda claimed, rules: _token(environment, rules, cancellation).bind(
            lambda claims: admit(claimed, rules, claims, time.time())
        )
    )


def _production_refs(environment: Mapping[str, str]) -> "Result[Node, Problems]":
    from image_builder_domain.job.azure_pipelines import given_variables
    from image_builder_domain.trust.pipeline_admission import REFS

    from image_builder.container import parse_document

    text = given_variables(environment).get(REFS, "")
    if not text.strip():
        what = "the variable group does not say which repositories and refs may be built"
        return refuse(REFS, what, "set it, such as {acme/demo: [main]}")
    return parse_document(text, REFS)


def _token(
    environment: Mapping[str, str], rules: "AdmissionRules", cancellation: "Cancellation"
) -> Result[Mapping[str, Any] | None, Problems]:
    """The claims of the token once its signature is verified, None without one; no decision on them yet."""
    from image_builder_domain.job.azure_pipelines import given_variables

    text = given_variables(environment).get(_TOKEN)
    if text is None:
        return Success(None)
    try:
        import jwt  # noqa: F401 (the extra may be missing)
    except ImportError:
        return refuse(_TOKEN, "PyJWT is not installed", "install it with: pip install 'oci-image-builder[pipeline]'")
    from image_builder.container.pipeline_admission import read_token

    found = read_token(text, rules.issuer, environment, cancellation)
    remedy = "let the job that builds ask the configured issuer for a token"
    return located(found, "Authorization", remedy)


def _refuse(problems: Problems, environment: Mapping[str, str], console: Console, redactor: Redactor) -> None:
    """Print every problem; on an agent also as an issue, which the page of the run shows."""
    for problem in problems:
        text = redactor.text(str(problem))
        if environment.get("TF_BUILD") == "True":
            console.command(issue("error", text))
        else:
            console.error(text)


def _print(admitted: "AdmittedRun", console: Console) -> int:
    console.info(f"admitted {admitted.claimed.job_type.value} of {admitted.claimed.repository}: {admitted.why}")
    lines = [f"{name}={value}" for name, value in admitted.variables().items()]
    lost = console.names("\n".join(lines))
    if lost:
        console.error(lost)
    return int(ExitCode.FILE_NOT_WRITTEN if lost else ExitCode.DONE)


def command() -> None:
    """The installed command ``image-builder-admission``."""
    leave(main())


if __name__ == "__main__":
    command()

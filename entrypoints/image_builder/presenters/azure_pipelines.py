"""Azure Pipelines: logging commands, which the agent reads from the lines of a step's output."""

from image_builder_adapters.console_text import neutralise
from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.report.report import Report

from image_builder.presenters.ci_lines import lines_of


def state_output(report: Report, *, was_built: bool) -> str:
    """Output variables of the step (``--ado-state-output``), one command per line.

    ``build_success`` is the report's ``pushed``. ``signing_success`` is true when every image is signed. A run that
    only signs sets ``signing_success`` alone.
    """
    values = {"build_success": report.pushed} if was_built else {}
    values["signing_success"] = report.signed
    return "\n".join(
        f"##vso[task.setvariable variable={name};isoutput=true]{str(value).lower()}" for name, value in values.items()
    )


def issue(level: str, text: str) -> str:
    """An ``error`` or ``warning`` that the page of the run shows; ``text`` may be foreign, and stays one line.

    Source: Microsoft's documentation, "Logging commands", and the agent's source for the escapes.
    """
    safe = neutralise(text.encode("utf-8", "replace")).decode()
    return lines_of(CiSystem.AZURE_PIPELINES).message(level, safe, None)

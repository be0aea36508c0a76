"""Azure Pipelines: commands that the agent obeys when it finds them on a line of a step's output."""

from typing import Any


def state_output(report: dict[str, Any]) -> str:
    """Output variables of the step (``--ado-state-output``), one command per line.

    ``build_success`` is true when every destination holds its digest, ``signing_success`` when all of it is signed.
    """
    values = {"build_success": report["pushed"], "signing_success": report["signed"]}
    return "\n".join(
        f"##vso[task.setvariable variable={name};isoutput=true]{str(value).lower()}" for name, value in values.items()
    )

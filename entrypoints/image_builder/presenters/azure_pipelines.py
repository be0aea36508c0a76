"""Azure Pipelines: commands that the agent obeys when it finds them on a line of a step's output."""

from collections.abc import Mapping
from typing import Any


def state_output(report: Mapping[str, Any], *, was_built: bool) -> str:
    """Output variables of the step (``--ado-state-output``), one command per line.

    ``build_success`` is true when every destination holds its digest, ``signing_success`` when all of it is signed;
    a run that only signs sets the second alone.
    """
    values = {"build_success": report["pushed"]} if was_built else {}
    values["signing_success"] = report["signed"]
    return "\n".join(
        f"##vso[task.setvariable variable={name};isoutput=true]{str(value).lower()}" for name, value in values.items()
    )

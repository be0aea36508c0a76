"""The logging commands for Azure Pipelines."""

from dataclasses import replace

import pytest
from image_builder.presenters.azure_pipelines import state_output

from tests.unit.reports import reported


@pytest.mark.parametrize(
    ("pushed", "signed", "was_built"),
    [(True, True, True), (True, False, True), (False, False, True), (False, True, False)],
)
def test_the_state_is_that_of_the_report(pushed: bool, signed: bool, was_built: bool) -> None:
    values = ({"build": pushed} if was_built else {}) | {"signing": signed}
    report = replace(reported(), pushed=pushed, signed=signed)
    assert state_output(report, was_built=was_built).splitlines() == [
        f"##vso[task.setvariable variable={name}_success;isoutput=true]{str(value).lower()}"
        for name, value in values.items()
    ]

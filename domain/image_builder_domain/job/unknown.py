"""The refusal of a job that no supported CI system runs, with the way to use the tool there."""

from collections.abc import Mapping

from returns.result import Failure, Result

from image_builder_domain.job.known_system import SHARED, systems_in
from image_builder_domain.job.state import CiSystem, GitState
from image_builder_domain.problem import Problem, Problems

_RECIPE = (
    "set CI=true, REPO_OWNER, REPO_NAME, JOB_TYPE, PULL_BASE_REF and PULL_BASE_SHA as Prow does, and in a presubmit "
    "PULL_NUMBER and PULL_PULL_SHA (docs/ci-systems.md)"
)
_OWN_MARKS = {
    CiSystem.GITHUB: "GITHUB_ACTIONS is not true",
    CiSystem.AZURE_PIPELINES: "TF_BUILD is not True",
    CiSystem.GITLAB: "GITLAB_CI is not true",
    CiSystem.JENKINS: "JENKINS_URL is not set",
}


def refusal(environment: Mapping[str, str]) -> Result[GitState, Problems]:
    """One problem that names the sign of a job."""
    given = {name: value for name, value in environment.items() if value}
    return Failure((_problem(given),))


def _problem(given: Mapping[str, str]) -> Problem:
    found = systems_in(given)
    for system, name in found.items():
        if system.own in _OWN_MARKS:
            what = f"this variable of {system.name} is set, but {_OWN_MARKS[system.own]}"
            return Problem(name, what, f"pass all variables of the job to the tool, or {_RECIPE}")
    for system, name in found.items():
        what = f"this is a job of {system.name}, which Image Builder cannot read by itself"
        return Problem(name, what, f"{_RECIPE}; unset it on your own machine")
    for name in sorted(SHARED & given.keys()):
        what = "CI systems set this variable, and Image Builder recognises none of them here"
        return Problem(name, what, f"{_RECIPE}; unset it on your own machine")
    if given.get("CI", "false") != "false":
        what = f"it is {given['CI']!r}, but Image Builder recognises no CI system here"
        return Problem("CI", what, f"{_RECIPE}; unset it on your own machine")
    what = "this is a container or pod without a terminal, which may be a CI job"
    return Problem("git state", what, f"in a CI job {_RECIPE}; set CI=false on your own machine")

"""Where we are: the CI system, the job's class, the repository and the commit.

Pure functions from environment variables (and the working copy's commit) to a state or problems. An empty variable
counts as unset. The order in which CI systems are recognised is part of the rule: the first match wins.
"""

from collections.abc import Mapping

from returns.result import Failure, Result, Success

from image_builder_domain.git_state import prow, working_copy
from image_builder_domain.git_state.state import CiSystem, GitState
from image_builder_domain.problem import Problem, Problems, refuse

__all__ = ["CiSystem", "GitState", "detect", "read_git_state"]


def detect(environment: Mapping[str, str]) -> CiSystem | None:
    """The CI system, or None when ``CI=true`` matches none that is known."""
    given = {name: value for name, value in environment.items() if value}
    if given.get("GITHUB_ACTIONS") == "true":
        return CiSystem.GITHUB
    if "PROW_JOB_ID" in given:
        return CiSystem.PROW
    if given.get("TF_BUILD") == "True" or "BUILD_BUILDID" in given:
        return CiSystem.AZURE_PIPELINES
    if given.get("GITLAB_CI") == "true":
        return CiSystem.GITLAB
    if "JENKINS_URL" in given or "JENKINS_HOME" in given:
        return CiSystem.JENKINS
    if given.get("CI") != "true":
        return CiSystem.LOCAL
    return CiSystem.PROW if all(name in given for name in prow.MARKS) else None


def read_git_state(
    environment: Mapping[str, str], commit: str | None, repository: str | None
) -> Result[GitState, Problems]:
    """The state of this job.

    ``commit`` is the working copy's, None where there is none; ``repository`` is ``--repo``, which outside CI names
    the repository and in CI must equal the state.
    """
    system = detect(environment)
    match system:
        case CiSystem.PROW:
            return prow.read(environment).bind(lambda state: _agreeing(state, repository))
        case CiSystem.LOCAL:
            return working_copy.read(environment, commit, repository)
        case None:
            return refuse(
                "CI",
                f"CI=true, but no CI system is recognised and {', '.join(prow.MARKS)} are not all set",
                "set them, or unset CI on your own machine",
            )
        case _:
            return refuse(
                system.value,
                "jobs of this CI system are not supported yet",
                "run as a ProwJob, or outside CI with --repo",
            )


def _agreeing(state: GitState, repository: str | None) -> Result[GitState, Problems]:
    if repository is None or repository == state.repository:
        return Success(state)
    what = f"{repository!r} is not the repository of this job, {state.repository!r}"
    return Failure((Problem("--repo", what, "leave the flag out in CI"),))

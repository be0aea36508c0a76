"""The CI system of this job, and the state that it claims: class, repository, commit and ref.

Pure functions from environment variables, git's answer and the event's payload to a state or problems. An empty
variable counts as unset. The order in which CI systems are recognised is part of the rule: the first match wins. Only
the module of the detected system is imported.
"""

from collections.abc import Mapping
from typing import Any

from returns.result import Failure, Result, Success

from image_builder_domain.job.git_state import PROW_MARKS, CiSystem, GitState, JobType
from image_builder_domain.job.local import AT_A_TERMINAL, Place
from image_builder_domain.problem import Problem, Problems, refuse

_RECIPE = (
    "set CI=true, REPO_OWNER, REPO_NAME, JOB_TYPE, PULL_BASE_REF and PULL_BASE_SHA as Prow does, and in a presubmit "
    "PULL_NUMBER and PULL_PULL_SHA (docs/other-ci-systems.md)"
)
_OWN_MARKS = {
    CiSystem.GITHUB: "GITHUB_ACTIONS is not true",
    CiSystem.AZURE_PIPELINES: "TF_BUILD is not True",
    CiSystem.GITLAB: "GITLAB_CI is not true",
    CiSystem.JENKINS: "JENKINS_URL is not set",
}


def detect(environment: Mapping[str, str], place: Place = AT_A_TERMINAL) -> CiSystem | None:
    """The CI system; None if this is a job, but of no system that Image Builder can read."""
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
    if not _is_job(given, place):
        return CiSystem.LOCAL
    return CiSystem.PROW if all(name in given for name in PROW_MARKS) else None


def _is_job(given: Mapping[str, str], place: Place) -> bool:
    """Whether a variable or the place shows that this is a CI job."""
    if given.get("CI", "false") != "false" or place.is_unattended(given):
        return True
    from image_builder_domain.job.known_system import SHARED, systems_in

    return not SHARED.isdisjoint(given) or bool(systems_in(given))


def git_question(environment: Mapping[str, str], place: Place = AT_A_TERMINAL) -> str | None:
    """The revision whose commit :func:`read_git_state` needs from git; None if the job's variables are enough."""
    match detect(environment, place):
        case CiSystem.LOCAL:
            return None if environment.get("PULL_BASE_SHA") else "HEAD"
        case CiSystem.PROW:
            is_periodic = environment.get("JOB_TYPE") == JobType.PERIODIC.value
            return "HEAD" if is_periodic and not environment.get("PULL_BASE_SHA") else None
        case CiSystem.AZURE_PIPELINES:
            from image_builder_domain.job import azure_pipelines

            return azure_pipelines.git_question(environment)
        case _:
            return None


def read_git_state(
    environment: Mapping[str, str],
    commit: str | None,
    repository: str | None,
    event: Result[Mapping[str, Any], Problems] | None = None,
    place: Place = AT_A_TERMINAL,
) -> Result[GitState, Problems]:
    """The state of this job.

    ``commit`` is git's answer to :func:`git_question`, None without one. ``repository`` is ``--repo``: outside CI, and
    in a periodic job without ``extra_refs``, it names the repository; elsewhere it must equal the job's. ``event`` is
    the payload of a GitHub event, or why it could not be read.
    """
    return _read(environment, commit, repository, event, place).bind(
        lambda state: _agreeing(state, repository).bind(lambda found: _truly_merged(environment, found))
    )


def read_without_commit(environment: Mapping[str, str], repository: str | None) -> Result[GitState, Problems]:
    """The state outside CI for what builds nothing: it needs no commit, and so no working copy."""
    from image_builder_domain.job import local as working_copy

    return working_copy.without_commit(repository).bind(lambda found: _truly_merged(environment, found))


def _read(
    environment: Mapping[str, str],
    commit: str | None,
    repository: str | None,
    event: Result[Mapping[str, Any], Problems] | None,
    place: Place,
) -> Result[GitState, Problems]:
    match detect(environment, place):
        case CiSystem.PROW:
            from image_builder_domain.job import prow

            return prow.read(environment, commit, repository)
        case CiSystem.GITHUB:
            from image_builder_domain.job import github

            unread: Result[Any, Problems] = refuse("GITHUB_EVENT_PATH", "the event's payload was not read")
            return github.read(environment, event if event is not None else unread)
        case CiSystem.AZURE_PIPELINES:
            from image_builder_domain.job import azure_pipelines

            return azure_pipelines.read(environment, commit)
        case CiSystem.GITLAB:
            from image_builder_domain.job import gitlab

            return gitlab.read(environment)
        case CiSystem.JENKINS:
            from image_builder_domain.job import jenkins

            return jenkins.read(environment)
        case CiSystem.LOCAL:
            from image_builder_domain.job import local as working_copy

            return working_copy.read(environment, commit, repository, place)
        case None:
            return Failure((_unknown_job({name: value for name, value in environment.items() if value}),))


def _agreeing(state: GitState, repository: str | None) -> Result[GitState, Problems]:
    if repository is None or repository == state.repository:
        return Success(state)
    what = f"{repository!r} is not the repository of this job, {state.repository!r}"
    return Failure((Problem("--repo", what, "leave the flag out in CI"),))


def _truly_merged(environment: Mapping[str, str], state: GitState) -> Result[GitState, Problems]:
    """A job that may publish as production must not carry any mark of unmerged code."""
    if state.job_type.is_proposal:
        return Success(state)
    from image_builder_domain.job.contradictions import unmarked

    return unmarked(environment, state).map(lambda _: state)


def _unknown_job(given: Mapping[str, str]) -> Problem:
    """The refusal of a job that no supported CI system runs; it names the variable that shows the job."""
    from image_builder_domain.job.known_system import SHARED, systems_in

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

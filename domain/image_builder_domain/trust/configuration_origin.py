"""Whether unmerged code chooses what the configuration file says, and whether it may."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum

from returns.result import Result, Success

from image_builder_domain.job.git_state import CiSystem
from image_builder_domain.problem import Problems, refuse
from image_builder_domain.trust.side import Job, Listed


class Origin(Enum):
    """Where the configuration file lies. A file in the checkout is the claim of its commit."""

    APART = "outside of the checkout"
    WITH_THE_JOB = "in the checkout, and the job's definition comes from the same commit"
    ALONE = "in the checkout, and the job's definition comes from elsewhere"


# The workflow file comes from the commit that is built. That of pull_request_target comes from the base.
_SAME_COMMIT_EVENTS = ("pull_request", "push", "merge_group", "workflow_dispatch")


_WORKSPACES = {
    CiSystem.GITHUB: "GITHUB_WORKSPACE",
    CiSystem.AZURE_PIPELINES: "BUILD_SOURCESDIRECTORY",
    CiSystem.GITLAB: "CI_PROJECT_DIR",
    CiSystem.JENKINS: "WORKSPACE",
}


def workspace_of(system: CiSystem, environment: Mapping[str, str]) -> str | None:
    """The folder into which the CI system checks out the sources, from its variable; None without it."""
    return environment.get(_WORKSPACES.get(system, ""), "") or None


def origin_of(system: CiSystem, environment: Mapping[str, str], *, is_held: bool) -> Origin:
    """The origin of the file; ``is_held`` says that it lies in the checkout."""
    if not is_held:
        return Origin.APART
    if system is CiSystem.GITHUB:
        with_the_job = environment.get("GITHUB_EVENT_NAME") in _SAME_COMMIT_EVENTS
    else:
        definition = environment.get("CI_CONFIG_PATH", "")  # 'file@group/project' or a URL: another project's
        with_the_job = system is CiSystem.GITLAB and "@" not in definition and "://" not in definition
    return Origin.WITH_THE_JOB if with_the_job else Origin.ALONE


def check_origin(job: Job, file: str, origin: Origin) -> Result[Job, Problems]:
    """The job, with a warning where a ref brings its own configuration, or why it may not.

    Where the job's definition comes from the same commit, that commit could name another file anyway. Elsewhere such a
    file must not say that its own ref is production; Prow's administrators say that themselves.
    """
    if job.is_local or origin is Origin.APART:
        return Success(job)
    if job.is_production:
        return _own_word(job, file, origin)
    if origin is Origin.WITH_THE_JOB:
        what = f"the configuration file {file!r} lies in the checkout, so unmerged code chooses what it says"
        return _warned(job, f"{what}; keep it in the job's image, and production credentials out of this job")
    what = f"{file!r} lies in the checkout: unmerged code would choose its own configuration"
    remedy = "check the default branch out a second time, into another folder, and name the file there"
    return refuse("--config", what, remedy)


def _own_word(job: Job, file: str, origin: Origin) -> Result[Job, Problems]:
    system, listing = job.state.system, job.listing
    is_named_by_the_file = isinstance(listing, Listed) and bool(listing.key)
    if not is_named_by_the_file or (system is CiSystem.PROW and not job.state.starter_chooses):
        return Success(job)
    what = f"{file!r} lies in the checkout: a ref would say of itself that it is production"
    if system is CiSystem.GITHUB or origin is Origin.WITH_THE_JOB:
        return _warned(job, f"the configuration file {what}; keep it in the job's image")
    return refuse("--config", what, "keep the file in the job's image, or outside of this checkout")


def _warned(job: Job, warning: str) -> Result[Job, Problems]:
    return Success(replace(job, warnings=(*job.warnings, warning)))

"""GitLab CI: ``CI_PIPELINE_SOURCE`` and the variables of merge requests.

``CI_COMMIT_BEFORE_SHA`` is all zeros in merge requests and first pushes, and is never used.
"""

from collections.abc import Mapping
from dataclasses import replace

from returns.result import Result, Success

from image_builder_domain.job import variable
from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_nested_repository
from image_builder_domain.problem import Problems, gather, nearest, refuse

_GITLAB = CiSystem.GITLAB
_MERGE_REQUEST = "merge_request_event"
_EXTERNAL = "external_pull_request_event"
_STARTED = ("web", "api", "trigger", "pipeline", "chat")
"""The person who starts such a pipeline chooses its ref, and variables that take precedence over those of GitLab."""
SOURCES = {
    _MERGE_REQUEST: JobType.PRESUBMIT,
    _EXTERNAL: JobType.PRESUBMIT,
    "push": JobType.POSTSUBMIT,
    "schedule": JobType.SCHEDULE,
    **dict.fromkeys((*_STARTED, "parent_pipeline"), JobType.WORKFLOW_DISPATCH),
}
"""The class of a job by the source of its pipeline; in a merge train it is a merge group."""


def read(environment: Mapping[str, str]) -> Result[GitState, Problems]:
    """The state of a job."""
    given = {name: value for name, value in environment.items() if value}
    names = _names(given)
    source = variable.required(given, "CI_PIPELINE_SOURCE", _GITLAB).bind(_known)
    return gather(names, source).bind(lambda names, source: _state(given, names, _own_source(given, source)))


def _known(source: str) -> Result[str, Problems]:
    if source in SOURCES:
        return Success(source)
    what = f"pipelines of the source {source!r} do not say which commit to build"
    return refuse("CI_PIPELINE_SOURCE", what, nearest(source, SOURCES))


def _own_source(given: Mapping[str, str], source: str) -> str:
    """The source of the pipeline; the child of a merge request's pipeline builds that merge request."""
    return _MERGE_REQUEST if source == "parent_pipeline" and "CI_MERGE_REQUEST_IID" in given else source


def _state(given: Mapping[str, str], names: tuple[str, str], source: str) -> Result[GitState, Problems]:
    if source == _MERGE_REQUEST:
        return _merge_request(given, names)
    if source == _EXTERNAL:
        return _external(given, names)
    return _pushed(given, names, source)


def _pushed(given: Mapping[str, str], names: tuple[str, str], source: str) -> Result[GitState, Problems]:
    branch, tag = given.get("CI_COMMIT_BRANCH"), given.get("CI_COMMIT_TAG")
    return gather(variable.sha(given, "CI_COMMIT_SHA", _GITLAB), _one_ref(given, branch, tag)).map(
        lambda commit, _: replace(
            variable.pushed(_GITLAB, SOURCES[source], names, commit, variable.full_ref(branch, tag)),
            host=_host(given),
            is_protected=variable.truth(given.get("CI_COMMIT_REF_PROTECTED")),
            default_branch=given.get("CI_DEFAULT_BRANCH"),
            starter_chooses=source in _STARTED,
        )
    )


def _one_ref(given: Mapping[str, str], branch: str | None, tag: str | None) -> Result[None, Problems]:
    """A pipeline runs for a branch or for a tag, which ``CI_COMMIT_REF_NAME`` repeats."""
    if branch is not None and tag is not None:
        what = f"it is {tag!r}, but CI_COMMIT_BRANCH says that this is the branch {branch!r}"
        return refuse("CI_COMMIT_TAG", what, "the CI system sets only one of them; do not set the other")
    where, name = ("CI_COMMIT_TAG", tag) if branch is None else ("CI_COMMIT_BRANCH", branch)
    return variable.agreeing(where, "the ref", name, given.get("CI_COMMIT_REF_NAME"), "CI_COMMIT_REF_NAME")


def _host(given: Mapping[str, str]) -> str | None:
    host, port = given.get("CI_SERVER_HOST"), given.get("CI_SERVER_PORT")
    if host is None:
        return None
    return host.lower() if port in (None, "80", "443") else f"{host.lower()}:{port}"


def _names(given: Mapping[str, str]) -> Result[tuple[str, str], Problems]:
    both = gather(
        variable.required(given, "CI_PROJECT_NAMESPACE", _GITLAB), variable.required(given, "CI_PROJECT_NAME", _GITLAB)
    )
    where = "CI_PROJECT_NAMESPACE, CI_PROJECT_NAME"
    names = both.bind(lambda group, name: variable.repository(group, name, where, is_nested_repository))
    return names.bind(
        lambda found: variable.agreeing(
            "CI_PROJECT_PATH", "the path", given.get("CI_PROJECT_PATH"), "/".join(found), where
        ).map(lambda _: found)
    )


def _merge_request(given: Mapping[str, str], names: tuple[str, str]) -> Result[GitState, Problems]:
    """A merge train is a merge queue: it may hold several merge requests, so it has no number of its own."""
    is_train = given.get("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train"
    number = variable.pull_number(given, "CI_MERGE_REQUEST_IID", _GITLAB)
    head = _first(given, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA")
    base = _first(given, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA", "CI_MERGE_REQUEST_DIFF_BASE_SHA")
    return gather(number, head, base).map(
        lambda number, head, base: GitState(
            _GITLAB,
            JobType.MERGE_GROUP if is_train else JobType.PRESUBMIT,
            head,
            *names,
            pull_number=None if is_train else number,
            base_ref=given.get("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
            base_sha=base,
            head_sha=head,
            head_ref=given.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"),
            is_fork=_is_fork(given),
            host=_host(given),
        )
    )


def _is_fork(given: Mapping[str, str]) -> bool:
    source, target = "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "CI_MERGE_REQUEST_PROJECT_PATH"
    return given.get(source) != given.get(target)


def _first(given: Mapping[str, str], preferred: str, otherwise: str) -> Result[str, Problems]:
    """The preferred variable, which only merged results and merge trains have, else the other one."""
    return variable.sha(given, preferred if preferred in given else otherwise, _GITLAB)


def _external(given: Mapping[str, str], names: tuple[str, str]) -> Result[GitState, Problems]:
    prefix = "CI_EXTERNAL_PULL_REQUEST"
    return gather(
        variable.pull_number(given, f"{prefix}_IID", _GITLAB),
        variable.sha(given, f"{prefix}_SOURCE_BRANCH_SHA", _GITLAB),
        variable.sha(given, f"{prefix}_TARGET_BRANCH_SHA", _GITLAB),
    ).map(
        lambda number, head, base: GitState(
            _GITLAB,
            JobType.PRESUBMIT,
            head,
            *names,
            pull_number=number,
            base_ref=given.get(f"{prefix}_TARGET_BRANCH_NAME"),
            base_sha=base,
            head_sha=head,
            head_ref=given.get(f"{prefix}_SOURCE_BRANCH_NAME"),
            is_fork=given.get(f"{prefix}_SOURCE_REPOSITORY") != given.get(f"{prefix}_TARGET_REPOSITORY"),
            host=_host(given),
        )
    )

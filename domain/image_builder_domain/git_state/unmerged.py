"""Marks of unmerged code: variables of any CI system that say a proposed change is being built.

A job that would be trusted and carries one of them contradicts itself, and is refused: so no variable that somebody
adds, and no way in which a CI system builds a pull request under another name, makes it production.
"""

import json
import re
from collections.abc import Mapping

from returns.result import Failure, Result, Success

from image_builder_domain.git_state.state import GitState
from image_builder_domain.job_type import JobType
from image_builder_domain.problem import Problem, Problems

_PRESENT = (
    "PULL_NUMBER",
    "PULL_PULL_SHA",
    "PULL_HEAD_REF",
    "GITHUB_HEAD_REF",
    "GITHUB_BASE_REF",
    "SYSTEM_PULLREQUEST_PULLREQUESTID",
    "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER",
    "SYSTEM_PULLREQUEST_SOURCECOMMITID",
    "SYSTEM_PULLREQUEST_TARGETBRANCH",
    "CHANGE_ID",
    "CHANGE_BRANCH",
    "CHANGE_TARGET",
    "CHANGE_FORK",
    "ghprbPullId",  # jobs of one branch that build pull requests through a plugin
    "ghprbActualCommit",
    "GITHUB_PR_NUMBER",
    "BITBUCKET_PULL_REQUEST_ID",
    "pullRequestId",
    "gitlabMergeRequestIid",
    "CI_MERGE_REQUEST_IID",
    "CI_MERGE_REQUEST_EVENT_TYPE",
    "CI_EXTERNAL_PULL_REQUEST_IID",
    "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA",
)
_WORDS = {
    "JOB_TYPE": ("presubmit", "batch", "merge_group"),
    "BUILD_REASON": ("PullRequest",),
    "GITHUB_EVENT_NAME": ("pull_request", "pull_request_target", "merge_group"),
    "CI_PIPELINE_SOURCE": ("merge_request_event", "external_pull_request_event"),
}
_REFS = ("GITHUB_REF", "PULL_BASE_REF", "BUILD_SOURCEBRANCH", "GIT_BRANCH", "BRANCH_NAME", "CI_COMMIT_REF_NAME")
# A push to a merge queue's own branch is a push of code that is not merged yet.
_UNMERGED_REF = (
    r"(?:refs/heads/|refs/|remotes/|origin/)*"
    r"(?:(?:pull|pull-requests|merge-requests|pr)/\d+/(?:head|merge|from|train)|changes/\d\d/\d+/\d+"
    r"|gh-readonly-queue/.*)"
    r"|(?:origin/)?(?:PR|MR)-\d+(?:-head|-merge)?"
)


def unmarked(environment: Mapping[str, str], state: GitState) -> Result[None, Problems]:
    """Nothing, when nothing marks unmerged code in this job of a trusted class."""
    marks = _marks({name: value for name, value in environment.items() if value}, state)
    if not marks:
        return Success(None)
    is_local = state.job_type is JobType.LOCAL
    what = f"this tells of code that is not merged, {'outside CI' if is_local else f'in a {state.job_type.value} job'}"
    remedy = "set CI=true in a CI job, or unset it" if is_local else "unmerged code is never built as production"
    return Failure((Problem(", ".join(marks), what, remedy),))


def _marks(given: Mapping[str, str], state: GitState) -> list[str]:
    return [
        *(name for name in _PRESENT if _is_told(given.get(name, ""))),
        *(name for name, words in _WORDS.items() if given.get(name) in words),
        *(name for name in _REFS if _is_unmerged(given.get(name, ""))),
        *([f"the branch {state.base_ref!r}"] if _is_unmerged(state.base_ref or "") else []),
        *(["GERRIT_CHANGE_NUMBER"] if _is_open_change(given) else []),
        *(["PULL_REFS"] if "," in given.get("PULL_REFS", "") else []),
        *(["JOB_SPEC"] if _carries_pulls(given.get("JOB_SPEC", "")) else []),
    ]


def _is_unmerged(ref: str) -> bool:
    if not any(character.isdigit() for character in ref) and "gh-readonly-queue/" not in ref:
        return False  # most branches: the expression costs more than all the rest
    return re.fullmatch(_UNMERGED_REF, ref, re.DOTALL) is not None


def _is_open_change(given: Mapping[str, str]) -> bool:
    """Gerrit tells of a change before and after it is merged."""
    return "GERRIT_CHANGE_NUMBER" in given and given.get("GERRIT_EVENT_TYPE") != "change-merged"


def _is_told(value: str) -> bool:
    """Azure hands undefined macros on as they are, and pipelines write 0 where there is no pull request."""
    return value not in ("", "0") and not (value.startswith("$(") and value.endswith(")"))


def _carries_pulls(text: str) -> bool:
    """Whether anything that was checked out holds pull requests; what cannot be read is not trusted."""
    if not text:
        return False
    try:
        spec = json.loads(text)
    except (ValueError, RecursionError):
        return True
    refs = [spec.get("refs"), spec.get("extra_refs")] if isinstance(spec, dict) else [spec]
    every = [found for place in refs for found in (place if isinstance(place, list) else [place])]
    return any(not isinstance(found, dict) or bool(found.get("pulls")) for found in every if found)

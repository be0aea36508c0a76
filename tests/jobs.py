"""Jobs: one environment for each kind of job of each CI system, the state that is read from it, and its checkout."""

import json
from typing import Any

from image_builder_domain.configuration.production_ref import ProductionRefs, RefPattern
from image_builder_domain.configuration.trust import TrustSettings
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import GitState
from image_builder_domain.problem import Problems
from image_builder_domain.trust.checkout import Checkout, CheckoutFacts, claim_of
from image_builder_domain.trust.side import Job, claimed_side
from returns.result import Result, Success

BASE, HEAD, MERGE, OTHER = "1" * 40, "2" * 40, "3" * 40, "4" * 40

GITHUB = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/demo",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_SERVER_URL": "https://github.com",
}
REPOSITORY: dict[str, Any] = {
    "name": "demo",
    "full_name": "acme/demo",
    "owner": {"login": "acme"},
    "fork": False,
    "default_branch": "main",
}
PUSH = GITHUB | {
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_SHA": BASE,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_REF_PROTECTED": "true",
}
PUSH_EVENT: dict[str, Any] = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": BASE,
    "deleted": False,
    "head_commit": {"id": BASE},
    "repository": REPOSITORY | {"owner": {"login": "acme", "name": "acme"}},
}
PULL_REQUEST = GITHUB | {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_SHA": MERGE,
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_HEAD_REF": "fix/typo",
    "GITHUB_BASE_REF": "main",
}
PULL_REQUEST_EVENT: dict[str, Any] = {
    "action": "synchronize",
    "number": 7,
    "pull_request": {
        "number": 7,
        "head": {"ref": "fix/typo", "sha": HEAD, "repo": {"full_name": "kim/demo"}},
        "base": {"ref": "main", "sha": BASE, "repo": {"full_name": "acme/demo"}},
    },
    "repository": REPOSITORY,
}
MERGE_GROUP = GITHUB | {
    "GITHUB_EVENT_NAME": "merge_group",
    "GITHUB_SHA": HEAD,
    "GITHUB_REF": f"refs/heads/gh-readonly-queue/main/pr-7-{BASE}",
}
MERGE_GROUP_EVENT: dict[str, Any] = {
    "action": "checks_requested",
    "merge_group": {
        "head_sha": HEAD,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{BASE}",
        "base_sha": BASE,
        "base_ref": "refs/heads/main",
    },
    "repository": REPOSITORY,
}
DISPATCH = PUSH | {"GITHUB_EVENT_NAME": "workflow_dispatch"}
DISPATCH_EVENT: dict[str, Any] = {"inputs": None, "ref": "refs/heads/main", "repository": REPOSITORY}
SCHEDULE = PUSH | {"GITHUB_EVENT_NAME": "schedule"}
SCHEDULE_EVENT: dict[str, Any] = {"schedule": "0 4 * * *", "workflow": "b.yml", "repository": REPOSITORY}
TAGGED = PUSH | {"GITHUB_REF": "refs/tags/v1"}
RELEASE = TAGGED | {"GITHUB_EVENT_NAME": "release"}
RELEASE_EVENT: dict[str, Any] = {
    "action": "published",
    "release": {"tag_name": "v1", "target_commitish": "main", "prerelease": False},
    "repository": REPOSITORY,
}
CREATE = TAGGED | {"GITHUB_EVENT_NAME": "create"}
CREATE_EVENT: dict[str, Any] = {"ref": "v1", "ref_type": "tag", "master_branch": "main", "repository": REPOSITORY}
REPOSITORY_DISPATCH = PUSH | {"GITHUB_EVENT_NAME": "repository_dispatch"}
REPOSITORY_DISPATCH_EVENT: dict[str, Any] = {
    "action": "base-image-changed",
    "branch": "main",
    "client_payload": {},
    "repository": REPOSITORY,
}

AZURE_PUSH = {
    "TF_BUILD": "True",
    "BUILD_BUILDID": "501",
    "BUILD_REASON": "IndividualCI",
    "BUILD_REPOSITORY_PROVIDER": "GitHub",
    "BUILD_REPOSITORY_NAME": "acme/demo",
    "BUILD_REPOSITORY_URI": "https://github.com/acme/demo",
    "BUILD_SOURCEBRANCH": "refs/heads/main",
    "BUILD_SOURCEVERSION": BASE,
    "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "$(System.PullRequest.PullRequestNumber)",
}
AZURE_PULL_REQUEST = AZURE_PUSH | {
    "BUILD_REASON": "PullRequest",
    "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
    "BUILD_SOURCEVERSION": MERGE,
    "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "123456",
    "SYSTEM_PULLREQUEST_SOURCECOMMITID": HEAD,
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "main",
    "SYSTEM_PULLREQUEST_ISFORK": "False",
}
AZURE_DECLARED = {
    "TF_BUILD": "True",
    "BUILD_REASON": "Manual",
    "REPO_OWNER": "acme",
    "REPO_NAME": "demo",
    "JOB_TYPE": "postsubmit",
    "PULL_BASE_SHA": BASE,
    "PULL_BASE_REF": "main",
    "PULL_NUMBER": "$(PullNumber)",
    "PULL_PULL_SHA": "",
}

JENKINS_PUSH = {
    "CI": "true",
    "JENKINS_URL": "https://ci.example/",
    "JOB_NAME": "acme/demo/main",
    "BRANCH_NAME": "main",
    "GIT_URL": "https://github.com/acme/demo.git",
    "GIT_COMMIT": BASE,
}
JENKINS_PULL_REQUEST = JENKINS_PUSH | {
    "BRANCH_NAME": "PR-7",
    "CHANGE_ID": "7",
    "CHANGE_BRANCH": "fix/typo",
    "CHANGE_TARGET": "main",
    "CHANGE_BASE_SHA": BASE,
    "GIT_COMMIT": HEAD,
}

GITLAB_PUSH = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "push",
    "CI_PROJECT_PATH": "acme/tools/demo",
    "CI_PROJECT_NAMESPACE": "acme/tools",
    "CI_PROJECT_NAME": "demo",
    "CI_COMMIT_SHA": BASE,
    "CI_COMMIT_BRANCH": "main",
    "CI_COMMIT_REF_NAME": "main",
    "CI_COMMIT_REF_PROTECTED": "true",
    "CI_DEFAULT_BRANCH": "main",
    "CI_SERVER_HOST": "gitlab.example",
    "CI_SERVER_PORT": "443",
}
GITLAB_MERGE_REQUEST = {name: value for name, value in GITLAB_PUSH.items() if name != "CI_COMMIT_BRANCH"} | {
    "CI_COMMIT_REF_NAME": "fix/typo",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_SHA": HEAD,
    "CI_COMMIT_BEFORE_SHA": "0" * 40,
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_ID": "99001",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix/typo",
    "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
    "CI_MERGE_REQUEST_PROJECT_PATH": "acme/tools/demo",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/tools/demo",
}

LISTED: dict[str, Any] = {
    "production-refs": {"*": ["main", "refs/tags/main", "refs/tags/v*"]},
    "repository-hosts": ["github.com", "gitlab.example"],
}
"""What makes each of the pushes below production: the ref of some of them is a short name, of a branch or of a tag."""

MAIN = TrustSettings(ProductionRefs({"*": (RefPattern.parse("main").unwrap(),)}))
"""The branch main of every repository holds merged code."""


def as_claimed(state: GitState) -> Job:
    """The job on the side that its class claims, for tests that begin after the decision."""
    return Job(state, claimed_side(state.job_type), "as claimed", state.job_type)


def claimed_checkout(state: GitState) -> CheckoutFacts:
    """HEAD is the claimed commit; of a batch, a merge of its pull requests."""
    claim = claim_of(state, {})
    head = claim.commits[0] if claim.commits else "9" * 40
    return CheckoutFacts(Checkout("/src", head, frozenset(claim.heads), modified=()))


def prow_job(job_type: str, base: str, *pulls: tuple[int, str], repo: str = "demo") -> dict[str, str]:
    """A job of ``acme/REPO`` that builds these pull requests (number and head) on top of the commit ``base``."""
    refs: dict[str, Any] = {"org": "acme", "repo": repo, "base_ref": "main", "base_sha": base}
    refs |= {"pulls": [{"number": number, "author": "kim", "sha": sha} for number, sha in pulls]} if pulls else {}
    number, sha = pulls[0] if pulls else (0, "")
    single = {"PULL_NUMBER": str(number), "PULL_PULL_SHA": sha, "PULL_HEAD_REF": "fix/typo"}
    return {
        "CI": "true",
        "PROW_JOB_ID": "6d1f",
        "JOB_TYPE": job_type,
        "JOB_NAME": "build",
        "BUILD_ID": "1",
        "REPO_OWNER": "acme",
        "REPO_NAME": repo,
        "PULL_BASE_REF": "main",
        "PULL_BASE_SHA": base,
        "PULL_REFS": ",".join([f"main:{base}", *(f"{number}:{sha}" for number, sha in pulls)]),
        "JOB_SPEC": json.dumps({"type": job_type, "job": "build", "buildid": "1", "prowjobid": "6d1f", "refs": refs}),
        **(single if job_type == "presubmit" else {}),
    }


def prow(job_type: str, *pulls: tuple[int, str]) -> dict[str, str]:
    """A Prow job that builds these pull requests on top of the base."""
    return prow_job(job_type, BASE, *pulls)


def periodic(*extra_refs: dict[str, Any]) -> dict[str, str]:
    """A periodic Prow job."""
    spec: dict[str, Any] = {"type": "periodic", "job": "nightly"}
    spec |= {"extra_refs": list(extra_refs)} if extra_refs else {}
    return {"CI": "true", "PROW_JOB_ID": "6d1f", "JOB_TYPE": "periodic", "JOB_SPEC": json.dumps(spec)}


EXTRA = {"org": "acme", "repo": "demo", "base_ref": "main", "base_sha": BASE}
EVENTS = {
    "push": PUSH_EVENT,
    "pull_request": PULL_REQUEST_EVENT,
    "pull_request_target": PULL_REQUEST_EVENT,
    "merge_group": MERGE_GROUP_EVENT,
    "workflow_dispatch": DISPATCH_EVENT,
    "schedule": SCHEDULE_EVENT,
    "release": RELEASE_EVENT,
    "create": CREATE_EVENT,
    "repository_dispatch": REPOSITORY_DISPATCH_EVENT,
}


def event_of(environment: dict[str, str]) -> Result[Any, Any]:
    """The payload that GitHub gives to such a job."""
    return Success(EVENTS.get(environment.get("GITHUB_EVENT_NAME", ""), {}))


def read_job(
    environment: dict[str, str],
    commit: str | None = None,
    repository: str | None = None,
    event: dict[str, Any] | None = None,
) -> Result[GitState, Problems]:
    """The state that is read from variables; ``event`` is another payload than GitHub's usual one."""
    payload = event_of(environment) if event is None else Success(event)
    return read_git_state(environment, commit, repository, payload)


def state(
    environment: dict[str, str],
    commit: str | None = None,
    repository: str | None = None,
    event: dict[str, Any] | None = None,
) -> GitState:
    """The state of a job that is read."""
    return read_job(environment, commit, repository, event).unwrap()


def refusal(
    environment: dict[str, str],
    commit: str | None = None,
    repository: str | None = None,
    event: dict[str, Any] | None = None,
) -> str:
    """Every problem of a job that is refused, one on each line."""
    return "\n".join(map(str, read_job(environment, commit, repository, event).failure()))


MERGED = {
    "prow postsubmit": prow("postsubmit"),
    "prow periodic": periodic(EXTRA),
    "github push": PUSH,
    "github dispatch": DISPATCH,
    "github schedule": SCHEDULE,
    "github release": RELEASE,
    "github created tag": CREATE,
    "github repository dispatch": REPOSITORY_DISPATCH,
    "azure push": AZURE_PUSH,
    "azure declared": AZURE_DECLARED,
    "jenkins push": JENKINS_PUSH,
    "gitlab push": GITLAB_PUSH,
}
UNMERGED = {
    "prow presubmit": prow("presubmit", (7, HEAD)),
    "prow batch": prow("batch", (7, HEAD), (9, OTHER)),
    "github pull request": PULL_REQUEST,
    "github pull request target": PULL_REQUEST | {"GITHUB_EVENT_NAME": "pull_request_target"},
    "github merge group": MERGE_GROUP,
    "azure pull request": AZURE_PULL_REQUEST,
    "azure declared": AZURE_DECLARED | {"JOB_TYPE": "presubmit", "PULL_NUMBER": "7", "PULL_PULL_SHA": HEAD},
    "azure declared merge group": AZURE_DECLARED | {"JOB_TYPE": "merge_group", "PULL_PULL_SHA": HEAD},
    "jenkins pull request": JENKINS_PULL_REQUEST,
    "gitlab merge request": GITLAB_MERGE_REQUEST,
    "gitlab merge train": GITLAB_MERGE_REQUEST | {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"},
    "gitlab external": GITLAB_PUSH
    | {
        "CI_PIPELINE_SOURCE": "external_pull_request_event",
        "CI_EXTERNAL_PULL_REQUEST_IID": "7",
        "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA": HEAD,
        "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA": BASE,
    },
}

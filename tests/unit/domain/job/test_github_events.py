"""GitHub Actions: each event gives its state, and every payload that is not what it says is refused."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from returns.result import Success

from tests.jobs import (
    BASE,
    CREATE,
    CREATE_EVENT,
    DISPATCH,
    DISPATCH_EVENT,
    EVENTS,
    GITHUB,
    HEAD,
    MERGE_GROUP,
    MERGE_GROUP_EVENT,
    OTHER,
    PULL_REQUEST,
    PULL_REQUEST_EVENT,
    PUSH,
    PUSH_EVENT,
    RELEASE,
    RELEASE_EVENT,
    REPOSITORY_DISPATCH,
    REPOSITORY_DISPATCH_EVENT,
    SCHEDULE,
    SCHEDULE_EVENT,
)

RECORDINGS = os.environ.get("IMAGE_BUILDER_RECORDINGS")
WHOLE = [
    pytest.param(PUSH, PUSH_EVENT, id="push"),
    pytest.param(PULL_REQUEST, PULL_REQUEST_EVENT, id="pull_request"),
    pytest.param(MERGE_GROUP, MERGE_GROUP_EVENT, id="merge_group"),
    pytest.param(DISPATCH, DISPATCH_EVENT, id="workflow_dispatch"),
    pytest.param(SCHEDULE, SCHEDULE_EVENT, id="schedule"),
    pytest.param(RELEASE, RELEASE_EVENT, id="release"),
    pytest.param(CREATE, CREATE_EVENT, id="create"),
    pytest.param(REPOSITORY_DISPATCH, REPOSITORY_DISPATCH_EVENT, id="repository_dispatch"),
]


def state(environment: dict[str, str], event: dict[str, Any]) -> GitState:
    return read_git_state(environment, None, None, Success(event)).unwrap()


def refusal(environment: dict[str, str], event: dict[str, Any]) -> str:
    return "\n".join(map(str, read_git_state(environment, None, None, Success(event)).failure()))


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The event with another value at a dotted path; ``...`` takes the member away."""
    event = copy.deepcopy(event)
    *parents, last = path.split(".")
    place = event
    for key in parents:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


def merged(job_type: JobType, ref: str, **more: Any) -> GitState:
    facts: dict[str, Any] = {"host": "github.com", "is_protected": True, "default_branch": "main", "ref": ref}
    return GitState(CiSystem.GITHUB, job_type, BASE, "acme", "demo", base_sha=BASE, **(facts | more))


def test_a_push_to_a_branch_builds_the_pushed_commit() -> None:
    assert state(PUSH, PUSH_EVENT) == merged(JobType.POSTSUBMIT, "refs/heads/main", base_ref="main")


def test_a_pushed_tag_is_built_from_the_commit_that_it_marks() -> None:
    environment = PUSH | {"GITHUB_REF": "refs/tags/v1"}
    event = PUSH_EVENT | {"ref": "refs/tags/v1", "after": OTHER}  # an annotated tag's own object
    assert state(environment, event) == merged(JobType.POSTSUBMIT, "refs/tags/v1", tag="v1")
    assert state(environment, event | {"head_commit": None}) == merged(JobType.POSTSUBMIT, "refs/tags/v1", tag="v1")


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_a_pull_request_builds_its_head_even_if_a_variable_names_another_ref(name: str) -> None:
    environment = PULL_REQUEST | {"GITHUB_EVENT_NAME": name, "GITHUB_REF": "refs/heads/main"}
    assert state(environment, PULL_REQUEST_EVENT) == GitState(
        CiSystem.GITHUB,
        JobType.PRESUBMIT,
        HEAD,
        "acme",
        "demo",
        7,
        "main",
        BASE,
        HEAD,
        "fix/typo",
        is_fork=True,
        host="github.com",
    )


@pytest.mark.parametrize(
    ("head", "is_fork"), [(None, True), ({"full_name": "kim/demo"}, True), ({"full_name": "acme/demo"}, False)]
)
def test_a_pull_request_from_elsewhere_or_from_a_deleted_repository_is_a_fork(head: object, is_fork: bool) -> None:
    assert state(PULL_REQUEST, changed(PULL_REQUEST_EVENT, "pull_request.head.repo", head)).is_fork is is_fork


def test_a_merge_group_builds_its_head_and_has_no_number() -> None:
    assert state(MERGE_GROUP, MERGE_GROUP_EVENT) == GitState(
        CiSystem.GITHUB,
        JobType.MERGE_GROUP,
        HEAD,
        "acme",
        "demo",
        base_ref="main",
        base_sha=BASE,
        head_sha=HEAD,
        head_ref=f"gh-readonly-queue/main/pr-7-{BASE}",
        host="github.com",
    )


@pytest.mark.parametrize("inputs", [None, {}, {"tag": "x"}])
def test_a_job_started_by_hand_builds_the_commit_of_its_ref(inputs: object) -> None:
    event = DISPATCH_EVENT | {"inputs": inputs}
    assert state(DISPATCH, event) == merged(JobType.WORKFLOW_DISPATCH, "refs/heads/main", base_ref="main")


def test_a_job_started_by_hand_on_a_tag_has_that_tag() -> None:
    found = state(DISPATCH | {"GITHUB_REF": "refs/tags/v1"}, DISPATCH_EVENT | {"ref": "refs/tags/v1"})
    assert found == merged(JobType.WORKFLOW_DISPATCH, "refs/tags/v1", tag="v1")


def test_a_schedule_builds_the_default_branch() -> None:
    assert state(SCHEDULE, SCHEDULE_EVENT) == merged(JobType.SCHEDULE, "refs/heads/main", base_ref="main")


def test_a_dispatch_from_outside_builds_the_default_branch() -> None:
    found = state(REPOSITORY_DISPATCH, REPOSITORY_DISPATCH_EVENT)
    assert found == merged(JobType.WORKFLOW_DISPATCH, "refs/heads/main", base_ref="main")


@pytest.mark.parametrize(
    ("environment", "event"), [(SCHEDULE, SCHEDULE_EVENT), (REPOSITORY_DISPATCH, REPOSITORY_DISPATCH_EVENT)]
)
def test_an_event_of_the_default_branch_on_another_ref_is_refused(
    environment: dict[str, str], event: dict[str, Any]
) -> None:
    for ref in ("refs/heads/fix", "refs/tags/main", "main"):
        assert f"GITHUB_REF: the ref is {ref!r}" in refusal(environment | {"GITHUB_REF": ref}, event)


@pytest.mark.parametrize(("environment", "event"), [(RELEASE, RELEASE_EVENT), (CREATE, CREATE_EVENT)])
def test_a_release_and_a_new_tag_are_built_as_the_tag(environment: dict[str, str], event: dict[str, Any]) -> None:
    assert state(environment, event) == merged(JobType.POSTSUBMIT, "refs/tags/v1", tag="v1")


@pytest.mark.parametrize(
    "action", ["created", "edited", "deleted", "released", "prereleased", "unpublished", None, "x" * 999]
)
def test_a_release_that_was_not_published_is_refused(action: object) -> None:
    problem = refusal(RELEASE, RELEASE_EVENT | {"action": action})
    assert "GITHUB_EVENT_PATH: the action of this release is" in problem
    assert len(problem) < 300


def test_a_new_branch_is_left_to_its_push() -> None:
    environment = CREATE | {"GITHUB_REF": "refs/heads/v1"}
    assert "this event created a branch" in refusal(environment, CREATE_EVENT | {"ref_type": "branch"})


@pytest.mark.parametrize(("fork", "fact"), [(False, False), (True, True), (..., True), (None, True)])
def test_a_push_says_whether_its_repository_is_a_fork_and_silence_counts_as_one(fork: object, fact: bool) -> None:
    assert state(PUSH, changed(PUSH_EVENT, "repository.fork", fork)).is_fork is fact


@pytest.mark.parametrize(("text", "fact"), [("true", True), ("false", False), ("", None)])
def test_github_says_whether_the_ref_is_protected(text: str, fact: bool | None) -> None:
    assert state(PUSH | {"GITHUB_REF_PROTECTED": text}, PUSH_EVENT).is_protected is fact


@pytest.mark.parametrize(
    ("url", "host"), [("https://GHE.example", "ghe.example"), ("http://localhost:3000/", "localhost:3000"), ("", None)]
)
def test_the_host_is_the_server_s(url: str, host: str | None) -> None:
    assert state(PUSH | {"GITHUB_SERVER_URL": url}, PUSH_EVENT).host == host
    assert state(PULL_REQUEST | {"GITHUB_SERVER_URL": url}, PULL_REQUEST_EVENT).host == host


@pytest.mark.parametrize(
    ("environment", "event", "words"),
    [
        pytest.param(
            PUSH, PUSH_EVENT | {"deleted": True, "after": "0" * 40, "head_commit": None}, "deleted", id="deletion"
        ),
        pytest.param(PULL_REQUEST, PULL_REQUEST_EVENT | {"action": "closed"}, "closed", id="closed pull request"),
        pytest.param(MERGE_GROUP, MERGE_GROUP_EVENT | {"action": "destroyed"}, "destroyed", id="destroyed merge group"),
    ],
)
def test_an_event_that_leaves_nothing_to_build_is_refused(
    environment: dict[str, str], event: dict[str, Any], words: str
) -> None:
    assert words in refusal(environment, event)
    assert "there is nothing to build; " in refusal(environment, event)


@pytest.mark.parametrize("path", ["/ref", "/after", "pull_request/number", "pull_request/pull_request.base.sha",
                                  "pull_request/pull_request.head.sha", "pull_request/pull_request.base.ref",
                                  "pull_request/pull_request.base.repo.full_name", "merge_group/merge_group.head_sha",
                                  "merge_group/merge_group.base_sha", "merge_group/merge_group.base_ref",
                                  "release/release.tag_name", "create/ref",
                                  "schedule/schedule", "workflow_dispatch/ref", "workflow_dispatch/repository.name",
                                  "workflow_dispatch/repository.owner.login"])  # fmt: skip
@pytest.mark.parametrize("value", [..., None, "", "x" * 1001, [], {}, True])
def test_a_member_that_is_not_what_it_must_be_is_named_by_its_path(path: str, value: object) -> None:
    name, _, path = path.partition("/")
    name = name or "push"
    environment = {param.id: param.values[0] for param in WHOLE}[name]
    assert isinstance(environment, dict)
    assert f"{path} is " in refusal(environment, changed(EVENTS[name], path, value))


@pytest.mark.parametrize(
    ("environment", "event", "path", "value"),
    [
        pytest.param(PUSH, PUSH_EVENT, "after", OTHER, id="push"),
        pytest.param(PUSH, PUSH_EVENT, "head_commit.id", OTHER, id="head commit"),
        pytest.param(PUSH, PUSH_EVENT, "ref", "refs/heads/other", id="branch"),
        pytest.param(MERGE_GROUP, MERGE_GROUP_EVENT, "merge_group.head_sha", OTHER, id="merge group"),
        pytest.param(DISPATCH, DISPATCH_EVENT, "ref", "refs/heads/other", id="by hand"),
        pytest.param(RELEASE, RELEASE_EVENT, "release.tag_name", "v2", id="release"),
        pytest.param(CREATE, CREATE_EVENT, "ref", "v2", id="new tag"),
        pytest.param(PUSH, PUSH_EVENT, "repository.owner.login", "evil", id="owner"),
        pytest.param(PUSH, PUSH_EVENT, "repository.name", "other", id="name"),
    ],
)
def test_a_payload_that_disagrees_with_the_variables_is_refused(
    environment: dict[str, str], event: dict[str, Any], path: str, value: str
) -> None:
    shown = f"refs/tags/{value}" if value == "v2" else value
    assert f"GITHUB_EVENT_PATH: {path} is {shown!r}" in refusal(environment, changed(event, path, value))


@pytest.mark.parametrize("ref", ["main", "refs/pull/7/merge", "refs/notes/x"])
def test_a_push_to_what_is_neither_branch_nor_tag_is_refused(ref: str) -> None:
    assert "neither a branch nor a tag" in refusal(PUSH | {"GITHUB_REF": ref}, PUSH_EVENT | {"ref": ref})


def test_a_push_to_a_branch_of_the_merge_queue_is_not_merged_code() -> None:
    ref = f"refs/heads/gh-readonly-queue/main/pr-7-{BASE}"
    assert "not merged" in refusal(PUSH | {"GITHUB_REF": ref}, PUSH_EVENT | {"ref": ref})
    assert "not merged" in refusal({**PUSH, "GITHUB_REF": ""}, PUSH_EVENT | {"ref": ref})


@pytest.mark.parametrize("environment", [PUSH, DISPATCH, SCHEDULE, RELEASE, CREATE, REPOSITORY_DISPATCH])
@pytest.mark.parametrize("event", [PULL_REQUEST_EVENT, MERGE_GROUP_EVENT])
def test_the_payload_of_unmerged_code_is_never_that_of_a_push(
    environment: dict[str, str], event: dict[str, Any]
) -> None:
    whole = PUSH_EVENT | SCHEDULE_EVENT | event
    assert f"GITHUB_EVENT_NAME is {environment['GITHUB_EVENT_NAME']!r}" in refusal(environment, whole)


@pytest.mark.parametrize("name", ["deployment", "pull_request_review", "Push"])
def test_another_event_is_refused_by_name(name: str) -> None:
    problem = refusal(PUSH | {"GITHUB_EVENT_NAME": name}, PUSH_EVENT)
    assert f"GITHUB_EVENT_NAME: the event {name!r} does not say which commit to build; run the job on push," in problem


@pytest.mark.parametrize("name", ["workflow_run", "issue_comment", "check_suite"])
def test_an_event_whose_ref_is_always_the_default_branch_is_refused_with_that_reason(name: str) -> None:
    problem = refusal(PUSH | {"GITHUB_EVENT_NAME": name}, PUSH_EVENT)
    assert "build: its ref is the default branch, even if the job checks out something else; run" in problem


@pytest.mark.parametrize(("environment", "event"), WHOLE)
@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "GITHUB_EVENT_NAME"])
def test_a_missing_variable_is_named(environment: dict[str, str], event: dict[str, Any], name: str) -> None:
    assert f"{name}: this variable of the GitHub Actions job is not set" in refusal(environment | {name: ""}, event)


@pytest.mark.parametrize(("environment", "event"), [(DISPATCH, DISPATCH_EVENT), (SCHEDULE, SCHEDULE_EVENT)])
def test_the_commit_of_a_job_without_one_in_its_payload_is_named_when_missing(
    environment: dict[str, str], event: dict[str, Any]
) -> None:
    assert "GITHUB_SHA: this variable" in refusal(environment | {"GITHUB_SHA": ""}, event)


@pytest.mark.parametrize("text", ["acme", "acme/", "/demo", "a/b/c", "acme/..", "ac me/demo"])
def test_names_that_no_repository_can_have_are_refused(text: str) -> None:
    assert f"GITHUB_REPOSITORY: {text!r} is not a repository" in refusal(PUSH | {"GITHUB_REPOSITORY": text}, PUSH_EVENT)


def test_an_unread_payload_is_reported_together_with_the_variables() -> None:
    problems = read_git_state({"GITHUB_ACTIONS": "true"}, None, None, None).failure()
    assert [found.where for found in problems] == ["GITHUB_EVENT_NAME", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"]


# --- real payloads ------------------------------------------------------------------------------------------------


def recorded(name: str) -> dict[str, Any]:
    if not RECORDINGS:
        pytest.skip("IMAGE_BUILDER_RECORDINGS does not say where recorded payloads are")
    found: dict[str, Any] = json.loads((Path(RECORDINGS) / "github-events" / f"{name}.json").read_bytes())
    return found


def job(event: dict[str, Any], name: str, sha: str = "") -> dict[str, str]:
    return GITHUB | {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_REPOSITORY": event["repository"]["full_name"],
        "GITHUB_SHA": sha,
    }


@pytest.mark.parametrize("name", ["opened", "opened.with-organization", "synchronize"])
def test_a_recorded_pull_request_is_read(name: str) -> None:
    event = recorded(f"pull_request-{name}")
    found = state(job(event, "pull_request", OTHER), event)
    pull = event["pull_request"]
    assert (found.job_type, found.pull_number) == (JobType.PRESUBMIT, event["number"])
    assert found.commit == found.head_sha == pull["head"]["sha"]
    assert found.base_sha == pull["base"]["sha"]
    assert (found.base_ref, found.head_ref, found.is_fork) == (pull["base"]["ref"], pull["head"]["ref"], False)


def test_a_recorded_closed_pull_request_is_refused() -> None:
    event = recorded("pull_request-closed")
    assert "closed" in refusal(job(event, "pull_request", OTHER), event)


def test_a_recorded_push_of_a_new_branch_is_read() -> None:
    event = recorded("push-with-new-branch")
    found = state(job(event, "push", event["after"]), event)
    assert (found.commit, found.base_ref, found.tag) == (event["after"], "master", None)


@pytest.mark.parametrize("name", ["push", "push-1", "push-with-organization"])
def test_a_recorded_deletion_is_refused(name: str) -> None:
    event = recorded(name)
    assert "deleted" in refusal(job(event, "push", event["after"]), event)


def test_a_recorded_merge_group_is_read() -> None:
    event = recorded("merge_group-checks_requested")
    found = state(job(event, "merge_group", event["merge_group"]["head_sha"]), event)
    assert (found.commit, found.base_ref) == (event["merge_group"]["head_sha"], "main")
    assert (found.base_sha, found.repository) == (event["merge_group"]["base_sha"], "octo-org/octo-repo")


def test_a_recorded_start_by_hand_is_read() -> None:
    event = recorded("workflow_dispatch")
    found = state(job(event, "workflow_dispatch", OTHER), event)
    assert (found.job_type, found.commit, found.base_ref) == (JobType.WORKFLOW_DISPATCH, OTHER, "master")

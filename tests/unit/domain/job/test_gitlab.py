"""GitLab CI: each pipeline source gives its class, merge requests and trains their commits."""

import pytest
from image_builder_domain.job.git_state import CiSystem, GitState, JobType

from tests.jobs import BASE, GITLAB_MERGE_REQUEST, GITLAB_PUSH, HEAD, MERGE, OTHER, UNMERGED, refusal, state

GITLAB = CiSystem.GITLAB


@pytest.mark.parametrize(
    ("source", "job_type"),
    [
        ("push", JobType.POSTSUBMIT),
        ("schedule", JobType.SCHEDULE),
        *(
            (name, JobType.WORKFLOW_DISPATCH)
            for name in ("web", "api", "trigger", "pipeline", "parent_pipeline", "chat")
        ),
    ],
)
def test_each_source_gives_its_class(source: str, job_type: JobType) -> None:
    expected = GitState(
        GITLAB,
        job_type,
        BASE,
        "acme/tools",
        "demo",
        base_ref="main",
        base_sha=BASE,
        host="gitlab.example",
        ref="refs/heads/main",
        is_protected=True,
        default_branch="main",
        starter_chooses=source in ("web", "api", "trigger", "pipeline", "chat"),
    )
    assert state(GITLAB_PUSH | {"CI_PIPELINE_SOURCE": source}) == expected


def test_a_tag_pipeline_has_its_tag() -> None:
    tag = {"CI_COMMIT_TAG": "v1", "CI_COMMIT_BRANCH": "", "CI_COMMIT_REF_NAME": "v1"}
    found = state(GITLAB_PUSH | tag)
    assert (found.tag, found.base_ref, found.ref) == ("v1", None, "refs/tags/v1")


def test_the_variable_for_branches_names_a_branch_even_if_it_looks_like_a_tag() -> None:
    found = state(GITLAB_PUSH | {"CI_COMMIT_BRANCH": "refs/tags/v1", "CI_COMMIT_REF_NAME": "refs/tags/v1"})
    assert (found.ref, found.tag) == ("refs/heads/refs/tags/v1", None)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"CI_COMMIT_TAG": "v1"}, "CI_COMMIT_TAG: it is 'v1', but CI_COMMIT_BRANCH says"),
        ({"CI_COMMIT_REF_NAME": "fix"}, "CI_COMMIT_BRANCH: the ref is 'main', but CI_COMMIT_REF_NAME says 'fix'"),
    ],
)
def test_two_refs_are_refused(variables: dict[str, str], words: str) -> None:
    assert words in refusal(GITLAB_PUSH | variables)


@pytest.mark.parametrize(("text", "fact"), [("true", True), ("false", False), ("", None), ("x", None)])
def test_gitlab_says_whether_the_ref_is_protected(text: str, fact: bool | None) -> None:
    assert state(GITLAB_PUSH | {"CI_COMMIT_REF_PROTECTED": text}).is_protected is fact


@pytest.mark.parametrize(
    ("host", "port", "fact"),
    [("GitLab.example", "443", "gitlab.example"), ("a.example", "8443", "a.example:8443"), ("", "443", None)],
)
def test_the_host_has_a_port_that_is_not_usual(host: str, port: str, fact: str | None) -> None:
    assert state(GITLAB_PUSH | {"CI_SERVER_HOST": host, "CI_SERVER_PORT": port}).host == fact


def test_a_merge_request_builds_its_head() -> None:
    assert state(GITLAB_MERGE_REQUEST) == GitState(
        GITLAB, JobType.PRESUBMIT, HEAD, "acme/tools", "demo", 7, "main", BASE, HEAD, "fix/typo", host="gitlab.example"
    )


def test_merged_results_have_the_heads_of_both_branches() -> None:
    merged = {
        "CI_COMMIT_SHA": MERGE,
        "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": OTHER,
    }
    found = state(GITLAB_MERGE_REQUEST | merged)
    assert (found.job_type, found.commit, found.base_sha) == (JobType.PRESUBMIT, HEAD, OTHER)


def test_a_merge_train_is_a_merge_group_without_a_number() -> None:
    found = state(GITLAB_MERGE_REQUEST | {"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"})
    assert (found.job_type, found.pull_number, found.head_sha) == (JobType.MERGE_GROUP, None, HEAD)


def test_the_child_of_a_merge_request_s_pipeline_builds_the_merge_request() -> None:
    assert state(GITLAB_MERGE_REQUEST | {"CI_PIPELINE_SOURCE": "parent_pipeline"}) == state(GITLAB_MERGE_REQUEST)


@pytest.mark.parametrize("source", ["push", "schedule", "web", "api", "trigger", "pipeline", "chat"])
def test_no_other_pipeline_carries_a_merge_request(source: str) -> None:
    assert "CI_MERGE_REQUEST_IID" in refusal(GITLAB_MERGE_REQUEST | {"CI_PIPELINE_SOURCE": source})


def test_a_pull_request_of_another_place_is_one() -> None:
    found = state(UNMERGED["gitlab external"])
    assert (found.job_type, found.pull_number, found.commit, found.base_sha) == (JobType.PRESUBMIT, 7, HEAD, BASE)


def test_a_merge_request_from_another_project_is_a_fork() -> None:
    assert state(GITLAB_MERGE_REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "kim/demo"}).is_fork


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CI_PIPELINE_SOURCE", "", "CI_PIPELINE_SOURCE: this variable of the GitLab CI job is not set"),
        ("CI_PIPELINE_SOURCE", "webide", "pipelines of the source 'webide'"),
        ("CI_PROJECT_NAMESPACE", "a//b", "'a//b/demo' is not a repository"),
        ("CI_PROJECT_NAME", "..", "'acme/tools/..' is not a repository"),
        ("CI_PROJECT_PATH", "evil/demo", "CI_PROJECT_PATH: the path is 'evil/demo'"),
        ("CI_COMMIT_SHA", "", "CI_COMMIT_SHA: this variable"),
        ("CI_MERGE_REQUEST_IID", "", "CI_MERGE_REQUEST_IID: this variable"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "0" * 40, "is not a full commit"),
    ],
)
def test_a_wrong_or_missing_variable_is_named(name: str, value: str, words: str) -> None:
    assert words in refusal(GITLAB_MERGE_REQUEST | {name: value})

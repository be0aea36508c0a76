"""Jenkins: pull requests by ``CHANGE_ID``, and the repository out of every kind of URL."""

from urllib.parse import quote

import pytest
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.job.jenkins import repository_of

from tests.jobs import BASE, HEAD, JENKINS_PULL_REQUEST, JENKINS_PUSH, OTHER, refusal, state


def test_a_branch_is_built_from_what_is_checked_out() -> None:
    expected = GitState(
        CiSystem.JENKINS,
        JobType.POSTSUBMIT,
        BASE,
        "acme",
        "demo",
        base_ref="main",
        base_sha=BASE,
        host="github.com",
        ref="refs/heads/main",
    )
    assert state(JENKINS_PUSH) == expected


def test_a_tag_build_has_its_tag() -> None:
    found = state(JENKINS_PUSH | {"TAG_NAME": "v1", "BRANCH_NAME": "v1"})
    assert (found.tag, found.base_ref, found.ref) == ("v1", None, "refs/tags/v1")


def test_a_tag_beside_another_branch_is_refused() -> None:
    assert "TAG_NAME: the tag is 'v1', but BRANCH_NAME says 'main'" in refusal(JENKINS_PUSH | {"TAG_NAME": "v1"})


@pytest.mark.parametrize("branch", ["refs/tags/v1", "refs/heads/main", "origin/main", "fix/100%"])
def test_branch_name_names_a_branch_even_if_it_looks_like_a_full_ref(branch: str) -> None:
    found = state(JENKINS_PUSH | {"BRANCH_NAME": branch, "JOB_NAME": f"demo/{quote(branch, safe='')}"})
    assert (found.ref, found.base_ref, found.tag) == (f"refs/heads/{branch}", branch, None)
    assert not found.starter_chooses


@pytest.mark.parametrize(
    ("variables", "ref"),
    [
        ({"BRANCH_NAME": "", "GIT_BRANCH": "origin/main"}, "refs/heads/main"),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "refs/remotes/origin/fix/a"}, "refs/heads/fix/a"),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "origin/origin/main"}, "refs/heads/origin/main"),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "detached"}, None),
        ({"BRANCH_NAME": "", "GIT_BRANCH": "upstream/main"}, None),
        ({"BRANCH_NAME": ""}, None),
        ({"BRANCH_NAME": "", "TAG_NAME": "v1"}, "refs/tags/v1"),
        ({"BRANCH_NAME": "main", "JOB_NAME": "deploy"}, "refs/heads/main"),  # a parameter of that name
    ],
)
def test_outside_of_multibranch_jobs_who_starts_the_job_chooses(variables: dict[str, str], ref: str | None) -> None:
    found = state(JENKINS_PUSH | {"JOB_NAME": "demo"} | variables)
    assert (found.ref, found.starter_chooses) == (ref, True)


@pytest.mark.parametrize("remote", ["main", "origin/main", "refs/remotes/origin/main", "upstream/main", "detached"])
def test_what_was_checked_out_is_the_branch_of_the_job(remote: str) -> None:
    assert state(JENKINS_PUSH | {"GIT_BRANCH": remote}).ref == "refs/heads/main"


@pytest.mark.parametrize(
    "remote", ["evil", "origin/evil", "origin/evil/main", "refs/remotes/origin/evil", "refs/tags/main", "tags/main"]
)
def test_another_branch_that_was_checked_out_is_refused(remote: str) -> None:
    assert "BRANCH_NAME: the ref is 'main', but GIT_BRANCH says" in refusal(JENKINS_PUSH | {"GIT_BRANCH": remote})


def test_a_job_without_a_name_is_not_multibranch() -> None:
    assert state(JENKINS_PUSH | {"JOB_NAME": ""}).starter_chooses


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://kim:s3cret@GitHub.com/acme/demo.git", "github.com"),
        ("https://git.example:8443/acme/demo", "git.example:8443"),
        ("https://git.example:443/acme/demo", "git.example"),
        ("ssh://git@git.example:7999/acme/demo.git", "git.example"),
        ("git@ssh.github.com:acme/demo.git", "github.com"),
    ],
)
def test_the_host_is_that_of_the_url(url: str, host: str) -> None:
    assert state(JENKINS_PUSH | {"GIT_URL": url}).host == host
    assert state(JENKINS_PULL_REQUEST | {"GIT_URL": url}).host == host


def test_a_pull_request_builds_its_head() -> None:
    assert state(JENKINS_PULL_REQUEST) == GitState(
        CiSystem.JENKINS, JobType.PRESUBMIT, HEAD, "acme", "demo", 7, "main", BASE, HEAD, "fix/typo", host="github.com"
    )


@pytest.mark.parametrize("fork", ["kim", "kim/demo"])
def test_a_fork_is_one(fork: str) -> None:
    assert state(JENKINS_PULL_REQUEST | {"CHANGE_FORK": fork}).is_fork


def test_a_pipeline_that_merges_first_may_export_the_head() -> None:
    assert state(JENKINS_PULL_REQUEST | {"GIT_COMMIT": OTHER, "PULL_PULL_SHA": HEAD}).commit == HEAD


def test_the_base_comes_from_either_variable_and_is_never_guessed() -> None:
    environment = JENKINS_PULL_REQUEST | {"CHANGE_BASE_SHA": ""}
    assert state(environment | {"PULL_BASE_SHA": OTHER}).base_sha == OTHER
    assert refusal(environment).startswith("CHANGE_BASE_SHA, PULL_BASE_SHA: neither is set")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CHANGE_ID", "PR-7", "CHANGE_ID: 'PR-7' is not a pull request number"),
        ("CHANGE_TARGET", "", "CHANGE_TARGET: this variable"),
        ("GIT_COMMIT", "", "GIT_COMMIT: this variable of the Jenkins job is not set; export it"),
        ("GIT_URL", "", "GIT_URL: this variable of the Jenkins job is not set; export it"),
        ("CHANGE_BASE_SHA", "main", "CHANGE_BASE_SHA: 'main' is not a full commit"),
    ],
)
def test_a_wrong_or_missing_variable_is_named(name: str, value: str, words: str) -> None:
    assert words in refusal(JENKINS_PULL_REQUEST | {name: value})


@pytest.mark.parametrize(
    "mark",
    [
        {"CHANGE_BRANCH": "fix/typo"},
        {"BRANCH_NAME": "PR-7"},
        {"BRANCH_NAME": "MR-7-merge"},
        {"BRANCH_NAME": "", "GIT_BRANCH": "origin/pr/7/merge"},
        {"BRANCH_NAME": "", "GIT_BRANCH": "refs/remotes/origin/pr/7/merge"},
        {"BRANCH_NAME": "", "GIT_BRANCH": "refs/changes/34/1234/5"},
        {"GERRIT_CHANGE_NUMBER": "1234", "GERRIT_EVENT_TYPE": "patchset-created"},
        {"GERRIT_CHANGE_NUMBER": "1234"},
        {"ghprbPullId": "7"},
        {"GITHUB_PR_NUMBER": "7"},
        {"BITBUCKET_PULL_REQUEST_ID": "7"},
        {"pullRequestId": "7"},
        {"gitlabMergeRequestIid": "7"},
        {"BRANCH_NAME": "gh-readonly-queue/main/pr-7-1"},
    ],
)
def test_a_job_without_change_id_that_carries_a_pull_request_is_refused(mark: dict[str, str]) -> None:
    assert "not merged" in refusal(JENKINS_PUSH | mark)


def test_a_change_that_gerrit_merged_is_a_push() -> None:
    merged = {"GERRIT_CHANGE_NUMBER": "1234", "GERRIT_EVENT_TYPE": "change-merged"}
    assert state(JENKINS_PUSH | merged) == state(JENKINS_PUSH)


@pytest.mark.parametrize("branch", ["feature/PR-7", "pr-7", "PR-next", "prepare"])
def test_branches_with_a_similar_name_are_branches(branch: str) -> None:
    assert state(JENKINS_PUSH | {"BRANCH_NAME": branch}).base_ref == branch


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://github.com/acme/demo", "acme/demo"),
        ("https://github.com/acme/demo.git", "acme/demo"),
        ("https://github.com/acme/demo.git/", "acme/demo"),
        ("https://kim:s3cret@github.com/acme/demo.git", "acme/demo"),
        ("https://kim:s@cr@t@github.com:8443/acme/demo", "acme/demo"),
        ("ssh://git@github.com/acme/demo.git", "acme/demo"),
        ("ssh://git@git.example:2222/acme/demo.git", "acme/demo"),
        ("git@github.com:acme/demo.git", "acme/demo"),
        ("git.example:acme/demo", "acme/demo"),
        ("https://github.com/acme/my-git", "acme/my-git"),
        ("https://github.com/acme/x.github.io", "acme/x.github.io"),
        ("https://github.com/acme/demo.git.git", "acme/demo.git"),
        ("https://gitlab.example/acme/tools/demo.git", "acme/tools/demo"),
        ("https://[2001:db8::1]:8443/acme/demo", "acme/demo"),
    ],
)
def test_the_repository_is_read_out_of_its_url(url: str, repository: str) -> None:
    assert "/".join(repository_of(url, "GIT_URL").unwrap()) == repository


@pytest.mark.parametrize(
    "url",
    [
        "",
        "demo",
        "/srv/git/demo.git",
        "./a:b/c",
        "https://github.com/demo",
        "https://github.com/acme/tools/demo",
        "https://github.com/acme/demo?x=1",
        "https://github.com/acme/demo#x",
        "https://github.com//demo",
        "https://github.com/acme/..",
        "https://github.com/acme/demo//",
        "https:///acme/demo",
        "https://[1/acme/demo",
        "https://git.example:x/acme/demo",
        "https://git example/acme/demo",
        "file:///acme/demo",
        "javascript://x/acme/demo",
        "git@github.com:/acme/demo\n",
    ],
)
def test_another_text_is_refused_without_being_quoted(url: str) -> None:
    (problem,) = repository_of(url, "GIT_URL").failure()
    assert problem.where == "GIT_URL"
    assert not url or url not in str(problem)


def test_the_first_of_several_remotes_is_taken() -> None:
    environment = JENKINS_PUSH | {"GIT_URL": "", "GIT_URL_1": "https://github.com/acme/other"}
    assert state(environment).repository == "acme/other"


def test_a_password_in_a_url_is_never_reported() -> None:
    problem = refusal(JENKINS_PUSH | {"GIT_URL": "https://kim:hunter22@github.com/a/b/c"})
    assert "hunter22" not in problem

"""Azure Pipelines: its own variables, and those in Prow's names that win."""

import pytest
from image_builder_domain.job.detection import git_question
from image_builder_domain.job.git_state import CiSystem, GitState, JobType

from tests.jobs import AZURE_DECLARED, AZURE_PULL_REQUEST, AZURE_PUSH, BASE, HEAD, MERGE, OTHER, refusal, state

AZURE = CiSystem.AZURE_PIPELINES


@pytest.mark.parametrize(
    ("reason", "job_type"),
    [
        ("IndividualCI", JobType.POSTSUBMIT),
        ("BatchedCI", JobType.POSTSUBMIT),
        ("Schedule", JobType.SCHEDULE),
        ("Manual", JobType.WORKFLOW_DISPATCH),
        ("ResourceTrigger", JobType.WORKFLOW_DISPATCH),
        ("BuildCompletion", JobType.WORKFLOW_DISPATCH),
    ],
)
def test_each_reason_gives_its_class(reason: str, job_type: JobType) -> None:
    expected = GitState(
        AZURE,
        job_type,
        BASE,
        "acme",
        "demo",
        base_ref="main",
        base_sha=BASE,
        host="github.com",
        ref="refs/heads/main",
        starter_chooses=reason == "Manual",
    )
    assert state(AZURE_PUSH | {"BUILD_REASON": reason}) == expected


def test_a_tag_is_one_only_when_its_whole_ref_says_so() -> None:
    found = state(AZURE_PUSH | {"BUILD_SOURCEBRANCH": "refs/tags/v1/x"})
    assert (found.tag, found.base_ref, found.ref) == ("v1/x", None, "refs/tags/v1/x")


def test_a_name_that_is_not_a_whole_ref_may_be_a_branch_or_a_tag() -> None:
    found = state(AZURE_PUSH | {"BUILD_SOURCEBRANCH": "main"})
    assert (found.ref, found.claimed_refs) == (None, ("refs/heads/main", "refs/tags/main"))


@pytest.mark.parametrize(
    ("provider", "uri", "host"),
    [
        ("GitHub", "https://other.example/acme/demo", "github.com"),
        ("GitHubEnterprise", "https://git.example/acme/demo", "git.example"),
        ("GitHubEnterprise", "", None),
        ("TfsGit", "https://acme@dev.azure.com/acme/tools/_git/demo", "dev.azure.com"),
    ],
)
def test_the_host_is_the_provider_s(provider: str, uri: str, host: str | None) -> None:
    repository = {"BUILD_REPOSITORY_PROVIDER": provider, "BUILD_REPOSITORY_URI": uri, "SYSTEM_TEAMPROJECT": "tools"}
    name = "demo" if provider == "TfsGit" else "acme/demo"
    assert state(AZURE_PUSH | repository | {"BUILD_REPOSITORY_NAME": name}).host == host


def test_a_pull_request_at_github_has_its_own_number_and_the_head_of_the_change() -> None:
    expected = GitState(AZURE, JobType.PRESUBMIT, HEAD, "acme", "demo", 7, "main", BASE, HEAD, host="github.com")
    assert state(AZURE_PULL_REQUEST, BASE) == expected
    assert state(AZURE_PULL_REQUEST).base_sha is None


def test_a_pull_request_in_azure_repos_is_numbered_by_its_id() -> None:
    repos = {
        "BUILD_REPOSITORY_PROVIDER": "TfsGit",
        "SYSTEM_TEAMPROJECT": "My Project",
        "BUILD_REPOSITORY_NAME": "demo",
        "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
        "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/fix/typo",
        "SYSTEM_PULLREQUEST_ISFORK": "True",
    }
    found = state(AZURE_PULL_REQUEST | repos)
    assert (found.repository, found.pull_number) == ("My Project/demo", 123456)
    assert (found.base_ref, found.head_ref, found.is_fork) == ("main", "fix/typo", True)


@pytest.mark.parametrize(
    ("environment", "question"),
    [
        (AZURE_PULL_REQUEST, f"{MERGE}^1"),
        (AZURE_PUSH, None),
        (AZURE_DECLARED, None),
        (AZURE_PULL_REQUEST | AZURE_DECLARED | {"BUILD_REASON": "PullRequest"}, None),
        (AZURE_PULL_REQUEST | {"BUILD_SOURCEVERSION": "--evil"}, None),
    ],
)
def test_git_is_asked_for_the_base_of_a_pull_request_alone(environment: dict[str, str], question: str | None) -> None:
    assert git_question(environment) == question


@pytest.mark.parametrize("job_type", ["postsubmit", "workflow_dispatch", "schedule"])
def test_variables_in_prow_s_names_win(job_type: str) -> None:
    environment = AZURE_PUSH | {"BUILD_SOURCEVERSION": OTHER} | AZURE_DECLARED | {"JOB_TYPE": job_type}
    expected = GitState(
        AZURE, JobType(job_type), BASE, "acme", "demo", base_ref="main", base_sha=BASE, starter_chooses=True
    )
    assert state(environment) == expected


def test_a_presubmit_in_prow_s_names_builds_the_head() -> None:
    pull = {"JOB_TYPE": "presubmit", "PULL_NUMBER": "7", "PULL_PULL_SHA": HEAD, "PULL_BASE_REF": "refs/heads/main"}
    expected = GitState(AZURE, JobType.PRESUBMIT, HEAD, "acme", "demo", 7, "main", BASE, HEAD, starter_chooses=True)
    assert state(AZURE_DECLARED | pull) == expected
    assert state(AZURE_PULL_REQUEST | AZURE_DECLARED | pull | {"BUILD_REASON": "PullRequest"}) == expected


def test_a_merge_group_in_prow_s_names_builds_the_head_of_the_group() -> None:
    group = {"JOB_TYPE": "merge_group", "PULL_NUMBER": "0", "PULL_PULL_SHA": HEAD}
    found = state(AZURE_DECLARED | group)
    assert (found.job_type, found.commit, found.head_sha) == (JobType.MERGE_GROUP, HEAD, HEAD)


def test_a_short_ref_in_prow_s_names_may_be_a_branch_or_a_tag() -> None:
    found = state(AZURE_DECLARED | {"PULL_BASE_REF": "main"})
    assert (found.ref, found.claimed_refs) == (None, ("refs/heads/main", "refs/tags/main"))


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v1"])
def test_a_full_ref_in_prow_s_names_is_what_it_says(ref: str) -> None:
    found = state(AZURE_DECLARED | {"PULL_BASE_REF": ref})
    assert (found.claimed_refs, found.base_ref, found.starter_chooses) == ((ref,), ref.split("/")[2], True)


@pytest.mark.parametrize("number", ["", "0", "$(PullNumber)"])
def test_an_undefined_macro_counts_as_unset(number: str) -> None:
    assert state(AZURE_DECLARED | {"PULL_NUMBER": number}).job_type is JobType.POSTSUBMIT


@pytest.mark.parametrize("name", ["REPO_OWNER", "REPO_NAME", "JOB_TYPE"])
def test_without_one_of_the_three_the_variables_of_azure_count(name: str) -> None:
    environment = AZURE_PUSH | AZURE_DECLARED | {"BUILD_REASON": "Schedule", name: f"$({name})"}
    assert state(environment).job_type is JobType.SCHEDULE


@pytest.mark.parametrize("job_type", ["postsubmit", "workflow_dispatch", "schedule", "merge_group"])
def test_no_variable_promotes_a_pull_request(job_type: str) -> None:
    environment = AZURE_PULL_REQUEST | AZURE_DECLARED | {"BUILD_REASON": "PullRequest", "JOB_TYPE": job_type}
    assert f"JOB_TYPE: {job_type!r}, but BUILD_REASON says" in refusal(environment)


@pytest.mark.parametrize("job_type", ["batch", "periodic", "Presubmit"])
def test_other_classes_are_refused(job_type: str) -> None:
    assert f"JOB_TYPE: {job_type!r} is not a job type" in refusal(AZURE_DECLARED | {"JOB_TYPE": job_type})


def test_a_run_started_by_hand_on_a_pull_request_is_not_merged_code() -> None:
    environment = AZURE_PUSH | {"BUILD_REASON": "Manual", "BUILD_SOURCEBRANCH": "refs/pull/7/merge"}
    assert "BUILD_SOURCEBRANCH" in refusal(environment)
    assert "not merged" in refusal(environment)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BUILD_REASON", "", "BUILD_REASON: this variable of the Azure Pipelines job is not set"),
        ("BUILD_REASON", "pullRequest", "did you mean 'PullRequest'?"),
        ("BUILD_REPOSITORY_PROVIDER", "Svn", "repositories at 'Svn' are not known; export REPO_OWNER"),
        ("BUILD_REPOSITORY_NAME", "demo", "BUILD_REPOSITORY_NAME: 'demo' is not a repository"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "$(x)", "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER: this variable"),
        ("SYSTEM_PULLREQUEST_SOURCECOMMITID", "main", "SYSTEM_PULLREQUEST_SOURCECOMMITID: 'main' is not a full commit"),
        ("SYSTEM_PULLREQUEST_TARGETBRANCH", "", "SYSTEM_PULLREQUEST_TARGETBRANCH: this variable"),
    ],
)
def test_a_wrong_or_missing_variable_is_named(name: str, value: str, words: str) -> None:
    assert words in refusal(AZURE_PULL_REQUEST | {name: value})


@pytest.mark.parametrize("project", ["a/b", ".x", "x.", "a\nb", "x" * 65])
def test_names_that_azure_does_not_give_are_refused(project: str) -> None:
    repos = {"BUILD_REPOSITORY_PROVIDER": "TfsGit", "SYSTEM_TEAMPROJECT": project, "BUILD_REPOSITORY_NAME": "demo"}
    assert "SYSTEM_TEAMPROJECT, BUILD_REPOSITORY_NAME" in refusal(AZURE_PUSH | repos)

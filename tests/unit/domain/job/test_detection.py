"""The state of a job for any variables: never an exception, never more trust; and the system that runs it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.job.detection import detect, git_question, read_git_state, read_without_commit
from image_builder_domain.job.git_state import CiSystem, GitState, JobType, is_sha
from image_builder_domain.problem import problems_of
from image_builder_domain.trust.side import Side, claimed_side
from returns.result import Success

from tests.jobs import BASE, EVENTS, HEAD, MERGED, OTHER, UNMERGED, event_of, read_job, refusal, state

JOBS = {**{f"merged {name}": job for name, job in MERGED.items()}, **UNMERGED}
NAMES = sorted({name for job in JOBS.values() for name in job})
WORDS = [
    *sorted({value for job in JOBS.values() for value in job.values()}),
    "",
    "0",
    "{}",
    "[]",
    "$(X)",
    "a\x00b",
    "\n",
]
variables = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS), max_size=4)
commits = st.sampled_from([None, BASE, OTHER])
repositories = st.sampled_from([None, "", "acme", "acme/demo", "acme/tools/demo", "a b/c"])
anything: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 7, 1.5, "", "x", BASE, "refs/heads/main"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "sha", "ref", "repo", "owner", "login", "name"]), inner, max_size=3)
    ),
    max_leaves=4,
)
events = st.sampled_from(list(EVENTS.values())).flatmap(
    lambda event: st.fixed_dictionaries({}, optional={key: st.just(value) | anything for key, value in event.items()})
)


@given(st.sampled_from(list(JOBS.values())), st.sets(st.sampled_from(NAMES)), variables, commits, repositories, events)
def test_any_variables_give_a_state_or_problems(
    job: dict[str, str],
    dropped: set[str],
    extra: dict[str, str],
    commit: str | None,
    repository: str | None,
    event: dict[str, Any],
) -> None:
    environment = {name: value for name, value in job.items() if name not in dropped} | extra
    git_question(environment)
    result = read_git_state(environment, commit, repository, Success(event))
    if problems_of(result):
        assert all(problem.where and problem.what for problem in problems_of(result))
        return
    found = result.unwrap()
    assert (found.commit is None) == (found.job_type is JobType.BATCH)
    assert (found.pull_number is not None) == (found.job_type is JobType.PRESUBMIT)
    assert all(is_sha(sha) for sha in (found.commit, found.base_sha, found.head_sha) if sha is not None)


@pytest.mark.parametrize("name", UNMERGED)
def test_unmerged_code_is_never_trusted(name: str) -> None:
    found = state(UNMERGED[name])
    assert claimed_side(found.job_type) is Side.UNMERGED
    assert found.commit in (HEAD, None)


@pytest.mark.parametrize("name", MERGED)
def test_merged_code_is_trusted(name: str) -> None:
    found = state(MERGED[name])
    assert claimed_side(found.job_type) is Side.PRODUCTION
    assert (found.commit, found.base_sha, found.head_sha) == (BASE, BASE, None)


@given(st.sampled_from(sorted(UNMERGED)), st.data())
def test_no_variables_beside_those_of_unmerged_code_make_it_trusted(name: str, data: st.DataObject) -> None:
    """Any variables may be added, and one that the CI system set may be changed or taken away."""
    job = UNMERGED[name]
    others = st.sampled_from([found for found in NAMES if not job.get(found)])
    whole = data.draw(st.sampled_from([{}, *MERGED.values()]))  # what a job of another CI system would have
    added = {found: value for found, value in whole.items() if not job.get(found)}
    added |= data.draw(st.dictionaries(others, st.sampled_from(WORDS)))
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(job)), st.sampled_from(WORDS), max_size=1))
    event = data.draw(st.just(event_of(job)) | st.sampled_from(list(EVENTS.values())).map(Success))
    result = read_git_state(job | added | changed, OTHER, None, event)
    assert result.map(lambda found: claimed_side(found.job_type) is Side.UNMERGED).value_or(True)


MARKS = [
    {"PULL_NUMBER": "7"},
    {"PULL_PULL_SHA": HEAD},
    {"GITHUB_HEAD_REF": "fix"},
    {"CHANGE_ID": "7"},
    {"CHANGE_FORK": "kim"},
    {"SYSTEM_PULLREQUEST_PULLREQUESTID": "1"},
    {"CI_MERGE_REQUEST_IID": "7"},
    {"CI_EXTERNAL_PULL_REQUEST_IID": "7"},
    {"PULL_REFS": f"main:{BASE},7:{HEAD}"},
    {"JOB_SPEC": '{"type": "postsubmit", "extra_refs": [{"pulls": [{"number": 7}]}]}'},
    {"JOB_SPEC": '{"type": "postsubmit", "refs": {"pul\\u006cs": [{"number": 7}]}}'},
    {"JOB_SPEC": "{"},
    {"PULL_BASE_REF": "gh-readonly-queue/main/pr-7-1"},
    {"GITHUB_REF": "refs/pull/7/merge"},
    {"BUILD_SOURCEBRANCH": "refs/merge-requests/7/head"},
    {"JOB_TYPE": "presubmit"},
]


@pytest.mark.parametrize("mark", MARKS, ids=str)
@pytest.mark.parametrize("name", [*MERGED, "outside CI"])
def test_a_trusted_job_with_one_mark_of_unmerged_code_is_refused(name: str, mark: dict[str, str]) -> None:
    job = MERGED.get(name, {"PULL_BASE_SHA": BASE}) | mark
    result = read_job(job)
    assert problems_of(result) or claimed_side(result.unwrap().job_type) is Side.UNMERGED


def test_a_mark_outside_ci_is_reported_with_what_to_do() -> None:
    (problem,) = read_git_state({"PULL_NUMBER": "7"}, BASE, None).failure()
    assert read_without_commit({"PULL_NUMBER": "7"}, "acme/demo").failure() == (problem,)
    assert str(problem) == (
        "PULL_NUMBER: this says that the code is not merged, but no CI system is recognised; "
        "set CI=true in a CI job, or unset it"
    )


# --- the system ---------------------------------------------------------------------------------------------------

NAMES_OF_PROW = {
    name: value for name, value in MERGED["prow postsubmit"].items() if name not in ("PROW_JOB_ID", "JOB_NAME")
}


def places(environment: dict[str, str], repository: str | None = None) -> list[str]:
    return [problem.where for problem in read_job(environment, None, repository).failure()]


@pytest.mark.parametrize(
    ("environment", "system"),
    [
        ({}, CiSystem.LOCAL),
        ({"CI": "false"}, CiSystem.LOCAL),
        ({"CI": "true"}, None),
        ({"CI": "1"}, None),
        ({"CI": "True", "REPO_OWNER": "acme", "REPO_NAME": "demo", "JOB_TYPE": "postsubmit"}, CiSystem.PROW),
        ({"REPO_OWNER": "acme", "REPO_NAME": "demo", "JOB_TYPE": "postsubmit"}, CiSystem.LOCAL),
        ({"CI": "True", "GITHUB_ACTIONS": "true"}, CiSystem.GITHUB),
        (NAMES_OF_PROW, CiSystem.PROW),
        ({**NAMES_OF_PROW, "REPO_NAME": ""}, None),
        ({"PROW_JOB_ID": "1"}, CiSystem.PROW),
        ({"PROW_JOB_ID": ""}, CiSystem.LOCAL),
        ({"GITHUB_ACTIONS": "true", "PROW_JOB_ID": "1"}, CiSystem.GITHUB),
        ({"TF_BUILD": "True"}, CiSystem.AZURE_PIPELINES),
        ({"BUILD_BUILDID": "5", "GITLAB_CI": "true"}, CiSystem.AZURE_PIPELINES),
        ({"GITLAB_CI": "true", "JENKINS_URL": "x"}, CiSystem.GITLAB),
        ({"JENKINS_HOME": "x"}, CiSystem.JENKINS),
    ],
)
def test_the_first_system_that_fits_is_taken(environment: dict[str, str], system: CiSystem | None) -> None:
    assert detect(environment) is system


def test_ci_without_a_known_system_is_never_local() -> None:
    assert places({"CI": "true", "PULL_BASE_SHA": BASE}, "acme/demo") == ["CI"]
    assert places({"CI": "1", "PULL_BASE_SHA": BASE}, "acme/demo") == ["CI"]


def test_outside_ci_the_commit_is_the_working_copy_s() -> None:
    assert state({}, HEAD) == GitState(CiSystem.LOCAL, JobType.LOCAL, HEAD)
    assert state({}, HEAD, "acme/demo").repository == "acme/demo"


def test_outside_ci_the_variable_goes_before_the_working_copy() -> None:
    assert state({"PULL_BASE_SHA": BASE}, HEAD).commit == BASE


def test_outside_ci_an_unknown_commit_names_both_sources() -> None:
    problem = refusal({})
    assert "git" in problem
    assert "PULL_BASE_SHA" in problem


def test_outside_ci_every_problem_is_reported_at_once() -> None:
    assert places({"PULL_BASE_SHA": "main"}, "acme") == ["PULL_BASE_SHA", "--repo"]

"""Prow's batch and periodic jobs: neither has a commit or repository of its own in single variables."""

import json
from typing import Any

import pytest
from image_builder_domain.job.detection import git_question
from image_builder_domain.job.state import CiSystem, GitState, JobType

from tests.jobs import BASE, EXTRA, HEAD, OTHER, periodic, prow, refusal, state

BATCH = prow("batch", (7, HEAD), (9, OTHER))
PERIODIC = GitState(
    CiSystem.PROW, JobType.PERIODIC, BASE, "acme", "demo", base_ref="main", base_sha=BASE, host="github.com"
)
TOOLS = EXTRA | {"repo": "tools", "base_sha": OTHER}


def without(refs: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in refs.items() if name not in names}


def test_a_batch_has_its_pull_requests_and_no_commit_of_its_own() -> None:
    refs = f"main:{BASE},7:{HEAD},9:{OTHER}"
    assert state(BATCH) == GitState(
        CiSystem.PROW,
        JobType.BATCH,
        None,
        "acme",
        "demo",
        base_ref="main",
        base_sha=BASE,
        pull_refs=refs,
        host="github.com",
    )


@pytest.mark.parametrize(
    ("refs", "words"),
    [
        ("", "PULL_REFS: this variable of the Prow job is not set"),
        (f"main:{BASE}", "names no pull request"),
        (f"main:{BASE},7:{HEAD},9", "'' is not a full commit"),
        (f"main:{BASE},x:{HEAD}", "'x' is not a pull request number"),
        (f"main:{BASE},7:{HEAD},", "'' is not a pull request number"),
        (f"main:{OTHER},7:{HEAD},9:{OTHER}", "PULL_REFS: base is"),
    ],
)
def test_a_batch_of_unknown_pull_requests_is_refused(refs: str, words: str) -> None:
    assert words in refusal(BATCH | {"PULL_REFS": refs})


@pytest.mark.parametrize(
    "pulls", [[(7, HEAD)], [(9, OTHER), (7, HEAD)], [(7, HEAD), (9, BASE)], [(7, HEAD), (9, OTHER), (11, BASE)]]
)
def test_a_batch_that_its_job_spec_tells_otherwise_is_refused(pulls: list[tuple[int, str]]) -> None:
    assert "JOB_SPEC: refs.pulls is" in refusal(BATCH | {"JOB_SPEC": prow("batch", *pulls)["JOB_SPEC"]})


def test_a_batch_never_carries_a_single_pull_request() -> None:
    assert "PULL_NUMBER: set in a batch job" in refusal(BATCH | {"PULL_NUMBER": "7"})


@pytest.mark.parametrize("job_type", ["postsubmit", "presubmit", "periodic"])
def test_no_other_job_type_makes_a_batch_something_else(job_type: str) -> None:
    extra = {"PULL_NUMBER": "7", "PULL_PULL_SHA": HEAD} if job_type == "presubmit" else {}
    assert "JOB_SPEC" in refusal(BATCH | {"JOB_TYPE": job_type} | extra, repository="acme/demo")


@pytest.mark.parametrize(
    "extra",
    [
        (EXTRA,),
        (EXTRA, TOOLS),
        (EXTRA, TOOLS | {"auxiliary": True}),
        (TOOLS, EXTRA | {"workdir": True}),
        (TOOLS | {"auxiliary": True}, EXTRA | {"workdir": True}),
        (EXTRA | {"workdir": True}, TOOLS | {"workdir": True}),
        (TOOLS | {"workdir": False}, EXTRA | {"workdir": True}),
    ],
)
def test_a_periodic_job_builds_what_prow_starts_it_in(extra: tuple[dict[str, Any], ...]) -> None:
    assert state(periodic(*extra)) == PERIODIC
    assert state(periodic(*extra), OTHER, "acme/demo") == PERIODIC


@pytest.mark.parametrize(
    "extra",
    [
        (EXTRA | {"auxiliary": True},),
        (EXTRA | {"auxiliary": True}, TOOLS),
        (TOOLS, EXTRA | {"auxiliary": True, "workdir": True}),
    ],
)
def test_a_periodic_job_in_an_auxiliary_repository_is_refused(extra: tuple[dict[str, Any], ...]) -> None:
    problem = refusal(periodic(*extra), BASE, "acme/demo")
    assert "JOB_SPEC: extra_refs: 'acme/demo' is auxiliary, and Prow starts the job there" in problem
    assert "set workdir: true at the repository that the job builds" in problem


def test_the_flag_of_a_periodic_job_must_equal_its_extra_refs() -> None:
    assert "--repo: 'acme/other' is not the repository of this job" in refusal(periodic(EXTRA), None, "acme/other")


def test_a_periodic_job_without_a_commit_in_its_refs_takes_the_variable_then_the_working_copy() -> None:
    environment = periodic(without(EXTRA, "base_sha"))
    assert state(environment | {"PULL_BASE_SHA": BASE}, OTHER) == PERIODIC
    assert state(environment, BASE) == PERIODIC
    assert refusal(environment).startswith("PULL_BASE_SHA: the commit is unknown")


def test_a_periodic_job_without_refs_wants_the_flag() -> None:
    environment = periodic()
    expected = GitState(CiSystem.PROW, JobType.PERIODIC, BASE, "acme", "demo", base_sha=BASE)
    assert state(environment | {"PULL_BASE_SHA": BASE}, None, "acme/demo") == expected
    problems = refusal(environment)
    assert "--repo: this periodic job has no extra_refs" in problems
    assert "PULL_BASE_SHA: the commit is unknown" in problems
    assert "--repo: 'acme' is not a repository" in refusal(environment, BASE, "acme")


def test_git_is_asked_in_a_periodic_job_that_names_no_commit() -> None:
    assert git_question(periodic()) == "HEAD"
    assert git_question(periodic() | {"PULL_BASE_SHA": BASE}) is None
    assert git_question(BATCH) is None


@pytest.mark.parametrize("auxiliary", [False, True])
def test_a_periodic_job_that_checks_out_unmerged_code_is_refused(auxiliary: bool) -> None:
    pulled = EXTRA | {"auxiliary": auxiliary, "pulls": [{"number": 7, "sha": HEAD}]}
    assert "extra_refs carries pull requests" in refusal(periodic(EXTRA, pulled))


def test_a_postsubmit_that_checks_out_unmerged_code_beside_is_refused() -> None:
    environment = prow("postsubmit")
    spec = json.loads(environment["JOB_SPEC"])
    spec["extra_refs"] = [{"org": "acme", "repo": "lib", "pulls": [{"number": 1, "sha": HEAD}]}]
    assert "JOB_SPEC: this says that the code is not merged" in refusal(environment | {"JOB_SPEC": json.dumps(spec)})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("{", "this is not JSON"),
        ('{"type": "presubmit"}', "JOB_SPEC: type is 'presubmit'"),
        ('{"type": "periodic", "extra_refs": 5}', "extra_refs is not a list"),
        ('{"type": "periodic", "extra_refs": [5]}', "extra_refs is not a list"),
        ('{"type": "periodic", "extra_refs": [{"org": 5}]}', "JOB_SPEC: extra_refs: '/' is not a repository"),
        ('{"type": "periodic", "extra_refs": [{"org": "a", "repo": "b", "base_sha": 5}]}', "'5' is not a full commit"),
    ],
)
def test_a_periodic_job_with_a_broken_specification_is_refused(spec: str, words: str) -> None:
    assert words in refusal(periodic() | {"JOB_SPEC": spec}, BASE, "a/b")


def test_single_variables_of_a_periodic_job_must_not_say_otherwise() -> None:
    assert state(periodic(EXTRA) | {"REPO_OWNER": "acme", "REPO_NAME": "demo"}) == PERIODIC
    assert "REPO_NAME: REPO_NAME is 'other'" in refusal(periodic(EXTRA) | {"REPO_NAME": "other"})

"""Prow jobs: the state that their variables give, and every way in which they contradict themselves."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.job.detection import git_question, read_git_state
from image_builder_domain.job.git_state import CiSystem, GitState, JobType

from tests.jobs import BASE, EXTRA, HEAD, OTHER, periodic, prow, refusal, state

Value = TypeVar("Value")

POSTSUBMIT, PRESUBMIT = (
    {name: value for name, value in job.items() if name != "JOB_SPEC"}
    for job in (prow("postsubmit"), prow("presubmit", (7, HEAD)))
)
PULL = {"number": 7, "author": "kim", "sha": HEAD, "title": "Fix a typo"}


def job_spec(job_type: str, *pulls: object, **refs: object) -> str:
    whole: dict[str, Any] = {"org": "acme", "repo": "demo", "base_ref": "main", "base_sha": BASE} | refs
    return json.dumps({"type": job_type, "job": "build", "refs": whole | ({"pulls": list(pulls)} if pulls else {})})


def wheres(environment: dict[str, str], repository: str | None = None) -> list[str]:
    return [problem.where for problem in read_git_state(environment, None, repository).failure()]


def without(values: Mapping[str, Value], *names: str) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in names}


@given(st.sampled_from([PRESUBMIT, POSTSUBMIT]), st.sets(st.sampled_from([*PRESUBMIT, "JOB_SPEC"])))
def test_a_state_from_fewer_variables_is_the_whole_state_or_none(whole: dict[str, str], dropped: set[str]) -> None:
    environment = without(
        whole | {"JOB_SPEC": job_spec("presubmit", PULL) if whole is PRESUBMIT else job_spec("postsubmit")}, *dropped
    )
    result = read_git_state(environment, None, None)
    found = result.map(lambda state: (state.system, state.job_type, state.commit)).value_or(None)
    complete = (CiSystem.PROW, state(whole).job_type, state(whole).commit)
    local = (CiSystem.LOCAL, JobType.LOCAL, BASE)
    assert found in (None, complete, local)
    assert (found == local) <= bool(dropped & {"PROW_JOB_ID"})


def test_a_postsubmit_builds_the_pushed_commit() -> None:
    expected = GitState(CiSystem.PROW, JobType.POSTSUBMIT, BASE, "acme", "demo", base_ref="main", base_sha=BASE)
    assert state(POSTSUBMIT) == expected


def test_a_repository_of_gerrit_is_refused_with_the_command_that_names_it() -> None:
    """Prow writes the server where GitHub has an owner, in the variables and in ``JOB_SPEC``."""
    gerrit = {"REPO_OWNER": "https://gerrit.example", "REPO_NAME": "platform/build"}
    spec = job_spec("postsubmit", org=gerrit["REPO_OWNER"], repo=gerrit["REPO_NAME"])
    job = POSTSUBMIT | gerrit | {"JOB_SPEC": spec}
    problem, *_ = read_git_state(job, None, None).failure()
    assert "'https://gerrit.example' is the address of a Gerrit server" in str(problem)
    assert "env -u JOB_SPEC REPO_OWNER=OWNER REPO_NAME=NAME image-builder" in str(problem)
    named = without(job, "JOB_SPEC") | {"REPO_OWNER": "platform", "REPO_NAME": "build"}
    assert state(named).repository == "platform/build"


def test_a_presubmit_builds_the_head_of_the_pull_request() -> None:
    expected = GitState(CiSystem.PROW, JobType.PRESUBMIT, HEAD, "acme", "demo", 7, "main", BASE, HEAD, "fix/typo")
    assert state(PRESUBMIT) == expected
    assert state(without(PRESUBMIT, "PULL_HEAD_REF")).head_ref is None
    assert expected.repository == "acme/demo"


@pytest.mark.parametrize(("environment", "pulls"), [(POSTSUBMIT, []), (PRESUBMIT, [PULL])])
def test_a_job_spec_that_agrees_changes_nothing(environment: dict[str, str], pulls: list[object]) -> None:
    spec = job_spec(environment["JOB_TYPE"], *pulls)
    assert state(environment | {"JOB_SPEC": spec}) == replace(state(environment), host="github.com")


def test_the_variables_alone_are_enough() -> None:
    assert state(without(PRESUBMIT, "PULL_REFS")) == state(PRESUBMIT)


def test_a_person_who_sets_prow_s_names_elsewhere_chooses_what_is_built() -> None:
    assert state(without(PRESUBMIT, "PROW_JOB_ID")) == replace(state(PRESUBMIT), starter_chooses=True)
    assert state(without(POSTSUBMIT, "PROW_JOB_ID")) == replace(state(POSTSUBMIT), starter_chooses=True)


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/main"])
def test_a_full_ref_in_prow_s_names_is_what_it_says_outside_prow_alone(ref: str) -> None:
    environment = without(POSTSUBMIT, "PULL_REFS") | {"PULL_BASE_REF": ref}
    found = state(without(environment, "PROW_JOB_ID"))
    assert (found.ref, found.base_ref, found.claimed_refs) == (ref, "main", (ref,))
    assert state(environment).claimed_refs == (f"refs/heads/{ref}", f"refs/tags/{ref}")
    pull = without(PRESUBMIT, "PULL_REFS", "PROW_JOB_ID") | {"PULL_BASE_REF": ref}
    assert (state(pull).ref, state(pull).base_ref) == (None, "main")


def test_a_ref_whose_prefix_prow_took_away_may_be_a_branch_or_a_tag() -> None:
    assert state(POSTSUBMIT).ref is None
    assert state(POSTSUBMIT).claimed_refs == ("refs/heads/main", "refs/tags/main")
    assert state(without(POSTSUBMIT, "PULL_BASE_REF", "PULL_REFS")).claimed_refs == ()


@pytest.mark.parametrize(
    ("links", "host"),
    [
        ({}, "github.com"),
        ({"repo_link": "https://git.example/acme/demo"}, "git.example"),
        ({"clone_uri": "git@ssh.git.example:acme/demo.git"}, "ssh.git.example"),
        ({"repo_link": "https://git.example:8443/acme/demo", "clone_uri": "git@x:acme/demo"}, "git.example:8443"),
        ({"repo_link": 5, "clone_uri": "not a URL"}, "github.com"),
    ],
)
def test_the_host_is_that_of_the_repository_s_page_or_clone(links: dict[str, object], host: str) -> None:
    assert state(POSTSUBMIT | {"JOB_SPEC": job_spec("postsubmit", **links)}).host == host
    assert state(POSTSUBMIT).host is None


def test_a_sha_256_commit_is_one() -> None:
    assert state(without(POSTSUBMIT, "PULL_REFS") | {"PULL_BASE_SHA": "a" * 64}).commit == "a" * 64


@pytest.mark.parametrize("name", ["JOB_TYPE", "REPO_OWNER", "REPO_NAME", "PULL_BASE_SHA"])
@pytest.mark.parametrize("environment", [POSTSUBMIT, PRESUBMIT], ids=["postsubmit", "presubmit"])
def test_a_missing_variable_is_named(environment: dict[str, str], name: str) -> None:
    assert wheres(without(environment, name)) == [name]
    assert wheres(environment | {name: ""}) == [name]


@pytest.mark.parametrize("name", ["PULL_NUMBER", "PULL_PULL_SHA"])
def test_a_missing_variable_of_the_pull_request_is_named(name: str) -> None:
    assert wheres(without(PRESUBMIT, name)) == [name]


def test_all_missing_variables_are_named_at_once() -> None:
    bare = {"PROW_JOB_ID": "1", "JOB_TYPE": "presubmit"}
    assert sorted(wheres(bare)) == ["PULL_BASE_SHA", "PULL_NUMBER", "PULL_PULL_SHA", "REPO_NAME", "REPO_OWNER"]
    assert sorted(wheres(without(bare, "JOB_TYPE"))) == ["JOB_TYPE", "PULL_BASE_SHA", "REPO_NAME", "REPO_OWNER"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULL_BASE_SHA", "0" * 40),
        ("PULL_PULL_SHA", "0" * 64),
        ("PULL_BASE_SHA", "1" * 39),
        ("PULL_BASE_SHA", "1" * 41),
        ("PULL_PULL_SHA", "A" * 40),
        ("PULL_PULL_SHA", HEAD + "\n"),
        ("PULL_PULL_SHA", "main"),
        ("PULL_NUMBER", "0"),
        ("PULL_NUMBER", "-7"),
        ("PULL_NUMBER", "07"),
        ("PULL_NUMBER", "7\n"),
        ("PULL_NUMBER", "seven"),
        ("PULL_NUMBER", "\u0667"),
        ("JOB_TYPE", "Presubmit"),
        ("JOB_TYPE", "postsubmit "),
    ],
)
def test_a_wrong_value_is_reported_with_its_variable(name: str, value: str) -> None:
    environment = without(PRESUBMIT, "PULL_REFS") | {name: value}
    assert wheres(environment) == [name]
    assert repr(value) in refusal(environment)


@pytest.mark.parametrize(("owner", "repo"), [("ac/me", "demo"), ("acme", ".."), ("-acme", "demo"), ("acme", "a b")])
def test_names_that_no_repository_can_have_are_refused(owner: str, repo: str) -> None:
    assert wheres(POSTSUBMIT | {"REPO_OWNER": owner, "REPO_NAME": repo}) == ["REPO_OWNER, REPO_NAME"]


def test_an_unknown_job_type_is_refused_with_the_nearest() -> None:
    assert "did you mean 'presubmit'?" in refusal(PRESUBMIT | {"JOB_TYPE": "presubmitt"})


@pytest.mark.parametrize("name", ["PULL_NUMBER", "PULL_PULL_SHA"])
def test_a_postsubmit_that_carries_a_pull_request_is_refused(name: str) -> None:
    assert wheres(POSTSUBMIT | {name: PRESUBMIT[name]}) == [name]


DISAGREEING = [
    pytest.param(POSTSUBMIT, job_spec("presubmit", PULL), ["type", "refs.pulls"], id="a pull request as postsubmit"),
    pytest.param(POSTSUBMIT, job_spec("batch"), ["type"], id="type"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", org="evil"), ["refs.org"], id="owner"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", repo="other"), ["refs.repo"], id="name"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", base_sha=OTHER), ["refs.base_sha"], id="base"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", base_ref="x"), ["refs.base_ref"], id="base ref"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", PULL), ["refs.pulls"], id="pull in a postsubmit"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", "x"), ["refs.pulls"], id="malformed pull"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", pulls={"number": 7}), ["refs.pulls"], id="pulls is a mapping"),
    pytest.param(POSTSUBMIT, job_spec("postsubmit", pulls=5), ["refs.pulls"], id="pulls is a number"),
    pytest.param(PRESUBMIT, job_spec("presubmit"), ["refs.pulls"], id="no pull in a presubmit"),
    pytest.param(PRESUBMIT, job_spec("presubmit", PULL | {"number": 8}), ["refs.pulls"], id="number"),
    pytest.param(PRESUBMIT, job_spec("presubmit", PULL | {"sha": OTHER}), ["refs.pulls"], id="head"),
    pytest.param(PRESUBMIT, job_spec("presubmit", PULL, PULL), ["refs.pulls"], id="two pulls"),
    pytest.param(PRESUBMIT, '{"type": "presubmit"}', ["refs.org", "refs.repo", "refs.pulls"], id="no refs"),
    pytest.param(PRESUBMIT, "{}", ["type", "refs.org", "refs.repo", "refs.pulls"], id="empty"),
]


@pytest.mark.parametrize(("environment", "spec", "keys"), DISAGREEING)
def test_a_job_spec_that_disagrees_is_refused(environment: dict[str, str], spec: str, keys: list[str]) -> None:
    found = read_git_state(environment | {"JOB_SPEC": spec}, None, None).failure()
    assert [(problem.where, problem.what.split()[0]) for problem in found] == [("JOB_SPEC", key) for key in keys]


@pytest.mark.parametrize("spec", ["{", "[]", "null", "[" * 100_000])
def test_a_job_spec_that_cannot_be_read_is_refused(spec: str) -> None:
    assert wheres(POSTSUBMIT | {"JOB_SPEC": spec}) == ["JOB_SPEC"]


def test_a_job_spec_without_base_sha_says_nothing_of_it() -> None:
    assert state(POSTSUBMIT | {"JOB_SPEC": job_spec("postsubmit", base_sha="")}) == state(
        POSTSUBMIT | {"JOB_SPEC": job_spec("postsubmit")}
    )


@pytest.mark.parametrize(
    ("environment", "refs"),
    [
        (POSTSUBMIT, "main"),
        (PRESUBMIT, f"main,7:{HEAD}"),
        (PRESUBMIT, f"main:{BASE},7:{HEAD}:refs/pull/7/head"),
    ],
)
def test_pull_refs_may_leave_out_or_add(environment: dict[str, str], refs: str) -> None:
    assert state(environment | {"PULL_REFS": refs}) == state(environment)


@pytest.mark.parametrize(
    ("environment", "refs"),
    [
        pytest.param(POSTSUBMIT, f"main:{OTHER}", id="base"),
        pytest.param(POSTSUBMIT, f"other:{BASE}", id="base ref"),
        pytest.param(POSTSUBMIT, f"main:{BASE},7:{HEAD}", id="pull in a postsubmit"),
        pytest.param(POSTSUBMIT, f"main:{BASE},", id="trailing comma"),
        pytest.param(PRESUBMIT, f"main:{BASE}", id="no pull in a presubmit"),
        pytest.param(PRESUBMIT, f"main:{BASE},8:{HEAD}", id="number"),
        pytest.param(PRESUBMIT, f"main:{BASE},7:{OTHER}", id="head"),
        pytest.param(PRESUBMIT, f"main:{BASE},7", id="no head"),
        pytest.param(PRESUBMIT, f"main:{BASE},7:{HEAD},9:{OTHER}", id="a batch"),
    ],
)
def test_pull_refs_that_disagree_are_refused(environment: dict[str, str], refs: str) -> None:
    assert wheres(environment | {"PULL_REFS": refs}) == ["PULL_REFS"]


def test_both_disagreements_are_reported_at_once() -> None:
    environment = POSTSUBMIT | {"JOB_SPEC": job_spec("batch"), "PULL_REFS": f"main:{OTHER}"}
    assert wheres(environment) == ["JOB_SPEC", "PULL_REFS"]


def test_the_flag_must_equal_the_state() -> None:
    assert state(POSTSUBMIT, repository="acme/demo") == state(POSTSUBMIT)
    assert wheres(POSTSUBMIT, "acme/other") == ["--repo"]


# --- batch and periodic jobs, which have no commit or repository in single variables ------------------------------

BATCH = prow("batch", (7, HEAD), (9, OTHER))
PERIODIC = GitState(
    CiSystem.PROW, JobType.PERIODIC, BASE, "acme", "demo", base_ref="main", base_sha=BASE, host="github.com"
)
TOOLS = EXTRA | {"repo": "tools", "base_sha": OTHER}


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

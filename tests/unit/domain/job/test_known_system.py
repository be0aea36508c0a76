"""CI systems that cannot be read by themselves: never a person's machine, and their marks count beside Prow's names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.job.detection import detect, git_question, read_git_state
from image_builder_domain.job.git_state import CiSystem, JobType
from image_builder_domain.job.known_system import KNOWN_SYSTEMS, SHARED, marks_in, systems_in
from image_builder_domain.job.local import Place
from image_builder_domain.problem import Problems, problems_of

from tests.jobs import BASE, HEAD, MERGED, UNMERGED, as_claimed, event_of, prow

NAMES = {
    name: value for name, value in prow("postsubmit").items() if name not in ("PROW_JOB_ID", "JOB_SPEC", "JOB_NAME")
}
"""What a job of any system exports, so that the tool can be used there."""
POD = Place(in_container=False, has_terminal=False)
CONTAINER = Place(in_container=True, has_terminal=False)
ATTENDED = Place(in_container=True, has_terminal=True)

# system: a variable that is always there; the mark of a pull request; how the mark looks in a push, as documented.
SYSTEMS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "CircleCI": ({"CIRCLECI": "true"}, {"CIRCLE_PULL_REQUEST": "https://github.com/acme/demo/pull/7"}, {}),
    "Buildkite": ({"BUILDKITE": "true"}, {"BUILDKITE_PULL_REQUEST": "7"}, {"BUILDKITE_PULL_REQUEST": "false"}),
    "Bitbucket Pipelines": ({"BITBUCKET_BUILD_NUMBER": "5"}, {"BITBUCKET_PR_ID": "7"}, {}),
    "Drone": ({"DRONE": "true"}, {"DRONE_PULL_REQUEST": "7"}, {"DRONE_BUILD_EVENT": "push"}),
    "Woodpecker": ({"CI_SYSTEM_NAME": "woodpecker"}, {"CI_COMMIT_PULL_REQUEST": "7"}, {"CI_PIPELINE_EVENT": "push"}),
    "Travis CI": ({"TRAVIS": "true"}, {"TRAVIS_PULL_REQUEST": "7"}, {"TRAVIS_PULL_REQUEST": "false"}),
    "Semaphore": ({"SEMAPHORE": "true"}, {"SEMAPHORE_GIT_PR_NUMBER": "7"}, {"SEMAPHORE_GIT_REF_TYPE": "branch"}),
    "Cirrus CI": ({"CIRRUS_CI": "true"}, {"CIRRUS_PR": "7"}, {"CIRRUS_BRANCH": "main"}),
    "AWS CodeBuild": (
        {"CODEBUILD_BUILD_ID": "demo:1"},
        {"CODEBUILD_WEBHOOK_TRIGGER": "pr/7"},
        {"CODEBUILD_WEBHOOK_TRIGGER": "branch/main", "CODEBUILD_WEBHOOK_EVENT": "PUSH"},
    ),
    "TeamCity": ({"TEAMCITY_VERSION": "2025.03"}, {"BUILD_IS_PERSONAL": "true"}, {"BUILD_IS_PERSONAL": "false"}),
    "Bamboo": ({"bamboo_buildKey": "ACME-DEMO-1"}, {"bamboo_repository_pr_key": "7"}, {}),
    "GoCD": ({"GO_PIPELINE_NAME": "demo"}, {"GO_SCM_DEMO_PR_ID": "7"}, {}),
    "Google Cloud Build": ({"BUILDER_OUTPUT": "/builder/outputs"}, {"_PR_NUMBER": "7"}, {}),
    "Concourse": ({"BUILD_PIPELINE_NAME": "demo"}, {}, {}),
    "AppVeyor": ({"APPVEYOR": "True"}, {"APPVEYOR_PULL_REQUEST_NUMBER": "7"}, {}),
    "Harness": ({"HARNESS_BUILD_ID": "5"}, {"DRONE_PULL_REQUEST": "7"}, {"DRONE_BUILD_EVENT": "push"}),
    "Codefresh": ({"CF_BUILD_ID": "5"}, {"CF_PULL_REQUEST_NUMBER": "7"}, {}),
    "Codemagic": ({"CM_BUILD_ID": "5"}, {"CM_PULL_REQUEST": "true"}, {"CM_PULL_REQUEST": "false"}),
    "Screwdriver": ({"SCREWDRIVER": "true"}, {"SD_PULL_REQUEST": "7"}, {"SD_PULL_REQUEST": ""}),
    "Render": ({"RENDER": "true"}, {"IS_PULL_REQUEST": "true"}, {"IS_PULL_REQUEST": "false"}),
    "Vela": ({"VELA": "true"}, {"VELA_PULL_REQUEST": "7"}, {"VELA_BUILD_EVENT": "push"}),
    "SourceHut builds": ({"BUILD_SUBMITTER": "git.sr.ht"}, {"PATCHSET_ID": "7"}, {"BUILD_REASON": "commit"}),
}
MARKED = {name: (own, mark) for name, (own, mark, _) in SYSTEMS.items() if mark}
FOREIGN = [system for system in KNOWN_SYSTEMS if system.own is None]


def refusal(environment: dict[str, str], place: Place = Place()) -> str:  # noqa: B008 - a frozen value
    return "\n".join(map(str, read_git_state(environment, BASE, "acme/demo", place=place).failure()))


def test_every_system_of_the_table_is_tried() -> None:
    assert sorted(SYSTEMS) == sorted(system.name for system in FOREIGN)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_job_of_another_system_is_never_a_persons_machine(name: str) -> None:
    problem = refusal(SYSTEMS[name][0])
    assert f"this is a job of {name}, which Image Builder cannot read by itself; set CI=true, REPO_OWNER" in problem
    assert problem.startswith(next(iter(SYSTEMS[name][0])))


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_variable_that_a_system_always_sets_is_left_to_a_persons_machine(name: str) -> None:
    (system,) = (system for system in FOREIGN if system.name == name)
    for variable in system.variables:
        for environment in ({variable: "x"}, {variable: "false", "CI": "false"}):
            assert detect(environment) is None, variable


@pytest.mark.parametrize("name", SYSTEMS)
def test_with_prow_s_names_a_job_of_another_system_can_be_built(name: str) -> None:
    own, _, in_a_push = SYSTEMS[name]
    for ci in ({}, {"CI": ""}, {"CI": "false"}, {"CI": "woodpecker"}):
        state = read_git_state(NAMES | own | in_a_push | ci, None, None).unwrap()
        assert (state.system, state.job_type, state.commit) == (CiSystem.PROW, JobType.POSTSUBMIT, BASE)
        assert state.starter_chooses


@pytest.mark.parametrize("name", MARKED)
def test_the_mark_of_another_system_beside_prow_s_names_is_refused(name: str) -> None:
    own, mark = MARKED[name]
    problem = refusal(NAMES | own | mark)
    assert "this says that the code is not merged, but this is a postsubmit job" in problem
    assert all(variable in problem for variable in mark)


@pytest.mark.parametrize("value", ["", "0", "false", "False", "FALSE", "none", "None", "$(PullNumber)"])
@pytest.mark.parametrize("system", FOREIGN, ids=lambda system: system.name)
def test_what_systems_write_where_there_is_no_pull_request_is_not_a_mark(system: object, value: str) -> None:
    assert system in KNOWN_SYSTEMS
    names = [mark.replace("*", "X") for found in FOREIGN if found is system for mark in found.marks if "=" not in mark]
    assert marks_in(dict.fromkeys(names, value)) == []
    assert marks_in(dict.fromkeys(names, "7")) == names


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"GITHUB_RUN_ID": "5"},
            "GITHUB_RUN_ID: this variable of GitHub Actions is set, but GITHUB_ACTIONS is not true",
        ),
        ({"GITHUB_ACTIONS": "1"}, "GITHUB_ACTIONS: this variable of GitHub Actions is set, but"),
        ({"CI_PIPELINE_SOURCE": "push"}, "CI_PIPELINE_SOURCE: this variable of GitLab CI is set, but GITLAB_CI is not"),
        (
            {"BUILD_SOURCEVERSION": BASE},
            "BUILD_SOURCEVERSION: this variable of Azure Pipelines is set, but TF_BUILD is",
        ),
        ({"HUDSON_URL": "x"}, "HUDSON_URL: this variable of Jenkins is set, but JENKINS_URL is not set"),
        ({"BUILD_ID": "5"}, "BUILD_ID: CI systems set this variable"),
        ({"JOB_SPEC": "{}"}, "JOB_SPEC: CI systems set this variable"),
        ({"CI": "1"}, "CI: it is '1', but Image Builder recognises no CI system here"),
        ({"CI": "woodpecker"}, "CI: it is 'woodpecker', but"),
        ({"CI": "False"}, "CI: it is 'False', but"),
    ],
)
def test_what_tells_of_a_job_is_named(environment: dict[str, str], words: str) -> None:
    assert words in refusal(environment)
    assert "docs/other-ci-systems.md" in refusal(environment)


@pytest.mark.parametrize(
    ("environment", "place", "is_local"),
    [
        ({}, Place(), True),
        ({}, POD, True),
        ({}, ATTENDED, True),
        ({}, CONTAINER, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, POD, False),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ATTENDED, True),
        ({"CI": "false"}, CONTAINER, True),
        ({"CI": "false", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, CONTAINER, True),
        ({"CI": "false", "BUILDKITE": "true"}, CONTAINER, False),
        ({"CI": ""}, CONTAINER, False),
    ],
)
def test_a_container_without_a_terminal_is_not_a_persons_machine(
    environment: dict[str, str], place: Place, is_local: bool
) -> None:
    assert detect(environment, place) is (CiSystem.LOCAL if is_local else None)
    assert git_question(environment, place) == ("HEAD" if is_local else None)
    state = read_git_state(environment, BASE, "acme/demo", place=place)
    assert state.map(lambda found: found.job_type is JobType.LOCAL).value_or(False) is is_local


def test_a_container_without_a_terminal_is_reported_with_both_remedies() -> None:
    problem = refusal({}, CONTAINER)
    assert "this is a container or pod without a terminal, which may be a CI job; in a CI job set CI=true" in problem
    assert problem.endswith("set CI=false on your own machine")


def test_a_container_without_a_terminal_may_be_a_job_in_prow_s_names() -> None:
    names = {name: value for name, value in NAMES.items() if name != "CI"}
    assert read_git_state(names, None, None, place=CONTAINER).unwrap().starter_chooses


@pytest.mark.parametrize(
    "environment",
    [
        prow("postsubmit") | {"GITLAB_CI": "true"},
        prow("postsubmit") | {"CIRCLECI": "true"},
        prow("postsubmit") | {"JENKINS_URL": "https://ci.example"},
        NAMES | {"CIRCLECI": "true", "TRAVIS": "true"},
        MERGED["github push"] | {"PROW_JOB_ID": "6d1f"},
        MERGED["azure declared"] | {"BUILDKITE": "true"},
        MERGED["azure push"] | {"GITLAB_CI": "true"},
        MERGED["gitlab push"] | {"JENKINS_HOME": "/var/jenkins"},
    ],
)
def test_a_merged_job_with_variables_of_a_second_system_is_refused(environment: dict[str, str]) -> None:
    assert "variables of different CI systems" in "".join(map(str, _problems(environment)))


@pytest.mark.parametrize(
    "environment",
    [
        MERGED["github push"] | {"CODEBUILD_BUILD_ID": "runner:1"},  # a runner that CodeBuild lends
        NAMES | {"HARNESS_BUILD_ID": "5", "DRONE": "true", "DRONE_BUILD_EVENT": "push"},
        prow("postsubmit") | {"BUILD_NUMBER": "1", "SRC_HOST": "github.com"},
        prow("presubmit", (7, HEAD)) | {"CIRCLECI": "true"},  # unmerged code needs no second opinion
    ],
)
def test_variables_that_belong_together_are_one_system(environment: dict[str, str]) -> None:
    assert not _problems(environment)


def _problems(environment: dict[str, str]) -> Problems:
    return problems_of(read_git_state(environment, None, None, event_of(environment)))


names = st.sampled_from([name.replace("*", "X") for system in FOREIGN for name in (*system.variables, *SHARED)])
marks = st.sampled_from(
    [mark.partition("=")[0].replace("*", "X") for system in FOREIGN for mark in system.marks if "=" not in mark]
)


@given(names, st.text(min_size=1), st.sampled_from(["", "false"]), st.booleans())
def test_any_variable_of_any_system_makes_it_a_job(name: str, value: str, ci: str, has_terminal: bool) -> None:
    environment = {name: value, "CI": ci}
    assert detect(environment, Place(has_terminal=has_terminal)) is not CiSystem.LOCAL


@given(st.sampled_from(sorted(MERGED)), marks, st.text(min_size=1).filter(lambda text: not text.startswith("$(")))
def test_any_mark_of_any_system_keeps_a_merged_job_from_production(job: str, mark: str, value: str) -> None:
    is_mark = value.lower() not in ("0", "false", "none")
    problems = "".join(map(str, _problems(MERGED[job] | {mark: value})))
    assert ("this says that the code is not merged" in problems) is is_mark


@given(st.sampled_from(sorted(UNMERGED)), st.dictionaries(names, st.text(min_size=1), max_size=3))
def test_no_variable_of_another_system_makes_unmerged_code_merged(job: str, others: dict[str, str]) -> None:
    result = read_git_state(others | UNMERGED[job], None, None, event_of(UNMERGED[job]))
    assert result.map(lambda state: not as_claimed(state).is_production).value_or(True)


def test_the_table_says_each_thing_once() -> None:
    owned = [name for system in KNOWN_SYSTEMS for name in system.variables]
    assert len(owned) == len(set(owned))
    assert SHARED.isdisjoint(owned)
    assert {system.own for system in KNOWN_SYSTEMS if system.own} == set(CiSystem) - {CiSystem.LOCAL}
    for system in FOREIGN:
        assert list(systems_in({system.variables[0]: "x"})) == [system]

"""Unmerged code brings a configuration of its own only where it brings its job's definition, too."""

from dataclasses import replace

import pytest
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.trust.configuration_origin import Origin, check_origin, origin_of, workspace_of
from image_builder_domain.trust.side import Job, Listed, Side
from returns.result import Failure, Success

STATE = GitState(CiSystem.PROW, JobType.PRESUBMIT, "2" * 40, "acme", "demo", 7)
UNMERGED = Job(STATE, Side.UNMERGED, "", JobType.PRESUBMIT, warnings=("first",))


@pytest.mark.parametrize(
    ("system", "environment", "origin"),
    [
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "pull_request"}, Origin.WITH_THE_JOB),
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "push"}, Origin.WITH_THE_JOB),
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "merge_group"}, Origin.WITH_THE_JOB),
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "pull_request_target"}, Origin.ALONE),
        (CiSystem.GITHUB, {}, Origin.ALONE),
        (CiSystem.GITLAB, {}, Origin.WITH_THE_JOB),
        (CiSystem.GITLAB, {"CI_CONFIG_PATH": "ci/build.yml"}, Origin.WITH_THE_JOB),
        (CiSystem.GITLAB, {"CI_CONFIG_PATH": "ci.yml@acme/ci"}, Origin.ALONE),
        (CiSystem.GITLAB, {"CI_CONFIG_PATH": "https://ci.example/ci.yml"}, Origin.ALONE),
        (CiSystem.PROW, {"GITHUB_EVENT_NAME": "pull_request"}, Origin.ALONE),
        (CiSystem.JENKINS, {}, Origin.ALONE),
        (CiSystem.AZURE_PIPELINES, {}, Origin.ALONE),
    ],
)
def test_a_file_in_the_checkout_comes_with_the_job_or_alone(
    system: CiSystem, environment: dict[str, str], origin: Origin
) -> None:
    assert origin_of(system, environment, is_held=True) is origin
    assert origin_of(system, environment, is_held=False) is Origin.APART


def test_unmerged_code_may_bring_a_file_with_its_job_and_is_warned() -> None:
    assert check_origin(UNMERGED, "c.yaml", Origin.APART) == Success(UNMERGED)
    first, second = check_origin(UNMERGED, "c.yaml", Origin.WITH_THE_JOB).unwrap().warnings
    assert first == "first"
    assert "'c.yaml' lies in the checkout" in second
    refused = check_origin(UNMERGED, "c.yaml", Origin.ALONE)
    assert isinstance(refused, Failure)
    assert str(refused.failure()[0]).startswith("--config: 'c.yaml' lies in the checkout")
    assert "a second time" in str(refused.failure()[0])


@pytest.mark.parametrize(
    ("system", "environment", "starter_chooses", "outcome"),
    [
        (CiSystem.AZURE_PIPELINES, {}, False, "refused"),
        (CiSystem.JENKINS, {}, False, "refused"),
        (CiSystem.GITLAB, {"CI_CONFIG_PATH": "ci.yml@acme/ci"}, False, "refused"),
        (CiSystem.PROW, {}, True, "refused"),
        (CiSystem.PROW, {}, False, "silent"),  # its administrators say for which branches a postsubmit runs
        (CiSystem.GITLAB, {}, False, "warned"),
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "push"}, False, "warned"),
        (CiSystem.GITHUB, {"GITHUB_EVENT_NAME": "release"}, False, "warned"),
    ],
)
def test_a_ref_does_not_say_of_itself_that_it_is_production(
    system: CiSystem, environment: dict[str, str], starter_chooses: bool, outcome: str
) -> None:
    state = replace(STATE, system=system, job_type=JobType.POSTSUBMIT, starter_chooses=starter_chooses)
    job = Job(state, Side.PRODUCTION, "", JobType.POSTSUBMIT, Listed("", "*", "main"))
    origin = origin_of(system, environment, is_held=True)
    found = check_origin(job, "c.yaml", origin)
    judged = found.value_or(None)
    assert outcome == ("refused" if judged is None else "warned" if judged.warnings else "silent")
    reported = str(found.failure()[0]) if judged is None else "".join(judged.warnings)
    assert outcome == "silent" or "'c.yaml' lies in the checkout" in reported
    by_default = replace(job, listing=Listed("the default branch"))
    assert check_origin(by_default, "c.yaml", origin) == Success(by_default)


@pytest.mark.parametrize("origin", list(Origin))
def test_a_laptop_may_use_any_file(origin: Origin) -> None:
    job = Job(STATE, Side.LOCAL, "", JobType.LOCAL)
    assert check_origin(job, "c.yaml", origin) == Success(job)


@pytest.mark.parametrize(
    ("system", "name"),
    [
        (CiSystem.GITHUB, "GITHUB_WORKSPACE"),
        (CiSystem.AZURE_PIPELINES, "BUILD_SOURCESDIRECTORY"),
        (CiSystem.GITLAB, "CI_PROJECT_DIR"),
        (CiSystem.JENKINS, "WORKSPACE"),
    ],
)
def test_the_workspace_has_another_variable_in_each_ci_system(system: CiSystem, name: str) -> None:
    assert workspace_of(system, {name: "/ws", "OTHER": "/other"}) == "/ws"
    assert workspace_of(system, {name: ""}) is None
    assert workspace_of(CiSystem.PROW, {name: "/ws"}) is None

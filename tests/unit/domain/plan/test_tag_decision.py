"""Which tags each class of jobs gets, in which order."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from image_builder_domain.configuration.file import Configuration
from image_builder_domain.job.state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.tags import decide_tags, tag_warnings
from image_builder_domain.problem import Problems, problems_of
from image_builder_domain.tag import TagSpec
from returns.result import Result, Success

from tests.jobs import BASE, HEAD, MAIN, OTHER

PLAIN = Configuration("config.yaml", trust=MAIN)
TAGGED = replace(
    PLAIN,
    commit_tag=TagSpec("default_tag", "commit-{{ .ShortSHA }}", "c"),
    pr_tag=TagSpec("default_tag", "pull-{{ .PRNumber }}", "p"),
    merge_group_tag=TagSpec("group", "group-{{ .ShortSHA }}", "m"),
    additional_pr_tag=TagSpec("additional_tag", "more", "a"),
)
REFS = f"main:{BASE},7:{HEAD},9:{OTHER}"
BATCH = GitState(CiSystem.PROW, JobType.BATCH, None, "acme", "demo", base_sha=BASE, pull_refs=REFS)


def state(job_type: JobType) -> GitState:
    number = 7 if job_type is JobType.PRESUBMIT else None
    found = GitState(CiSystem.PROW, job_type, HEAD, "acme", "demo", number, ref="refs/heads/main")
    return BATCH if job_type is JobType.BATCH else found


def decided(state: GitState, configuration: Configuration, *tags: str) -> Result[list[str], Problems]:
    inputs = TagInputs(Asked(tags=tags), Success(configuration), Success(state), datetime(2026, 1, 2, tzinfo=UTC), {})
    return decide_tags(inputs).map(lambda found: [f"{tag.name}={tag.value}" for tag in found])


def test_variables_that_are_not_set_are_warned_of_with_their_tag() -> None:
    tagged = replace(PLAIN, commit_tag=TagSpec("t", 'v{{ .Env "A" }}{{ .Env "SET" }}{{ .Env "B" }}', "config.yaml:3:1"))
    asked = Asked(tags=('{{ or (.Env "C") "dev" }}', '{{ or (.Env "C") "dev" }}', "latest"))
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    inputs = TagInputs(asked, Success(tagged), Success(state(JobType.POSTSUBMIT)), moment, {"SET": "x", "B": ""})
    warnings = tag_warnings(inputs)
    assert [warning.partition(":")[0] for warning in warnings] == ["--tag", "config.yaml"]
    assert all("which is not set" in warning for warning in warnings)
    assert ["'C'" in warnings[0], "'A'" in warnings[1]] == [True, True]


@pytest.mark.parametrize(
    ("job_type", "plain", "tagged"),
    [
        *(
            pytest.param(found, ["default_tag=v20260102-22222222"], ["default_tag=commit-22222222"], id=found.value)
            for found in JobType
            if found not in (JobType.PRESUBMIT, JobType.MERGE_GROUP, JobType.BATCH)
        ),
        pytest.param(
            JobType.PRESUBMIT, ["default_tag=PR-7"], ["default_tag=pull-7", "additional_tag=more"], id="presubmit"
        ),
        pytest.param(
            JobType.MERGE_GROUP, ["default_tag=v20260102-22222222"], ["group=group-22222222"], id="merge_group"
        ),
    ],
)
def test_the_user_s_tags_come_first_then_those_of_the_class(
    job_type: JobType, plain: list[str], tagged: list[str]
) -> None:
    assert decided(state(job_type), PLAIN, "latest").unwrap() == ["latest=latest", *plain]
    assert decided(state(job_type), TAGGED, "latest").unwrap() == ["latest=latest", *tagged]


@pytest.mark.parametrize(
    "job_type", [JobType.POSTSUBMIT, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH, JobType.PERIODIC]
)
def test_a_push_that_is_not_production_has_the_tags_of_a_merge_group(job_type: JobType) -> None:
    pushed = replace(state(job_type), ref="refs/heads/fix")
    assert decided(pushed, TAGGED, "latest").unwrap() == ["latest=latest", "group=group-22222222"]


def test_a_merge_group_without_a_default_of_its_own_takes_that_of_commits() -> None:
    found = decided(state(JobType.MERGE_GROUP), replace(TAGGED, merge_group_tag=None))
    assert found.unwrap() == ["default_tag=commit-22222222"]


@pytest.mark.parametrize("configuration", [PLAIN, TAGGED])
def test_a_batch_is_named_by_the_pull_requests_in_it(configuration: Configuration) -> None:
    digits = sha256(REFS.encode()).hexdigest()[:12]
    assert decided(BATCH, configuration, "latest").unwrap() == ["latest=latest", f"default_tag=batch-{digits}"]
    other = replace(BATCH, pull_refs=REFS.replace("9:", "8:"))
    assert decided(other, configuration).unwrap() != [f"default_tag=batch-{digits}"]


@pytest.mark.parametrize("template", ["v{{ .ShortSHA }}", "{{.CommitSHA}}", '{{ printf "%s" .CommitSHA }}'])
def test_a_batch_never_gets_a_tag_made_of_a_commit_that_it_does_not_have(template: str) -> None:
    problems = problems_of(decided(BATCH, PLAIN, f"mine={template}"))
    assert ["a batch has none of its own" in str(problem) for problem in problems] == [True]


def test_a_batch_may_use_the_date_in_a_tag() -> None:
    assert "mine=CommitSHA-20260102" in decided(BATCH, PLAIN, "mine=CommitSHA-{{ .Date }}").unwrap()

"""Plans of remote builds and previews, and what their outcomes come to."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.trust import TrustSettings
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.plan.remote import RemoteInputs, RemotePlan, decide_remote
from image_builder_domain.problem import Problems, refuse
from image_builder_domain.remote_pipeline import (
    FinishedRun,
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    PreviewRequest,
    Run,
    RunLost,
    RunRequest,
    RunUncertain,
    Verdict,
)
from image_builder_domain.report.outcome import RemoteOutcome, remote_report
from image_builder_domain.report.report import Report
from returns.result import Result, Success

from tests.jobs import MAIN

BASE, HEAD = "1" * 40, "2" * 40
PUSH = GitState(CiSystem.PROW, JobType.POSTSUBMIT, BASE, "acme", "demo", base_sha=BASE)
PULL = replace(PUSH, job_type=JobType.PRESUBMIT, commit=HEAD, head_sha=HEAD, pull_number=7)
LOCAL = GitState(CiSystem.LOCAL, JobType.LOCAL, BASE)
SETTINGS = AdoSettings("https://dev.azure.com/acme", "images", 42, parameters="v2")
APP = Asked("app")
TIME = datetime(2026, 1, 2, tzinfo=UTC)


def planned(
    state: GitState = PUSH,
    asked: Asked = APP,
    settings: AdoSettings | None = SETTINGS,
    trust: TrustSettings | None = None,
    **more: Any,
) -> Result[RemotePlan, Problems]:
    tags = planned_inputs(settings, state, asked, trust)
    return decide_remote(RemoteInputs(tags, ".", "Dockerfile", Success("kaniko"), **more))


def planned_inputs(
    settings: AdoSettings | None, state: GitState = PUSH, asked: Asked = APP, trust: TrustSettings | None = None
) -> TagInputs:
    configuration = Configuration("config.yaml", ado=settings, trust=trust or TrustSettings())
    return TagInputs(asked, Success(configuration), Success(state), TIME, {"FROM_HERE": "x"})


def sent(plan: RemotePlan) -> dict[str, str]:
    return {each.name: each.value for each in plan.request.parameters}


def test_a_pull_request_names_its_base_and_its_head() -> None:
    found = sent(planned(PULL).unwrap())
    assert (found["PullBaseSHA"], found["PullPullSHA"], found["PullNumber"]) == (BASE, HEAD, "7")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"system": CiSystem.GITLAB, "owner": "acme/tools", "host": "gitlab.com"}, id="subgroup"),
        pytest.param(
            {"system": CiSystem.AZURE_PIPELINES, "owner": "images", "host": "dev.azure.com"}, id="azure-repos"
        ),
        pytest.param(
            {"system": CiSystem.AZURE_PIPELINES, "owner": "images", "host": "acme.visualstudio.com"}, id="legacy-host"
        ),
        pytest.param({"system": CiSystem.AZURE_PIPELINES, "owner": "my images", "host": "tfs.example"}, id="blank"),
    ],
)
def test_a_repository_that_the_pipeline_cannot_fetch_is_refused(changes: dict[str, Any]) -> None:
    (problem,) = planned(replace(PULL, **changes)).failure()
    assert problem.where == "--build-in-ado"
    assert changes["host"] in str(problem)


def test_a_repository_of_a_gitlab_group_is_not_refused() -> None:
    state = replace(PULL, system=CiSystem.GITLAB, host="gitlab.example")
    assert sent(planned(state).unwrap())["RepoOwner"] == "acme"


def test_a_pull_request_whose_base_is_unknown_is_refused() -> None:
    assert "PULL_BASE_SHA" in str(planned(replace(PULL, base_sha=None)).failure())


def test_a_pushed_tag_is_named_so_that_the_pipeline_finds_its_commit_beside_the_default_branch() -> None:
    assert sent(planned(replace(PUSH, tag="v1")).unwrap())["BaseRef"] == "refs/tags/v1"


@pytest.mark.parametrize("job_type", [JobType.POSTSUBMIT, JobType.WORKFLOW_DISPATCH, JobType.SCHEDULE])
def test_a_push_that_is_not_production_is_sent_as_a_merge_group_without_a_token(job_type: JobType) -> None:
    pushed = replace(PUSH, job_type=job_type, ref="refs/heads/fix", base_ref="fix")
    plan = planned(pushed, trust=MAIN, identity_token=True).unwrap()
    found = sent(plan)
    assert (found["JobType"], found["PullBaseSHA"], found["PullPullSHA"]) == ("merge_group", BASE, BASE)
    assert isinstance(plan.request, RunRequest)
    assert not plan.request.identity_token
    assert "is not production" in plan.job.warnings[0]
    # Parameters v1 have no word for it, and nothing else is sent in its place.
    v1 = planned(pushed, settings=replace(SETTINGS, parameters="v1"), trust=MAIN)
    assert "takes no merge_group jobs" in str(v1.failure())


def test_a_tag_that_is_not_production_is_not_sent_at_all() -> None:
    tagged = replace(PUSH, ref="refs/tags/v1", tag="v1")
    assert "write the line 'acme/demo: [main, refs/tags/v*]'" in str(planned(tagged, trust=MAIN).failure())


def test_an_argument_without_a_value_takes_it_from_here() -> None:
    assert sent(planned(asked=Asked("app", build_arguments=("FROM_HERE",))).unwrap())["BuildArgs"] == "FROM_HERE=x"


def test_of_a_repeated_argument_the_last_value_is_sent() -> None:
    assert sent(planned(asked=Asked("app", build_arguments=("A=1", "B=2", "A=3"))).unwrap())["BuildArgs"] == "A=3,B=2"


def test_a_list_of_tags_in_base64_is_sent_with_the_others() -> None:
    found = planned(asked=Asked("app", tags=("a",), tag_base64="Yg=="), settings=replace(SETTINGS, parameters="v1"))
    assert sent(found.unwrap())["Tags"] == "a=a,b=b"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(), "--name"),
        (Asked("Bad Name"), "--name"),
        (Asked("app", tags=("-x",)), "is not a tag"),
        (Asked("app", tags=("a=1", "a=2")), "two values"),
        (Asked("app", platforms=("amd64",)), "--platform"),
        (Asked("app", build_arguments=("NOT_SET",)), "NOT_SET"),
    ],
)
def test_what_is_wrong_is_refused(asked: Asked, words: str) -> None:
    assert words in " ".join(map(str, planned(asked=asked).failure()))


def test_all_problems_are_reported_together() -> None:
    found = planned(asked=Asked(tags=("-x",)), settings=None).failure()
    assert {problem.where for problem in found} == {"--name", "--tag", "config.yaml"}


def test_a_build_outside_of_ci_is_refused_and_a_preview_is_expanded_as_for_a_push() -> None:
    assert "--build-in-ado" in str(planned(LOCAL).failure())
    plan = planned(LOCAL, Asked(), definition=Success("steps: []")).unwrap()
    assert isinstance(plan.request, PreviewRequest)
    found = sent(plan)
    assert (found["JobType"], found["PullBaseSHA"], found["Name"], found["RepoOwner"]) == ("postsubmit", BASE, "", "")


def test_a_preview_without_a_definition_is_refused() -> None:
    assert "why" in str(planned(definition=refuse("--path", "why")).failure())


@pytest.mark.parametrize(("version", "expected"), [("v1", False), ("v2", True)])
def test_the_identity_token_goes_to_pipelines_that_know_it(version: str, expected: bool) -> None:
    request = planned(settings=replace(SETTINGS, parameters=version), identity_token=True).unwrap().request
    assert isinstance(request, RunRequest)
    assert request.identity_token is expected


# --- outcomes -----------------------------------------------------------------------------------------------------

RUN = Run(901, "https://dev.azure.com/run")
REPORT = Report(outcome="success", pushed=True, signed=True)


def ended(verdict: Verdict) -> RemoteOutcome:
    return RemoteOutcome(RUN, FinishedRun(RUN, verdict, "said"), report=REPORT)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_a_run_that_succeeded_is_done_even_if_its_report_says_success(verdict: Verdict) -> None:
    outcome = ended(verdict)
    done = verdict is Verdict.SUCCEEDED
    assert outcome.exit_code() == (ExitCode.DONE if done else ExitCode.REMOTE_FAILED)
    report = remote_report(planned().unwrap(), outcome).to_json()
    assert report["outcome"] == ("success" if done else "failure")
    assert (report["pushed"], report["signed"], report["result"]) == (True, True, verdict.value)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (RemoteOutcome(RUN, failure=RunLost(RUN, "why")), ExitCode.REMOTE_FAILED),
        (
            RemoteOutcome(
                RUN, failure=PipelineInterrupted(Interruption.SIGTERM), interruption=Interruption.SIGTERM, lost=("x",)
            ),
            ExitCode.SIGTERM,
        ),
        (replace(ended(Verdict.SUCCEEDED), lost=("log",)), ExitCode.FILE_NOT_WRITTEN),
        (replace(ended(Verdict.FAILED), lost=("log",)), ExitCode.REMOTE_FAILED),
        (RemoteOutcome(), ExitCode.REMOTE_FAILED),
    ],
)
def test_the_first_of_several_failures_gives_the_exit_code(outcome: RemoteOutcome, code: ExitCode) -> None:
    assert outcome.exit_code() == code


@pytest.mark.parametrize(
    ("outcome", "result"),
    [
        (RemoteOutcome(failure=PipelineRefused("where", "why", "hint")), "notStarted"),
        (RemoteOutcome(failure=PipelineUnreachable("where", "why")), "notStarted"),
        (RemoteOutcome(failure=PipelineInterrupted(Interruption.SIGINT)), "notStarted"),
        (RemoteOutcome(failure=RunUncertain("where", "why")), "unknown"),
        (RemoteOutcome(RUN, failure=RunLost(RUN, "why")), "unknown"),
        (RemoteOutcome(RUN, failure=PipelineInterrupted(Interruption.SIGINT)), "unknown"),
    ],
)
def test_the_result_of_a_run_that_never_started_is_known(outcome: RemoteOutcome, result: str) -> None:
    assert outcome.result == result


def test_the_contract_says_what_it_leaves_out_and_whether_it_has_a_token() -> None:
    inputs = RemoteInputs(
        planned_inputs(replace(SETTINGS, parameters="v3")), ".", "Dockerfile", Success("buildkit"), identity_token=True
    )
    plan = decide_remote(inputs).unwrap()
    assert any("USE_BUILDKIT" in warning for warning in plan.warnings)
    assert isinstance(plan.request, RunRequest)
    assert plan.request.identity_token


def test_a_report_without_a_run_is_complete_too() -> None:
    report = remote_report(planned().unwrap(), RemoteOutcome()).to_json()
    assert (report["run"], report["image_name"], report["images"], report["not_signed"]) == (
        None,
        "app",
        [],
        "the pipeline gave no report",
    )

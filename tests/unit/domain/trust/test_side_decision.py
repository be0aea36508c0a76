"""The side of a job: the reason, the line that would make it production, and hints for a shallow clone."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from image_builder.presenters.ci_lines import lines_of
from image_builder.presenters.console import Console
from image_builder.presenters.plan import side_as_text, warn
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.configuration.production_ref import advise
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.problem import Problems
from image_builder_domain.trust.history import History, OnBranch, history_hint
from image_builder_domain.trust.side import Job, Side, TrustFacts, claimed_side, trust_facts
from image_builder_domain.trust.side_decision import decide_job, history_questions
from returns.result import Failure, Result, Success

from tests.unit.domain.trust.plans import configured

GITHUB = GitState(
    CiSystem.GITHUB,
    JobType.POSTSUBMIT,
    "1" * 40,
    "acme",
    "demo",
    base_ref="main",
    host="github.com",
    ref="refs/heads/main",
    is_protected=False,
    default_branch="main",
)
AZURE = replace(GITHUB, system=CiSystem.AZURE_PIPELINES, default_branch=None, is_protected=None)
JENKINS = replace(AZURE, system=CiSystem.JENKINS)
PROW = replace(AZURE, system=CiSystem.PROW, ref=None)
TAG = replace(GITHUB, ref="refs/tags/v1.2.3", tag="v1.2.3", base_ref=None)
FIX = replace(GITHUB, ref="refs/heads/fix/typo", base_ref="fix/typo")


def found(refs: dict[str, list[str]] | None, **more: Any) -> Configuration:
    document = {key.replace("_", "-"): value for key, value in {"production_refs": refs, **more}.items() if value}
    return configured(document or {"reproducible": False}).unwrap()


def decided(
    state: GitState, refs: dict[str, list[str]] | None, proof: History | None = None, **more: Any
) -> Result[Job, Problems]:
    return decide_job(found(refs, **more).trust, "config.yaml", state, proof or {})


def refusal(result: Result[Job, Problems]) -> str:
    """What a refusal or a warning says."""
    if isinstance(result, Failure):
        return "; ".join(map(str, result.failure()))
    return "; ".join(result.unwrap().warnings)


@pytest.mark.parametrize(
    ("state", "refs", "line"),
    [
        (AZURE, None, "add the line 'production-refs: {acme/demo: [main]}'"),
        (TAG, None, "add the line 'production-refs: {acme/demo: [refs/tags/v*]}'"),
        (FIX, None, "add the line 'production-refs: {acme/demo: [fix/typo]}'"),
        (TAG, {"acme/demo": ["main"]}, "write the line 'acme/demo: [main, refs/tags/v*]' below production-refs"),
        (TAG, {"*": ["main"]}, "write the line 'acme/demo: [main, refs/tags/v*]' below production-refs"),
        (FIX, {"Acme/Demo": ["main"]}, "write the line 'Acme/Demo: [main, fix/typo]' below production-refs"),
        (FIX, {"acme/other": ["main"]}, "write the line 'acme/demo: [fix/typo]' below production-refs"),
        (PROW, {"acme/demo": ["main"]}, "write the line 'acme/demo: [main, refs/tags/main]' below production-refs"),
        (replace(AZURE, ref="refs/heads/a,b'c"), None, "add the line 'production-refs: {acme/demo: ['a,b''c']}'"),
        (
            replace(AZURE, ref="refs/heads/refs/tags/v1"),
            None,
            "add the line 'production-refs: {acme/demo: [refs/heads/refs/tags/v1]}'",
        ),
    ],
)
def test_the_line_to_add_makes_the_ref_production(
    state: GitState, refs: dict[str, list[str]] | None, line: str
) -> None:
    said = refusal(decided(state, refs))
    assert said.endswith(f"if this ref holds merged code, {line}")
    written = re.search(r"line '(.*)'(?: below production-refs)?$", said)
    assert written is not None
    added = yaml.safe_load(written[1])
    keys = {key: value for key, value in (refs or {}).items() if key.lower() != "acme/demo"}
    everything = keys | added.get("production-refs", added)
    # What everybody may create needs a proof besides.
    proof = dict.fromkeys(history_questions(found(everything).trust, state), OnBranch.YES)
    protected = replace(state, is_protected=True)
    assert decided(state if proof else protected, everything, proof).unwrap().side is Side.PRODUCTION


@pytest.mark.parametrize("state", [TAG, replace(TAG, ref="refs/tags/nightly", tag="nightly")])
@pytest.mark.parametrize("refs", [None, {"*": ["main"]}, {"acme/other": ["main"]}])
def test_a_tag_that_is_not_production_is_refused(state: GitState, refs: dict[str, list[str]] | None) -> None:
    assert isinstance(decided(state, refs), Failure)


def test_a_branch_that_is_not_production_counts_as_a_merge_group_with_a_warning() -> None:
    job = decided(FIX, {"acme/demo": ["fix/tipo", "main"]}).unwrap()
    assert (job.side, job.counts_as) == (Side.UNMERGED, JobType.MERGE_GROUP)
    assert "this postsubmit job is not production: 'refs/heads/fix/typo' of acme/demo" in job.warnings[0]
    assert "it counts as a merge group, whose images go to dev-registry" in job.warnings[0]
    assert trust_facts(job) == TrustFacts(
        "unmerged", job.reason, "merge_group", "refs/heads/fix/typo", None, "fix/tipo", protected=False, fork=False
    )
    text = "\n".join(side_as_text(job))
    assert all(word in text for word in ("side      unmerged", "refs/heads/fix/typo", "protected: no", "fix/tipo"))


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ({"main": OnBranch.SHALLOW}, ["main: the checkout is shallow", "set fetch-depth: 0"]),
        ({"main": OnBranch.NOT_FETCHED}, ["no remote-tracking ref", "fetch-depth: 0"]),
        ({"main": OnBranch.NO}, ["it does not lie on the branch", "unprotected-refs: true"]),
        ({}, ["cannot be read", "install git"]),
    ],
)
def test_what_a_tag_lacks_for_production_is_reported(history: History, words: list[str]) -> None:
    refs = {"acme/demo": ["main", "refs/tags/v*"]}
    assert history_questions(found(refs).trust, TAG) == ("main",)
    refused = decided(TAG, refs, history)
    assert isinstance(refused, Failure)
    assert all(word in refusal(refused) for word in (*words, "everybody may create a tag", "it is not protected"))
    assert decided(TAG, refs, {"main": OnBranch.YES}).unwrap().is_production
    assert decided(replace(TAG, is_protected=True), refs, history).unwrap().is_production
    assert decided(TAG, refs, history, unprotected_refs=True).unwrap().is_production


def test_git_is_asked_only_where_its_answer_decides() -> None:
    refs = {"acme/demo": ["main", "release/*", "refs/tags/v*"]}
    known = found(refs)
    assert history_questions(known.trust, GITHUB) == ()
    assert history_questions(known.trust, FIX) == ()
    assert history_questions(known.trust, replace(TAG, is_protected=True)) == ()
    assert history_questions(known.trust, replace(GITHUB, job_type=JobType.PRESUBMIT)) == ()
    assert history_questions(known.trust, replace(GITHUB, starter_chooses=True)) == ("main",)
    release = replace(GITHUB, ref="refs/heads/release/1", base_ref="release/1")
    assert history_questions(known.trust, release) == ("main",)
    assert history_questions(known.trust, replace(release, starter_chooses=True)) == ("release/1", "main")


def test_jenkins_needs_the_hosts_whose_repositories_count() -> None:
    refs = {"acme/demo": ["main"]}
    assert "add the line 'repository-hosts: [github.com]'" in refusal(decided(JENKINS, refs))
    assert decided(JENKINS, refs, repository_hosts="GitHub.com").unwrap().is_production
    elsewhere = replace(JENKINS, host="evil.example")
    for state in (
        elsewhere,
        replace(elsewhere, system=CiSystem.GITLAB),
        replace(elsewhere, job_type=JobType.PRESUBMIT),
    ):
        assert "not one of the repository-hosts" in refusal(decided(state, refs, repository_hosts=["github.com"]))


@pytest.mark.parametrize(
    ("state", "is_taken"),
    [
        (GITHUB, True),
        (FIX, False),
        (replace(GITHUB, job_type=JobType.PRESUBMIT), False),
        (GitState(CiSystem.LOCAL, JobType.LOCAL, "1" * 40), False),
    ],
)
def test_a_job_can_insist_on_production(state: GitState, is_taken: bool) -> None:
    result = decide_job(found({"*": ["main"]}).trust, "config.yaml", state, {}, require_production=True)
    assert isinstance(result, Success) == is_taken
    if isinstance(result, Failure):
        assert result.failure()[0].where == "--require-production"


@pytest.mark.parametrize(
    ("system", "command"),
    [
        (CiSystem.GITHUB, "::warning::"),
        (CiSystem.AZURE_PIPELINES, "##vso[task.logissue type=warning]"),
        (CiSystem.GITLAB, "warning: "),
    ],
)
def test_a_demotion_is_a_warning_where_the_ci_system_shows_it(
    system: CiSystem, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = lines_of(system)
    console = Console(Redactor(), neutralise, results_only=False, silent=False, debug=False, ci=lines)
    warn(decided(replace(FIX, system=system), {"*": ["main"]}).unwrap(), console)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"{command}this postsubmit job is not production")


@pytest.mark.parametrize(
    ("refs", "state", "words"),
    [
        ({"git.example/acme/demo": ["main"]}, GITHUB, ["the key is for git.example", "lies on github.com"]),
        ({"*": ["master"]}, GITHUB, ["'master' is listed, and the default branch is 'main'"]),
        ({"*": ["main"]}, replace(GITHUB, default_branch="master"), ["the default branch is 'master'"]),
        ({"*": ["refs/heads/*"]}, GITHUB, ["'refs/heads/*' lists branches that anybody may push"]),
        ({"*": ["main", "release"]}, GITHUB, ["lists none below it", "release/*"]),
        ({"*": ["main", "v*"]}, GITHUB, ["'v*' lists branches, not tags", "refs/tags/v*"]),
        ({"github.com/acme/demo": ["main", "release/*", "refs/tags/v*"], "*": ["main"]}, GITHUB, []),
        ({"*": ["master", "main"]}, GITHUB, []),
        (None, GITHUB, []),
    ],
)
def test_entries_that_are_seldom_meant_are_reported(
    refs: dict[str, list[str]] | None, state: GitState, words: list[str]
) -> None:
    advice = [str(one) for one in advise(found(refs).trust.production_refs, state)]
    assert len(advice) == bool(words)
    assert all(word in advice[0] for word in words)


# --- the side that a class can claim ------------------------------------------------------------------------------

CLAIMS = {
    JobType.POSTSUBMIT: Side.PRODUCTION,
    JobType.SCHEDULE: Side.PRODUCTION,
    JobType.WORKFLOW_DISPATCH: Side.PRODUCTION,
    JobType.PERIODIC: Side.PRODUCTION,
    JobType.PRESUBMIT: Side.UNMERGED,
    JobType.MERGE_GROUP: Side.UNMERGED,
    JobType.BATCH: Side.UNMERGED,
    JobType.LOCAL: Side.LOCAL,
}


@pytest.mark.parametrize("job_type", JobType)
def test_each_class_of_jobs_has_its_row(job_type: JobType) -> None:
    assert claimed_side(job_type) is CLAIMS[job_type]


def test_a_class_of_jobs_without_a_row_is_trusted_with_nothing() -> None:
    is_proposal: Any = JobType.is_proposal
    with pytest.raises(AssertionError, match="'deployment'"):
        is_proposal.fget("deployment")


# --- what a history lacks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "depth"),
    [
        (CiSystem.GITHUB, "fetch-depth: 0"),
        (CiSystem.GITLAB, "GIT_DEPTH to 0"),
        (CiSystem.AZURE_PIPELINES, "fetchDepth: 0"),
        (CiSystem.JENKINS, "shallow clone"),
        (CiSystem.PROW, "clone_depth"),
        (CiSystem.LOCAL, "whole history"),
    ],
)
def test_the_hint_for_a_shallow_clone_names_the_setting_of_its_ci_system(system: CiSystem, depth: str) -> None:
    assert depth in history_hint(OnBranch.SHALLOW, system)
    assert depth in history_hint(OnBranch.NOT_FETCHED, system)


def test_a_missing_git_program_has_a_hint_and_a_known_answer_has_none() -> None:
    assert "install git" in history_hint(OnBranch.UNREADABLE, CiSystem.PROW)
    assert history_hint(OnBranch.YES, CiSystem.PROW) == history_hint(OnBranch.NO, CiSystem.PROW) == ""

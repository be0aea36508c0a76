"""What is checked out is what the job claims, or the run is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.configuration.trust import CheckoutRules
from image_builder_domain.job.detection import read_git_state
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.problem import Problem
from image_builder_domain.trust.checkout import (
    Changes,
    Checkout,
    CheckoutFacts,
    Claim,
    FoundCheckout,
    NoCheckout,
    Proof,
    Superproject,
    UnreadableCheckout,
    check_checkout,
    checkout_warnings,
    claim_of,
    git_warnings,
)
from image_builder_domain.trust.side import Job, Side
from returns.methods import unwrap_or_failure
from returns.result import Success

from tests import jobs
from tests.jobs import BASE, HEAD, MERGE, OTHER

NO_RULES = CheckoutRules()
STATE = GitState(CiSystem.PROW, JobType.POSTSUBMIT, BASE, "acme", "demo")
PRODUCTION = Job(STATE, Side.PRODUCTION, "", JobType.POSTSUBMIT)
UNMERGED = Job(STATE, Side.UNMERGED, "", JobType.PRESUBMIT)
LOCAL = Job(replace(STATE, system=CiSystem.LOCAL), Side.LOCAL, "", JobType.LOCAL)
PUSH, PULL = Claim((BASE,), (BASE,)), Claim((HEAD,), (HEAD,))
NONE, UNREADABLE = NoCheckout(("/src",)), UnreadableCheckout("/src/.git", "Permission denied")


def at(head: str, *parents: str, **more: object) -> Checkout:
    found = Checkout("/src", head, frozenset(parents), modified=())
    return replace(found, **more)  # type: ignore[arg-type]  # fields by name


def outcome(job: Job, claim: Claim, found: FoundCheckout, rules: CheckoutRules = NO_RULES) -> str:
    """``proven``, ``said`` (that it was not compared) or the problem."""
    result = unwrap_or_failure(check_checkout(job, claim, found, rules))
    if isinstance(result, Proof):
        return "proven" if result.is_checked else "said"
    (problem,) = result
    return str(problem)


@pytest.mark.parametrize(
    ("job", "claim", "found", "expected"),
    [
        pytest.param(PRODUCTION, PUSH, at(BASE), "proven", id="production at the commit"),
        pytest.param(PRODUCTION, PUSH, at(OTHER), "HEAD is 444", id="production at another commit"),
        pytest.param(PRODUCTION, PUSH, at(MERGE, BASE), "HEAD is 333", id="production at a merge of the commit"),
        pytest.param(PRODUCTION, PUSH, UNREADABLE, "Permission denied", id="production, unreadable"),
        pytest.param(PRODUCTION, PUSH, NONE, "checkout-check: {none: true}", id="production, no .git"),
        pytest.param(UNMERGED, PULL, at(HEAD), "proven", id="unmerged at the head"),
        pytest.param(UNMERGED, PULL, at(MERGE, BASE, HEAD), "proven", id="unmerged at a merge"),
        pytest.param(UNMERGED, PULL, at(OTHER, BASE), "HEAD is 444", id="unmerged at another commit"),
        pytest.param(UNMERGED, PULL, at(BASE), "HEAD is 111", id="unmerged at the base"),
        pytest.param(UNMERGED, PULL, replace(at(MERGE), parents=None), "said", id="unmerged, packed merge, no git"),
        pytest.param(UNMERGED, PULL, UNREADABLE, "Permission denied", id="unmerged, unreadable"),
        pytest.param(UNMERGED, PULL, NONE, "said", id="unmerged, no .git"),
        pytest.param(UNMERGED, Claim((HEAD, MERGE), (HEAD,)), at(MERGE), "proven", id="squash train of GitLab"),
        pytest.param(UNMERGED, Claim((HEAD,)), at(MERGE, HEAD), "HEAD is 333", id="merge group at a merge"),
        pytest.param(UNMERGED, Claim((HEAD,)), replace(at(MERGE), parents=None), "HEAD is 333", id="group, no git"),
        pytest.param(UNMERGED, Claim((), (HEAD, OTHER)), at(MERGE, HEAD, OTHER, BASE), "proven", id="batch"),
        pytest.param(UNMERGED, Claim((), (HEAD, OTHER)), at(MERGE, HEAD, BASE), "HEAD is 333", id="part of a batch"),
        pytest.param(UNMERGED, Claim(), at(MERGE, HEAD), "HEAD is 333", id="no claim at all"),
        pytest.param(LOCAL, Claim(), NONE, "said", id="local"),
    ],
)
def test_a_checkout_is(job: Job, claim: Claim, found: FoundCheckout, expected: str) -> None:
    assert expected in outcome(job, claim, found)


@given(st.sampled_from((BASE, HEAD, MERGE, OTHER)), st.frozensets(st.sampled_from((BASE, HEAD, MERGE, OTHER))))
def test_production_is_proven_at_the_claimed_commit_alone(head: str, parents: frozenset[str]) -> None:
    assert (outcome(PRODUCTION, PUSH, at(head, *parents)) == "proven") is (head == BASE)


def test_a_production_job_without_git_needs_the_administrators_word() -> None:
    assert outcome(PRODUCTION, PUSH, NONE, CheckoutRules(none=True)) == "said"
    assert "HEAD is" in outcome(PRODUCTION, PUSH, at(OTHER), CheckoutRules(none=True))
    assert "Permission denied" in outcome(PRODUCTION, PUSH, UNREADABLE, CheckoutRules(none=True))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (Changes(("CHANGELOG.md",)), "proven"),
        (Changes(), "proven"),
        (Changes(is_same=True), "proven"),
        (Changes(("CHANGELOG.md", "app")), "HEAD descends from it, but changes 'app'"),
        (Changes(("docs/CHANGELOG.md",)), "'docs/CHANGELOG.md'"),
        (Changes((), "HEAD does not descend from that commit"), "does not descend"),
    ],
)
@pytest.mark.parametrize("job", [PRODUCTION, UNMERGED])
def test_head_may_change_only_files_that_are_listed(job: Job, changes: Changes, expected: str) -> None:
    rules = CheckoutRules(("CHANGELOG.md",))
    assert expected in outcome(job, PUSH, at(OTHER, MERGE, changes={BASE: changes}), rules)


def test_without_listed_files_no_other_commit_is_production_not_even_an_empty_one() -> None:
    found = at(OTHER, MERGE, changes={BASE: Changes()})
    assert "changes nothing, but is another commit" in outcome(PRODUCTION, PUSH, found)
    assert outcome(PRODUCTION, PUSH, at(OTHER, changes={BASE: Changes(is_same=True)})) == "proven"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        pytest.param(Superproject(at(BASE), OTHER), "proven", id="as recorded"),
        pytest.param(Superproject(at(BASE), MERGE), "records the commit 333", id="moved"),
        pytest.param(Superproject(at(HEAD), OTHER), "around it is 222", id="other superproject"),
        pytest.param(Superproject(at(BASE), "", "it is not recorded"), "it is not recorded", id="not recorded"),
        pytest.param(Superproject(UNREADABLE), "around it cannot be read", id="unreadable superproject"),
    ],
)
def test_a_submodule_stands_for_its_superproject_at_its_recorded_commit(above: Superproject, expected: str) -> None:
    found = at(OTHER, superproject=above)
    assert expected in outcome(PRODUCTION, PUSH, found)
    nested = at(HEAD, superproject=Superproject(found, HEAD))
    assert (outcome(PRODUCTION, PUSH, nested) == "proven") is (expected == "proven")
    assert outcome(PRODUCTION, PUSH, at(BASE, superproject=above)) == "proven"  # the submodule itself is claimed


def test_a_proof_says_what_was_not_compared() -> None:
    found = at(BASE, modified=None, holds_context=False)
    text = check_checkout(PRODUCTION, PUSH, found, NO_RULES).unwrap().text
    assert "the build context lies outside of it" in text
    assert "tracked files were not compared" in text


# --- claims -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "claim"),
    [
        ("prow postsubmit", Claim((BASE,), (BASE,))),
        ("github push", Claim((BASE,), (BASE,))),
        ("prow presubmit", Claim((HEAD,), (HEAD,))),
        ("prow batch", Claim((), (HEAD, OTHER))),
        ("github pull request", Claim((HEAD,), (HEAD,))),
        ("github merge group", Claim((HEAD,))),
        ("azure pull request", Claim((HEAD,), (HEAD,))),
        ("azure declared merge group", Claim((HEAD,))),
        ("jenkins pull request", Claim((HEAD,), (HEAD,))),
    ],
)
def test_the_claim_of_a_job_is_what_its_ci_system_checks_out(name: str, claim: Claim) -> None:
    environment = (jobs.MERGED | jobs.UNMERGED)[name]
    event = jobs.EVENTS.get(environment.get("GITHUB_EVENT_NAME", ""), {})
    state = read_git_state(environment, BASE, None, Success(event)).unwrap()
    assert claim_of(state, environment) == claim


def test_the_claim_of_a_gitlab_job_includes_the_merge_that_gitlab_made() -> None:
    environment = jobs.GITLAB_MERGE_REQUEST | {
        "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train",
        "CI_COMMIT_SHA": MERGE,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": BASE,
    }
    state = read_git_state(environment, None, None).unwrap()
    assert claim_of(state, environment) == Claim((HEAD, MERGE), (HEAD,))
    prow = replace(state, system=CiSystem.PROW)
    assert MERGE not in claim_of(prow, environment).commits


def test_nothing_is_claimed_outside_ci() -> None:
    assert claim_of(replace(STATE, job_type=JobType.LOCAL), {}) == Claim()


# --- warnings -----------------------------------------------------------------------------------------------------


def test_files_that_differ_from_head_are_listed_as_far_as_they_fit() -> None:
    assert checkout_warnings(CheckoutFacts(at(BASE))) == checkout_warnings(CheckoutFacts(NONE)) == ()
    (one,) = checkout_warnings(CheckoutFacts(at(BASE, modified=("app",))))
    assert one.startswith("1 tracked file differs from HEAD")
    assert "'app'" in one
    (many,) = checkout_warnings(CheckoutFacts(at(BASE, modified=tuple(f"file{n}" for n in range(1000)))))
    assert many.startswith("at least 1000 tracked files differ")
    assert many.endswith("'file9' and 990 more")


def test_git_in_the_build_context_is_reported_and_no_credential_is() -> None:
    assert git_warnings(CheckoutFacts(NONE, credentials=("s3cret",))) == ()
    (plain,) = git_warnings(CheckoutFacts(NONE, copies_git=True))
    facts = CheckoutFacts(NONE, copies_git=True, credentials=("s3cret",))
    (serious,) = git_warnings(facts)
    assert "credential" in serious
    assert "credential" not in plain
    assert "s3cret" not in serious + repr(facts)


def test_a_problem_names_the_folder() -> None:
    (problem,) = check_checkout(PRODUCTION, PUSH, at(OTHER), NO_RULES).failure()
    assert isinstance(problem, Problem)
    assert problem.where == "/src"
    assert BASE in problem.what
    assert OTHER in problem.what

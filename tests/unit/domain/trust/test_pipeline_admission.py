"""Which runs of the pipeline may build: what a token and the variable group must say, each condition on its own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from image_builder_adapters.yaml_reader import parse_document
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problems
from image_builder_domain.trust.pipeline_admission import (
    JOB_TYPES,
    AdmissionRules,
    AdmittedRun,
    ClaimedRun,
    admit,
    read_claims,
    read_rules,
)
from returns.result import Result, Success

NOW = 1_800_000_000.0
ISSUER = "https://token.actions.githubusercontent.com"
BASE, HEAD, OTHER = "1" * 40, "2" * 40, "3" * 40
GROUP = {"PRODUCTION_REFS": "{acme/demo: [main, release/*, refs/tags/v*], acme/tools: [main]}"}
PUSH = {
    "REPO_OWNER": "acme",
    "REPO_NAME": "demo",
    "JOB_TYPE": "postsubmit",
    "PULL_BASE_REF": "main",
    "PULL_BASE_SHA": BASE,
}
PULL = PUSH | {"JOB_TYPE": "presubmit", "PULL_NUMBER": "7", "PULL_PULL_SHA": HEAD}
GROUPED = PUSH | {"JOB_TYPE": "merge_group", "PULL_NUMBER": "0", "PULL_PULL_SHA": HEAD}
TOKEN: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "image-builder",
    "exp": NOW + 300,
    "nbf": NOW - 10,
    "iat": NOW - 5,
    "repository": "acme/demo",
    "ref": "refs/heads/main",
    "sha": BASE,
    "event_name": "push",
    "ref_protected": "false",
    "base_ref": "",
}
PULL_TOKEN = TOKEN | {"event_name": "pull_request", "ref": "refs/pull/7/merge", "sha": OTHER, "base_ref": "main"}
QUEUE_TOKEN = TOKEN | {"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-7-abc", "sha": HEAD}


def claims(environment: Mapping[str, str]) -> ClaimedRun:
    return read_claims(environment).unwrap()


def rules(**variables: str) -> AdmissionRules:
    group = GROUP | variables
    return read_rules(group, parse_document(group["PRODUCTION_REFS"], "PRODUCTION_REFS")).unwrap()


def asked(
    environment: Mapping[str, str], token: Mapping[str, Any] | None, now: float = NOW, **variables: str
) -> Result[AdmittedRun, Problems]:
    return admit(claims(environment), rules(**variables), token, now)


def refusal(environment: Mapping[str, str], token: Mapping[str, Any] | None, now: float = NOW, **variables: str) -> str:
    return "\n".join(map(str, asked(environment, token, now, **variables).failure()))


def test_a_push_with_a_token_is_admitted_with_the_facts_of_the_token() -> None:
    assert asked(PUSH, TOKEN).unwrap().variables() == {
        "REPO_OWNER": "acme",
        "REPO_NAME": "demo",
        "JOB_TYPE": "postsubmit",
        "PULL_BASE_REF": "refs/heads/main",
        "PULL_BASE_SHA": BASE,
        "PULL_PULL_SHA": "",
        "PULL_NUMBER": "",
        "COMMIT": BASE,
    }


@pytest.mark.parametrize(
    ("base_ref", "ref"),
    [
        ("", "refs/heads/main"),
        ("main", "refs/heads/main"),
        ("refs/heads/main", "refs/heads/main"),
        ("release/1", "refs/heads/release/1"),
        ("refs/tags/v1", "refs/tags/v1"),
        ("v1", "refs/tags/v1"),
    ],
)
def test_the_ref_is_the_one_of_the_token_however_the_run_writes_it(base_ref: str, ref: str) -> None:
    admitted = asked(PUSH | {"PULL_BASE_REF": base_ref}, TOKEN | {"ref": ref, "ref_protected": "true"}).unwrap()
    assert admitted.ref == admitted.variables()["PULL_BASE_REF"] == ref


@pytest.mark.parametrize(
    ("environment", "token"),
    [
        (PUSH | {"JOB_TYPE": "workflow_dispatch"}, TOKEN | {"event_name": "workflow_dispatch"}),
        (PUSH | {"JOB_TYPE": "workflow_dispatch"}, TOKEN | {"event_name": "repository_dispatch"}),
        (PUSH | {"JOB_TYPE": "schedule"}, TOKEN | {"event_name": "schedule"}),
        (PUSH, TOKEN | {"event_name": "release", "ref": "refs/heads/main"}),
        (PUSH, {name: value for name, value in TOKEN.items() if name != "nbf"}),
        (PUSH, TOKEN | {"exp": NOW - 59}),
        (PUSH, TOKEN | {"iat": NOW + 59, "nbf": NOW + 59}),
        (PULL, PULL_TOKEN),
        (PULL, PULL_TOKEN | {"event_name": "pull_request_target", "ref": "refs/heads/trunk"}),
        (PULL | {"PULL_BASE_REF": "feature"}, PULL_TOKEN | {"base_ref": "feature"}),
        (PULL | {"PULL_BASE_REF": ""}, PULL_TOKEN),
        (GROUPED, QUEUE_TOKEN),
        (GROUPED | {"PULL_BASE_REF": ""}, QUEUE_TOKEN),
    ],
)
def test_a_token_that_fits_admits(environment: Mapping[str, str], token: Mapping[str, Any]) -> None:
    admitted = asked(environment, token).unwrap()
    assert admitted.variables()["COMMIT"] == environment.get("PULL_PULL_SHA", BASE)
    assert (admitted.ref is None) == (environment["JOB_TYPE"] in ("presubmit", "merge_group"))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "issuer": ({"iss": "https://evil.example"}, "the claim iss is 'https://evil.example'"),
    "issuer-with-slash": ({"iss": ISSUER + "/"}, "the claim iss"),
    "audience": ({"aud": "sigstore"}, "the claim aud is 'sigstore'"),
    "audiences": ({"aud": ["image-builder", "sigstore"]}, "the claim aud is a list"),
    "fork": ({"repository": "mallory/demo"}, "the claim repository is 'mallory/demo', not 'acme/demo'"),
    "another-repository": ({"repository": "acme/tools"}, "the claim repository"),
    "spelling": ({"repository": "Acme/Demo"}, "the claim repository"),
    "commit": ({"sha": OTHER}, "the claim sha"),
    "branch": ({"ref": "refs/heads/fix"}, "'refs/heads/fix' of acme/demo is not a production ref"),
    "branch-that-is-not-asked-for": ({"ref": "refs/heads/release/1", "ref_protected": "true"}, "not BaseRef, 'main'"),
    "tag-of-that-name": ({"ref": "refs/tags/main"}, "not a production ref"),
    "branch-named-like-a-ref": ({"ref": "refs/heads/refs/heads/main"}, "the claim ref"),
    "macro": ({"ref": "refs/heads/$(SOURCE_TOKEN)"}, "the claim ref"),
    "pull-request": ({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, "the claim event_name"),
    "pull-request-target": ({"event_name": "pull_request_target"}, "the claim event_name is 'pull_request_target'"),
    "workflow-run": ({"event_name": "workflow_run"}, "the claim event_name"),
    "queue": ({"event_name": "merge_group"}, "the claim event_name"),
    "another-class": ({"event_name": "schedule"}, "not push or release or create for a postsubmit"),
    "expired": ({"exp": NOW - 60}, "the token expired 60 s ago"),
    "future": ({"nbf": NOW + 61}, "the token becomes valid in 61 s"),
    "issued-in-the-future": ({"iat": NOW + 61}, "becomes valid in"),
    "no-end": ({"exp": None}, "exp, iat or nbf is missing"),
    "end-as-text": ({"exp": str(NOW + 300)}, "exp, iat or nbf is missing"),
    "end-as-truth": ({"exp": True}, "exp, iat or nbf is missing"),
    "endless": ({"exp": 10**400}, "exp, iat or nbf is missing"),
    "no-start": ({"iat": None}, "exp, iat or nbf is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_differs_in_one_claim_is_refused(name: str) -> None:
    changed, says = WRONG[name]
    assert says in refusal(PUSH, TOKEN | changed)


@pytest.mark.parametrize("name", ["iss", "aud", "repository", "sha", "ref", "event_name", "exp", "iat"])
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    without = {key: value for key, value in TOKEN.items() if key != name}
    assert name in refusal(PUSH, without)


@pytest.mark.parametrize(
    ("environment", "token", "says"),
    [
        pytest.param(PULL, TOKEN, "the claim event_name", id="token-of-a-push"),
        pytest.param(PULL, PULL_TOKEN | {"ref": "refs/pull/8/merge"}, "not 'refs/pull/7/merge'", id="other-pull"),
        pytest.param(PULL, PULL_TOKEN | {"base_ref": "release/1"}, "the claim base_ref", id="other-base"),
        pytest.param(PULL, PULL_TOKEN | {"repository": "mallory/demo"}, "the claim repository", id="fork"),
        pytest.param(PULL, PULL_TOKEN | {"exp": NOW - 999}, "the token expired", id="expired"),
        pytest.param(GROUPED, QUEUE_TOKEN | {"sha": OTHER}, "the claim sha", id="other-head"),
        pytest.param(GROUPED, QUEUE_TOKEN | {"ref": "refs/heads/main"}, "the claim ref", id="no-queue"),
        pytest.param(
            GROUPED,
            QUEUE_TOKEN | {"ref": "refs/heads/gh-readonly-queue/maintenance/pr-1"},
            "claim ref",
            id="other-queue",
        ),
    ],
)
def test_a_token_of_other_unmerged_code_is_refused_even_where_none_is_needed(
    environment: Mapping[str, str], token: Mapping[str, Any], says: str
) -> None:
    assert says in refusal(environment, token, UNMERGED_WITHOUT_AUTHORIZATION="true")


@pytest.mark.parametrize("ref", ["refs/heads/release/1", "refs/tags/v1"])
def test_a_ref_that_everybody_can_make_must_be_protected(ref: str) -> None:
    environment = PUSH | {"PULL_BASE_REF": ""}
    assert "is not protected" in refusal(environment, TOKEN | {"ref": ref})
    assert "is not protected" in refusal(environment, TOKEN | {"ref": ref, "ref_protected": True})
    assert isinstance(asked(environment, TOKEN | {"ref": ref, "ref_protected": "true"}), Success)
    assert isinstance(asked(environment, TOKEN | {"ref": ref}, UNPROTECTED_REFS="true"), Success)


def test_a_tag_that_is_listed_by_name_must_be_protected_too() -> None:
    token = TOKEN | {"ref": "refs/tags/v1"}
    assert "is not protected" in refusal(
        PUSH | {"PULL_BASE_REF": ""}, token, PRODUCTION_REFS="{acme/demo: [refs/tags/v1]}"
    )


@pytest.mark.parametrize("job_type", ["postsubmit", "workflow_dispatch", "schedule"])
@pytest.mark.parametrize("allowed", ["true", "false"])
def test_a_push_without_a_token_is_never_admitted(job_type: str, allowed: str) -> None:
    said = refusal(PUSH | {"JOB_TYPE": job_type}, None, UNMERGED_WITHOUT_AUTHORIZATION=allowed)
    assert f"Authorization: is missing, and a {job_type} of acme/demo needs an identity token" in said


@pytest.mark.parametrize("environment", [PULL, GROUPED])
def test_unmerged_code_without_a_token_is_admitted_only_if_the_group_says_so(environment: dict[str, str]) -> None:
    assert "UNMERGED_WITHOUT_AUTHORIZATION" in refusal(environment, None)
    admitted = asked(environment, None, UNMERGED_WITHOUT_AUTHORIZATION="True").unwrap()
    assert (admitted.ref, admitted.claimed.commit) == (None, HEAD)


@pytest.mark.parametrize(("environment", "token"), [(PUSH, TOKEN), (PULL, PULL_TOKEN), (PULL, None), (GROUPED, None)])
def test_a_repository_that_is_not_listed_is_refused(
    environment: dict[str, str], token: Mapping[str, Any] | None
) -> None:
    fork = environment | {"REPO_OWNER": "mallory"}
    own = token and {**token, "repository": "mallory/demo"}
    said = refusal(fork, own, UNMERGED_WITHOUT_AUTHORIZATION="true")
    assert "RepoOwner, RepoName: PRODUCTION_REFS does not allow 'mallory/demo'" in said
    assert "administrators allow it with {mallory/demo: [BRANCH]}" in said


def test_everything_that_is_wrong_is_reported_at_once() -> None:
    token = {"iss": "x", "ref": "refs/heads/main"}
    assert len(asked(PUSH, token).failure()) == 6


def test_the_value_of_a_claim_is_cut() -> None:
    assert len(refusal(PUSH, TOKEN | {"sha": "x" * 5000})) < 400


# --- nothing that misses a condition ------------------------------------------------------------------------------

SOME_REFS = ["main", "release/1", "v1", "refs/tags/v1", "refs/heads/release/1", "refs/heads/fix", "refs/pull/7/merge"]
RUN_VALUES: dict[str, list[Any]] = {
    "REPO_OWNER": ["mallory"],
    "REPO_NAME": ["tools"],
    "JOB_TYPE": [job_type.value for job_type in JOB_TYPES],
    "PULL_BASE_REF": ["", "fix", *SOME_REFS],
    "PULL_BASE_SHA": [HEAD],
    "PULL_PULL_SHA": [HEAD],
    "PULL_NUMBER": ["0", "7"],
}
TOKEN_VALUES: dict[str, list[Any]] = {
    "iss": ["https://evil.example", None],
    "aud": ["other", ["image-builder"]],
    "exp": [NOW - 300, "soon"],
    "iat": [NOW + 300, None],
    "nbf": [NOW, NOW + 300],
    "repository": ["mallory/demo", "acme/tools"],
    "ref": SOME_REFS,
    "sha": [HEAD, OTHER],
    "event_name": ["release", "pull_request", "pull_request_target", "merge_group", "schedule", "x"],
    "ref_protected": ["true", True],
}


def changed(values: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Up to three changes: with more of them, hardly anything would be admitted."""
    pairs = [(name, value) for name, known in values.items() for value in known]
    return st.lists(st.sampled_from(pairs), max_size=3).map(dict)


@settings(max_examples=500)
@given(changed(RUN_VALUES), st.none() | changed(TOKEN_VALUES), st.booleans(), st.booleans())
def test_no_run_that_misses_a_condition_is_admitted_as_merged(
    asks: dict[str, str], says: dict[str, Any] | None, without: bool, unprotected: bool
) -> None:
    """The conditions are written down here once more, from the documentation alone."""
    environment, token = PUSH | asks, None if says is None else TOKEN | says
    claimed = read_claims(environment).value_or(None)
    if claimed is None or claimed.job_type in (JobType.PRESUBMIT, JobType.MERGE_GROUP):
        return
    group = {"UNMERGED_WITHOUT_AUTHORIZATION": str(without), "UNPROTECTED_REFS": str(unprotected)}
    admitted = admit(claimed, rules(**group), token, NOW).value_or(None)
    listed = {
        ("acme/demo", "refs/heads/main"): True,
        ("acme/demo", "refs/heads/release/1"): unprotected or (token or {}).get("ref_protected") == "true",
        ("acme/demo", "refs/tags/v1"): unprotected or (token or {}).get("ref_protected") == "true",
        ("acme/tools", "refs/heads/main"): True,
    }
    pushes = {"postsubmit": ("push", "release", "create"), "schedule": ("schedule",)}
    fits = token is not None and all(
        (
            token.get("iss") == ISSUER,
            token.get("aud") == "image-builder",
            isinstance(token.get("exp"), float) and token["exp"] > NOW,
            token["iat"] is not None and token["iat"] <= NOW and token["nbf"] <= NOW,
            token.get("repository") == f"{environment['REPO_OWNER']}/{environment['REPO_NAME']}",
            token.get("sha") == environment["PULL_BASE_SHA"],
            token.get("event_name") in pushes.get(environment["JOB_TYPE"], ()),
            listed.get((str(token.get("repository")), str(token.get("ref"))), False),
            environment["PULL_BASE_REF"] in ("", token.get("ref"), str(token.get("ref")).split("/", 2)[-1]),
        )
    )
    event("admitted" if admitted else "refused")
    assert (admitted is not None) == fits
    if admitted is not None and token is not None:
        assert admitted.variables()["PULL_BASE_REF"] == token["ref"]
        assert admitted.variables()["COMMIT"] == token["sha"]


# --- what is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"REPO_OWNER": "-u"}, "RepoOwner, RepoName: '-u/demo' is not a repository"),
        ({"REPO_OWNER": "$(RepoOwner)"}, "RepoOwner, RepoName: '/demo' is not a repository"),
        ({"REPO_NAME": ".."}, "RepoOwner, RepoName"),
        ({"JOB_TYPE": "periodic"}, "JobType: 'periodic' is not a class of jobs that the pipeline takes"),
        ({"JOB_TYPE": "local"}, "JobType: 'local'"),
        ({"PULL_BASE_SHA": "--upload-pack=x"}, "PullBaseSHA: '--upload-pack=x' is not a full commit"),
        ({"PULL_BASE_SHA": BASE + "\n"}, "PullBaseSHA"),
        ({"PULL_BASE_REF": "--all"}, "BaseRef: '--all' is not a branch or tag"),
        ({"PULL_BASE_REF": "a$(b)"}, "BaseRef"),
        ({"PULL_NUMBER": "7"}, "PullNumber: '7', but a postsubmit has no pull request"),
        ({"PULL_PULL_SHA": HEAD}, "PullPullSHA"),
        ({"JOB_TYPE": "presubmit"}, "PullPullSHA: '' is not a full commit"),
        ({"JOB_TYPE": "presubmit", "PULL_PULL_SHA": HEAD, "PULL_NUMBER": "0"}, "PullNumber: '0' is not a pull request"),
        ({"JOB_TYPE": "merge_group"}, "PullPullSHA"),
        ({"JOB_TYPE": "merge_group", "PULL_PULL_SHA": HEAD, "PULL_NUMBER": "7"}, "PullNumber"),
    ],
)
def test_a_claim_of_the_wrong_form_is_refused(changed: dict[str, str], says: str) -> None:
    assert says in "\n".join(map(str, read_claims(PUSH | changed).failure()))


def test_the_rules_are_those_of_github_unless_the_group_says_otherwise() -> None:
    found = rules()
    assert (found.issuer, found.audience, found.host) == (ISSUER, "image-builder", "github.com")
    assert (found.unmerged_without_token, found.unprotected_refs) == (False, False)
    other = rules(
        OIDC_ISSUER="https://ghe.example/_services/token", OIDC_AUDIENCE="a", SOURCE_URL="https://ghe.example"
    )
    assert (other.issuer, other.audience, other.host) == ("https://ghe.example/_services/token", "a", "ghe.example")
    assert rules(SOURCE_URL="file:///git", OIDC_ISSUER="$(OIDC_ISSUER)").host == ""


def test_a_key_with_a_host_fits_only_sources_of_that_host() -> None:
    refs = "{ghe.example/acme/demo: [main]}"
    assert isinstance(asked(PUSH, TOKEN, PRODUCTION_REFS=refs, SOURCE_URL="https://ghe.example"), Success)
    assert "does not allow 'acme/demo'" in refusal(PUSH, TOKEN, PRODUCTION_REFS=refs)


def test_the_example_in_the_documentation_is_valid() -> None:
    page = (Path(__file__).parents[4] / "docs" / "azure-devops-pipeline.md").read_text()
    (example,) = re.findall(r"^\{acme/demo: .*\}$", page, re.MULTILINE)
    assert set(rules(PRODUCTION_REFS=example).refs.entries) == {"acme/demo", "acme/*", "ghe.example.com/acme/tools"}


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PRODUCTION_REFS": "{acme/demo: ['*']}"}, "PRODUCTION_REFS:1:14: PRODUCTION_REFS.acme/demo[0]: '*' alone"),
        ({"PRODUCTION_REFS": "acme/demo"}, "PRODUCTION_REFS must be a mapping"),
        ({"OIDC_ISSUER": "http://issuer.example"}, "OIDC_ISSUER: 'http://issuer.example' is not an https URL"),
        ({"OIDC_ISSUER": "https://issuer.example/"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://user@issuer.example"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://issuer.example?x"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://issuer.example:99999"}, "OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://"}, "OIDC_ISSUER"),
        ({"UNMERGED_WITHOUT_AUTHORIZATION": "yes"}, "'yes' is neither true nor false"),
        ({"UNPROTECTED_REFS": "1"}, "UNPROTECTED_REFS: '1' is neither true nor false"),
    ],
)
def test_a_variable_of_the_group_that_is_wrong_is_refused(variables: dict[str, str], says: str) -> None:
    group = GROUP | variables
    refs = parse_document(group["PRODUCTION_REFS"], "PRODUCTION_REFS")
    assert says in "\n".join(map(str, read_rules(group, refs).failure()))

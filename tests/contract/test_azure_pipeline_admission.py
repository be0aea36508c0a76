"""What the shipped pipeline builds at all: a step really runs before anything is fetched, with a real issuer."""

import re
from pathlib import Path
from typing import Any

import pytest
from image_builder_stand_ins.azure_devops.agent.variable import Variable
from image_builder_stand_ins.azure_devops.expression import expand
from image_builder_stand_ins.azure_devops.parameter import declared, plain, resolve
from image_builder_stand_ins.identity_issuer import IdentityIssuer, github_claims, signed

from tests.azure_devops import Client
from tests.contract import pipeline_agent
from tests.contract.pipeline_agent import COMMIT, HEAD, PULL, PUSH, ROOT, git, proven, result_of
from tests.contract.pipeline_program import install

client, commits, group, issuer = (
    pipeline_agent.client,
    pipeline_agent.commits,
    pipeline_agent.group,
    pipeline_agent.issuer,
)
CHECK = "check_authorization"


@pytest.fixture(autouse=True)
def tool(tmp_path: Path) -> Path:
    """A program in place of the tool: these tests end before it builds."""
    install(tmp_path / "bin", admission=False)
    return tmp_path / "bin" / "image-builder"


def refusal(client: Client, parameters: dict[str, str]) -> str:
    """What the check says, which ends with exit code 2 before anything is fetched."""
    ended, said = result_of(client, CHECK, parameters)
    assert ended == "failed", said
    assert "Bash exited with code '2'." in said
    records = client.records(client.service.runs[0].id)
    assert {records[step]["result"] for step in ("fetch_source", "build_and_push")} == {"skipped"}
    return said


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        pytest.param({"RepoOwner": "-u"}, "RepoOwner, RepoName: '-u/demo' is", id="owner"),
        pytest.param({"RepoName": ".."}, "RepoOwner, RepoName: 'acme/..' is", id="repository"),
        pytest.param({"RepoName": "a/../../b"}, "RepoOwner, RepoName: 'acme/a/../../b' is", id="repository-path"),
        pytest.param({"RepoOwner": "##vso[task.complete]x"}, "RepoOwner, RepoName: '## vso[", id="command"),
        pytest.param({"PullBaseSHA": "--upload-pack=x"}, "PullBaseSHA: '--upload-pack=x' is", id="commit"),
        pytest.param({"PullBaseSHA": COMMIT + "\nx"}, "PullBaseSHA: ", id="commit-with-line"),
        pytest.param({"BaseRef": "--all"}, "BaseRef: '--all' is", id="branch"),
        pytest.param({"PullNumber": "0"}, "PullNumber: '0' is", id="no-number"),
        pytest.param({"PullPullSHA": ""}, "PullPullSHA: '' is", id="no-head"),
        pytest.param({"RepoOwner": "mallory"}, "RepoOwner, RepoName: PRODUCTION_REFS does not allow", id="fork"),
        pytest.param({"Authorization": "x.y.z"}, "Authorization: the header of the token", id="forged"),
        pytest.param({"JobType": "postsubmit"}, "PullNumber: '7', but a postsubmit", id="promoted-number"),
        pytest.param({"JobType": "schedule", "PullNumber": "0"}, "PullPullSHA: '2222", id="promoted-commit"),
    ],
)
def test_a_claim_that_cannot_be_is_refused(client: Client, changed: dict[str, str], reported: str) -> None:
    assert f"##[error]{reported}" in refusal(client, {**PULL, **changed})


@pytest.mark.parametrize("job_type", ["postsubmit", "workflow_dispatch", "schedule"])
def test_a_push_without_a_token_is_refused_whatever_the_group_allows(client: Client, job_type: str) -> None:
    said = refusal(client, {**PUSH, "JobType": job_type})
    assert f"##[error]Authorization: is missing, and a {job_type} of acme/demo needs an identity token" in said


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        pytest.param({"repository": "mallory/demo"}, "the claim repository is 'mallory/demo'", id="fork"),
        pytest.param({"ref": "refs/heads/fix"}, "'refs/heads/fix' of acme/demo is not a production ref", id="branch"),
        pytest.param({"sha": HEAD}, "the claim sha", id="commit"),
        pytest.param({"event_name": "pull_request"}, "the claim event_name", id="event"),
        pytest.param({"aud": "sigstore"}, "the claim aud", id="audience"),
        pytest.param({"exp": 1}, "the token expired", id="expired"),
    ],
)
def test_a_push_with_the_token_of_something_else_is_refused(
    client: Client, issuer: IdentityIssuer, changed: dict[str, object], reported: str
) -> None:
    token = signed(issuer.key, github_claims(issuer.url, "acme/demo", "refs/heads/main", COMMIT) | changed)
    said = refusal(client, {**PUSH, "Authorization": token})
    assert reported in said
    assert token not in said


def test_a_token_of_another_issuer_is_refused(client: Client) -> None:
    with IdentityIssuer.start() as other:
        assert "does not have exactly one key" not in (said := refusal(client, proven(other, PUSH)))
        assert "the signature is not valid for the key" in said


def test_only_the_group_lets_unmerged_code_in_without_a_token(
    client: Client, group: dict[str, Variable], issuer: IdentityIssuer
) -> None:
    assert result_of(client, CHECK, PULL)[0] == "succeeded"
    del group["UNMERGED_WITHOUT_AUTHORIZATION"]
    said = refusal(client, PULL)
    assert "##[error]Authorization: is missing, and the variable group does not allow that for unmerged code" in said
    token = issuer.token("acme/demo", "refs/pull/7/merge", COMMIT, "pull_request", base_ref="main")
    assert result_of(client, CHECK, {**PULL, "Authorization": token})[0] == "succeeded"


def test_a_group_without_refs_admits_nobody(client: Client, group: dict[str, Variable], issuer: IdentityIssuer) -> None:
    del group["PRODUCTION_REFS"]
    for parameters in (PULL, proven(issuer, PUSH)):
        assert "##[error]PRODUCTION_REFS: the variable group does not say which" in refusal(client, parameters)


def test_an_issuer_that_cannot_be_reached_proves_nothing(client: Client, group: dict[str, Variable]) -> None:
    group["OIDC_ISSUER"] = Variable("https://localhost:1")
    assert "https://localhost:1/.well-known/openid-configuration: " in refusal(
        client, {**PUSH, "Authorization": "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.e30"}
    )


def test_the_facts_are_handed_on_for_good(client: Client, issuer: IdentityIssuer) -> None:
    result_of(client, "compute_tags", proven(issuer, PUSH))
    document: Any = plain(expand(ROOT, resolve(declared(ROOT), PUSH)))
    step = next(each for each in document["jobs"][0]["steps"] if each.get("name") == CHECK)
    assert "isreadonly=true" in step["bash"]
    assert set(step["target"]["settableVariables"]) == FACTS
    later = document["jobs"][0]["steps"][document["jobs"][0]["steps"].index(step) + 1 :]
    assert not any(FACTS & set(each.get("env", {})) for each in later)


FACTS = {
    *("REPO_OWNER", "REPO_NAME", "JOB_TYPE", "PULL_BASE_REF", "PULL_BASE_SHA", "PULL_PULL_SHA", "PULL_NUMBER"),
    "COMMIT",
}


# --- which commit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_ref", "ref", "commit"),
    [
        pytest.param("main", "refs/heads/main", "merged", id="push"),
        pytest.param("refs/heads/main", "refs/heads/main", "later", id="full-name"),
        pytest.param("", "refs/heads/main", "merged", id="not-named"),
        pytest.param("refs/tags/v1", "refs/tags/v1", "tagged", id="tag"),
        pytest.param("v1", "refs/tags/v1", "tagged", id="tag-by-its-short-name"),
    ],
)
def test_the_commit_of_the_token_is_checked_out_with_its_ref(
    client: Client, issuer: IdentityIssuer, commits: dict[str, str], base_ref: str, ref: str, commit: str
) -> None:
    sent = proven(issuer, {**PUSH, "PullBaseSHA": commits[commit], "BaseRef": base_ref}, ref)
    ended, said = result_of(client, "fetch_source", sent)
    assert ended == "succeeded", said
    assert f"{commits[commit]} of " in said
    (source,) = client.service.runs[0].folder.parent.glob("agent-*/_work/1/source-*")
    assert git(source, "rev-parse", "HEAD") == commits[commit]
    fetched = ["refs/remotes/origin/main", *([ref] if ref.startswith("refs/tags/") else [])]
    assert git(source, "for-each-ref", "--format=%(refname)").split() == fetched


@pytest.mark.parametrize("job_type", ["presubmit", "merge_group"])
def test_the_head_of_unmerged_code_is_checked_out(client: Client, commits: dict[str, str], job_type: str) -> None:
    number = "7" if job_type == "presubmit" else "0"
    change = {"JobType": job_type, "PullNumber": number, "PullPullSHA": commits["proposed"]}
    ended, said = result_of(client, "fetch_source", {**PULL, "PullBaseSHA": commits["merged"], **change})
    assert ended == "succeeded", said
    (source,) = client.service.runs[0].folder.parent.glob("agent-*/_work/1/source-*")
    assert git(source, "rev-parse", "HEAD") == commits["proposed"]


@pytest.mark.parametrize("commit", ["proposed", "tagged"])
def test_a_commit_that_is_no_longer_on_the_branch_is_not_built(
    client: Client, issuer: IdentityIssuer, commits: dict[str, str], commit: str
) -> None:
    """A branch can be pushed anew after the token was made."""
    ended, said = result_of(client, "fetch_source", proven(issuer, {**PUSH, "PullBaseSHA": commits[commit]}))
    assert ended == "failed"
    assert f"##[error]{commits[commit]} is not in refs/heads/main of acme/demo" in said
    number = client.service.runs[0].id
    assert client.records(number)["build_and_push"]["result"] == "skipped", said


def test_what_is_built_is_named_by_the_facts(
    client: Client, issuer: IdentityIssuer, commits: dict[str, str], tool: Path
) -> None:
    """The tool computes tags from the variables that the check handed on."""
    tool.unlink()
    sent = proven(issuer, {**PUSH, "PullBaseSHA": commits["merged"]})
    ended, said = result_of(client, "compute_tags", sent)
    assert ended == "succeeded", said
    assert re.search(rf'"value":"v\d{{8}}-{commits["merged"][:8]}"', said)

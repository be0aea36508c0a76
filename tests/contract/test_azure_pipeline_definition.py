"""``pipelines/oci-image-builder.yaml``: valid for Azure, and deaf to what a run sends where it must be.

The steps that come before the engine really run here; tests/e2e runs the rest with a real engine.
"""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from image_builder_contracts.servers.azure_devops.agent import AgentSettings
from image_builder_contracts.servers.azure_devops.agent_variable import Variable
from image_builder_contracts.servers.azure_devops.expansion import expand
from image_builder_contracts.servers.azure_devops.parameter import declared, plain, resolve
from image_builder_contracts.servers.azure_devops.service import AzureDevOps
from image_builder_contracts.servers.azure_devops.yaml_source import load
from image_builder_domain.job_type import JobType

from tests.azure_devops import Client
from tests.programs import require
from tests.recordings import recorded

FILE = Path(__file__).parents[2] / "pipelines" / "oci-image-builder.yaml"
TEXT = FILE.read_text()
ROOT = load(TEXT, FILE.name)
COMMIT, HEAD = "1" * 40, "2" * 40
PUSH = {
    "RepoOwner": "acme",
    "RepoName": "demo",
    "JobType": "postsubmit",
    "PullBaseSHA": COMMIT,
    "Name": "app",
    "Context": ".",
    "Dockerfile": "",
}
PULL = {**PUSH, "JobType": "presubmit", "PullNumber": "7", "PullPullSHA": HEAD}
TRUSTED, UNTRUSTED = ("postsubmit", "workflow_dispatch", "schedule"), ("presubmit", "merge_group")
V2 = {
    *("RepoName", "RepoOwner", "JobType", "PullNumber", "PullBaseSHA", "PullPullSHA", "Name", "Dockerfile", "Context"),
    *("ExportTags", "BuildArgs", "Tags", "UseKanikoConfigFromPR"),
    *("BaseRef", "EnvFile", "Platforms", "Target", "BuildEngine", "Authorization"),
}


def expanded(**parameters: str) -> dict[str, Any]:
    found = plain(expand(ROOT, resolve(declared(ROOT), {**PUSH, **parameters})))
    assert isinstance(found, dict)
    return found


def steps(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step.get("displayName", "checkout"): step for step in document["jobs"][0]["steps"]}


def everything() -> Iterator[dict[str, Any]]:
    for job_type in (*TRUSTED, *UNTRUSTED):
        yield expanded(JobType=job_type, PullPullSHA=HEAD, UseKanikoConfigFromPR=str(job_type == "presubmit"))
    yield expanded(Target="$(SOURCE_TOKEN)")


def test_the_parameters_are_those_of_contract_v2() -> None:
    assert {parameter.name for parameter in declared(ROOT)} == V2


def test_every_expansion_is_valid_for_azure() -> None:
    schema = jsonschema.Draft7Validator(recorded("azure-pipelines-schema", "service-schema.json"))
    for document in everything():
        assert schema.is_valid(document)
        document["jobs"][0]["steps"][1]["displaName"] = "x"
        assert not schema.is_valid(document)


@pytest.mark.parametrize("job_type", TRUSTED)
def test_merged_code_meets_production_and_is_signed(job_type: str) -> None:
    document = expanded(JobType=job_type)
    assert document["variables"][0] == {"group": "oci-image-builder-production"}
    assert document["jobs"][0]["pool"] == {"name": "oci-image-builder-production"}
    assert "sign_images" in steps(document)


@pytest.mark.parametrize("job_type", UNTRUSTED)
def test_unmerged_code_meets_nothing_of_production(job_type: str) -> None:
    document = expanded(JobType=job_type, PullPullSHA=HEAD)
    del document["parameters"]
    assert "production" not in str(document)
    assert "sign" not in " ".join(steps(document))
    assert "--sign-only" not in str(document)


def test_every_job_type_that_the_pipeline_takes_is_judged_as_the_tool_does() -> None:
    known = next(parameter.values for parameter in declared(ROOT) if parameter.name == "JobType")
    assert set(known) == {*TRUSTED, *UNTRUSTED}
    assert set(known) <= {job_type.value for job_type in JobType}


def test_nothing_that_a_run_sends_becomes_part_of_a_script() -> None:
    """Every place of a parameter is a value of ``env``, or a decision of the template."""
    for match in re.finditer(r"\$\{\{(.*?)\}\}", TEXT):
        line = TEXT[TEXT.rindex("\n", 0, match.start()) + 1 :].partition("\n")[0].strip()
        is_decision = re.fullmatch(r"(- )?\$\{\{ (if|else|each) ?.*\}\}:", line)
        is_environment = re.fullmatch(r"[A-Z_]+: \$\{\{ parameters\.[A-Za-z]+ \}\}", line)
        is_key = line == "displayName: refuse_macro_in_${{ parameter.key }}"
        assert is_decision or is_environment or is_key, line
    for document in everything():
        for step in document["jobs"][0]["steps"]:
            assert "${{" not in step.get("bash", "")


@pytest.mark.parametrize("name", sorted(V2 - {"JobType", "BuildEngine", "ExportTags", "UseKanikoConfigFromPR"}))
def test_a_macro_in_a_parameter_stops_the_run_before_anything_else(name: str) -> None:
    names = list(steps(expanded(**{name: "x$(SOURCE_TOKEN)"})))
    assert names[:2] == ["checkout", f"refuse_macro_in_{name}"]


def test_every_step_after_the_first_two_is_kept_from_setting_variables() -> None:
    for document in everything():
        for name, step in steps(document).items():
            if not name.startswith(("checkout", "check_parameters", "refuse_macro_in_")):
                assert step["target"]["commands"] == "restricted", name
                assert "PATH" not in step["target"]["settableVariables"], name


# --- what the first steps do --------------------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """An agent with this tool and no engine: nothing is ever built."""
    (tmp_path / "git" / "acme" / "demo").mkdir(parents=True)
    config = tmp_path / "config.yaml"
    config.write_text("registry: localhost:1/prod\ndev-registry: localhost:1/dev\nreproducible: false # ours\n")
    group = {
        "SOURCE_URL": Variable(f"file://{tmp_path}/git"),
        "SOURCE_TOKEN": Variable("t0ken-of-git", secret=True),
        "CONFIG_FILE": Variable(str(config)),
    }
    groups = {"oci-image-builder-development": group, "oci-image-builder-production": group}
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    agent = AgentSettings(groups, {"PATH": path, "HOME": str(tmp_path)}, keeps_empty=False)  # scripts must bear both
    with AzureDevOps.start() as service:
        service.add_pipeline("oci-image-builder", TEXT, agent=agent)
        yield Client(service)


def result_of(client: Client, step: str, parameters: dict[str, str]) -> tuple[str, str]:
    """How a step ended, and what it said."""
    number = client.finish(42, parameters)
    record = client.records(number)[step]
    return record["result"], "\n".join(client.log(number, step)) if record["log"] else ""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"RepoOwner": "-u"}, "RepoOwner: not an owner", id="owner"),
        pytest.param({"RepoName": ".."}, "RepoName: not a repository", id="repository"),
        pytest.param({"RepoName": "a/../../b"}, "RepoName: not a repository", id="repository-path"),
        pytest.param({"PullBaseSHA": "--upload-pack=x"}, "PullBaseSHA: not a commit", id="commit"),
        pytest.param({"PullBaseSHA": COMMIT + "\nx"}, "PullBaseSHA: not a commit", id="commit-with-line"),
        pytest.param({"BaseRef": "--all"}, "BaseRef: not a branch or tag", id="branch"),
        pytest.param({"Context": "../other"}, "Context: not a path inside", id="context-above"),
        pytest.param({"Context": "/etc"}, "Context: not a path inside", id="context-absolute"),
        pytest.param({"Dockerfile": "a/../../b"}, "Dockerfile: not a path inside", id="dockerfile"),
        pytest.param({"EnvFile": "/proc/self/environ"}, "EnvFile: not a path inside", id="env-file"),
        pytest.param({"BuildArgs": "A=1,HOME"}, "BuildArgs: not NAME=value", id="argument-from-environment"),
        pytest.param({"BuildArgs": ","}, "BuildArgs: not NAME=value", id="empty-arguments"),
        pytest.param({"Tags": "!"}, "Tags: not base64", id="tags"),
        pytest.param({"Tags": encoded('x={{ .Env "HOME" }}')}, "Tags: a template may not use .Env", id="tags-env"),
        pytest.param({"PullNumber": "7"}, "PullNumber: merged code has no pull request", id="promoted-number"),
        pytest.param({"PullPullSHA": HEAD}, "PullPullSHA: merged code has no other commit", id="promoted-commit"),
        pytest.param(
            {"UseKanikoConfigFromPR": "true"},
            "UseKanikoConfigFromPR: only a presubmit has a pull request",
            id="options-of-a-push",
        ),
        pytest.param({"Authorization": "x y"}, "Authorization: not a token", id="authorization"),
        pytest.param(
            {"Name": "x", "RepoOwner": "##vso[task.setvariable variable=PATH]x"},
            "RepoOwner: not an owner",
            id="command",
        ),
    ],
)
def test_a_parameter_that_could_do_harm_is_refused(client: Client, changed: dict[str, str], told: str) -> None:
    ended, said = result_of(client, "check_parameters", {**PUSH, **changed})
    assert ended == "failed"
    assert f"##[error]parameter {told}" in said
    assert not any(client.service.runs[0].folder.rglob(".git"))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"PullNumber": "0"}, "PullNumber: not a pull request", id="no-number"),
        pytest.param({"PullPullSHA": ""}, "PullPullSHA: not a commit", id="no-head"),
        pytest.param({"UseKanikoConfigFromPR": "true", "BuildEngine": "buildx"}, "only for kaniko", id="engine"),
    ],
)
def test_a_pull_request_that_is_none_is_refused(client: Client, changed: dict[str, str], told: str) -> None:
    ended, said = result_of(client, "check_parameters", {**PULL, **changed})
    assert ended == "failed"
    assert told in said


def test_all_that_is_wrong_is_told_at_once(client: Client) -> None:
    _, said = result_of(client, "check_parameters", {**PUSH, "RepoOwner": "!", "Context": "/", "Tags": "!"})
    assert said.count("##[error]parameter") == 3


@pytest.mark.parametrize("parameters", [PUSH, PULL, {**PUSH, "JobType": "merge_group", "PullPullSHA": HEAD}])
def test_good_parameters_pass(client: Client, parameters: dict[str, str]) -> None:
    more = {
        "BaseRef": "refs/heads/feature/a#1",
        "BuildArgs": "A=1,B=x=y ,C=",
        "Tags": encoded("latest=latest,v={{ .ShortSHA }}"),
        "EnvFile": "deploy/..env",
        "Authorization": "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl-_",
    }
    assert result_of(client, "check_parameters", {**parameters, **more})[0] == "succeeded"


def test_an_identity_token_is_hidden_in_the_logs_of_tasks(client: Client) -> None:
    secret = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"
    number = client.finish(42, {**PUSH, "Authorization": secret, "Name": secret})
    logs = [log["id"] for log in client.ask(f"build/builds/{number}/logs").json()["value"]]
    for log in logs[2:]:
        assert secret not in client.ask(f"build/builds/{number}/logs/{log}", headers={"Accept": "text/plain"}).text()


def test_a_build_that_never_began_has_no_report_and_fails(client: Client) -> None:
    ended, said = result_of(client, "print_image_build_report", {**PUSH, "RepoOwner": "!"})
    assert (ended, "IMAGE BUILD REPORT" in said) == ("succeeded", False)
    number = client.service.runs[0].id
    assert client.ask(f"build/builds/{number}").json()["result"] == "failed"


# --- which commit -------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    command = [require("git"), "-C", str(folder), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **who}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commits(client: Client, tmp_path: Path) -> dict[str, str]:
    """A repository with a merged and a later commit on main, one on a tag alone, and a pull request."""
    del client
    place = tmp_path / "git" / "acme" / "demo"
    git(place, "init", "--quiet", "--initial-branch=main")
    found = {}
    for name in ("merged", "later"):
        git(place, "commit", "--quiet", "--allow-empty", f"--message={name}")
        found[name] = git(place, "rev-parse", "HEAD")
    for name, ref in (("tagged", "refs/tags/v1"), ("proposed", "refs/pull/7/head")):
        git(place, "checkout", "--quiet", "--detach", found["merged"])
        git(place, "commit", "--quiet", "--allow-empty", f"--message={name}")
        found[name] = git(place, "rev-parse", "HEAD")
        git(place, "update-ref", ref, found[name])
    git(place, "checkout", "--quiet", "main")
    return found


@pytest.mark.parametrize(
    ("parameters", "base", "head", "expected"),
    [
        pytest.param({**PUSH, "BaseRef": "main"}, "merged", None, "merged", id="push"),
        pytest.param({**PUSH, "BaseRef": "refs/heads/main"}, "later", None, "later", id="full-name"),
        pytest.param(PUSH, "merged", None, "merged", id="default-branch"),
        pytest.param({**PUSH, "BaseRef": "refs/tags/v1"}, "tagged", None, "tagged", id="tag"),
        pytest.param({**PUSH, "BaseRef": "v1"}, "tagged", None, "tagged", id="tag-as-prow-names-it"),
        pytest.param(PULL, "merged", "proposed", "proposed", id="pull-request"),
        pytest.param(
            {**PUSH, "JobType": "merge_group", "PullNumber": "0"}, "merged", "proposed", "proposed", id="merge-group"
        ),
    ],
)
def test_the_right_commit_is_checked_out(
    client: Client, commits: dict[str, str], parameters: dict[str, str], base: str, head: str | None, expected: str
) -> None:
    sent = {**parameters, "PullBaseSHA": commits[base], "PullPullSHA": commits[head] if head else ""}
    ended, said = result_of(client, "fetch_source", sent)
    assert ended == "succeeded", said
    assert f"{commits[expected]} of " in said
    (source,) = client.service.runs[0].folder.rglob("source")
    assert git(source, "rev-parse", "HEAD") == commits[expected]


@pytest.mark.parametrize("commit", ["proposed", "tagged"])
def test_a_commit_that_is_not_on_the_branch_is_never_built_as_merged(
    client: Client, commits: dict[str, str], commit: str
) -> None:
    ended, said = result_of(client, "fetch_source", {**PUSH, "BaseRef": "main", "PullBaseSHA": commits[commit]})
    assert ended == "failed"
    number = client.service.runs[0].id
    assert client.records(number)["build_and_push"]["result"] == "skipped", said


def test_a_ref_of_a_pull_request_is_no_branch(client: Client, commits: dict[str, str]) -> None:
    sent = {**PUSH, "BaseRef": "refs/pull/7/head", "PullBaseSHA": commits["proposed"]}
    assert result_of(client, "fetch_source", sent)[0] == "failed"


def test_the_token_for_the_source_is_in_no_log_and_no_argument(client: Client, commits: dict[str, str]) -> None:
    number = client.finish(42, {**PUSH, "PullBaseSHA": commits["merged"]})
    for log in client.ask(f"build/builds/{number}/logs").json()["value"]:
        text = client.ask(f"build/builds/{number}/logs/{log['id']}", headers={"Accept": "text/plain"}).text()
        assert "t0ken-of-git" not in text
        assert base64.b64encode(b"x-access-token:t0ken-of-git").decode() not in text


def test_registry_credentials_become_a_file_for_the_tool_alone(
    client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    secret = '{"auths":{"localhost:1":{"auth":"dXNlcjpwYXNz"}}}'
    group = {
        "SOURCE_URL": Variable(f"file://{tmp_path}/git"),
        "REGISTRY_CREDENTIALS": Variable(secret, secret=True),
    }
    groups = {"oci-image-builder-production": group}
    agent = AgentSettings(groups, {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    other = client.service.add_pipeline("with credentials", TEXT, agent=agent).card.id
    number = client.finish(other, {**PUSH, "PullBaseSHA": commits["merged"]})
    assert client.records(number)["prepare_credentials"]["result"] == "succeeded"
    (file,) = client.service.runs[0].folder.rglob("docker/config.json")
    assert (file.read_text(), file.stat().st_mode & 0o077, file.parent.stat().st_mode & 0o077) == (secret, 0, 0)
    for log in client.ask(f"build/builds/{number}/logs").json()["value"]:
        text = client.ask(f"build/builds/{number}/logs/{log['id']}", headers={"Accept": "text/plain"}).text()
        assert "dXNlcjpwYXNz" not in text


# --- what of the source the tool may see --------------------------------------------------------------------------


def proposal(tmp_path: Path, commits: dict[str, str], **files: str) -> dict[str, str]:
    """The parameters of a pull request that adds files; a content that starts with -> is a link."""
    place = tmp_path / "git" / "acme" / "demo"
    git(place, "checkout", "--quiet", "--detach", commits["merged"])
    for name, content in files.items():
        file = place / name.replace("__", ".")
        if content.startswith("->"):
            file.symlink_to(content[2:])
        else:
            file.write_text(content)
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message=files")
    head = git(place, "rev-parse", "HEAD")
    git(place, "checkout", "--quiet", "main")
    return {**PULL, "PullBaseSHA": commits["merged"], "PullPullSHA": head}


@pytest.mark.parametrize(
    ("files", "changed", "told"),
    [
        pytest.param({"away": "->/etc"}, {"Context": "away"}, "Context: it leads out", id="context"),
        pytest.param({"Dockerfile": "->/etc/passwd"}, {}, "Dockerfile: it leads out", id="dockerfile"),
        pytest.param({"other": "->/etc/passwd"}, {"Dockerfile": "other"}, "Dockerfile: it leads out", id="named"),
        pytest.param({"variants__yaml": "->/etc/passwd"}, {}, "Dockerfile: it leads out", id="variants"),
        pytest.param({"env": "->/proc/self/environ"}, {"EnvFile": "env"}, "EnvFile: it leads out", id="env-file"),
        pytest.param({"Dockerfile": "->gone/../../../../../x"}, {}, "Dockerfile: it leads out", id="to-nothing"),
    ],
)
def test_a_link_out_of_the_source_is_not_followed(
    client: Client,
    commits: dict[str, str],
    tmp_path: Path,
    files: dict[str, str],
    changed: dict[str, str],
    told: str,
) -> None:
    sent = proposal(tmp_path, commits, **{"Dockerfile": "FROM scratch\n", **files}) | changed
    ended, said = result_of(client, "build_and_push", sent)
    assert (ended, f"##[error]parameter {told}" in said) == ("failed", True), said


def test_a_build_without_optional_parameters_reaches_the_engine(
    client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    sent = proposal(tmp_path, commits, Dockerfile="FROM scratch\n") | {"BuildEngine": "buildx"}
    ended, said = result_of(client, "build_and_push", sent)
    assert ended == "failed"  # there is no registry to push to, whatever engine there may be
    assert "unbound variable" not in said
    assert "error: " in said


def test_the_tags_are_told_before_the_build(client: Client, commits: dict[str, str], tmp_path: Path) -> None:
    sent = proposal(tmp_path, commits, Dockerfile="FROM scratch\n") | {"Tags": encoded("v={{ .ShortSHA }}")}
    ended, said = result_of(client, "compute_tags", sent)
    assert ended == "succeeded", said
    short = sent["PullPullSHA"][:8]
    assert f'[{{"name":"v","value":"{short}"}},{{"name":"default_tag","value":"PR-7"}}]' in said


@pytest.mark.parametrize(
    ("proposed", "told", "expected"),
    [
        pytest.param("reproducible: true\nlog-format: json\nregistry: evil\n", "", ["true", "json"], id="taken"),
        pytest.param("cache:\n  enabled: true\n", "", [], id="none-of-them"),
        pytest.param("reproducible: [x]\n", "reproducible is true or false", None, id="bad-value"),
        pytest.param("->/etc/passwd", "the pull request has no image-builder-config.yaml", None, id="link"),
    ],
)
def test_a_pull_request_may_bring_build_options_and_nothing_else(
    client: Client, commits: dict[str, str], tmp_path: Path, proposed: str, told: str, expected: list[str] | None
) -> None:
    sent = proposal(tmp_path, commits, **{"Dockerfile": "FROM scratch\n", "image-builder-config__yaml": proposed})
    ended, said = result_of(client, "take_options_from_pull_request", {**sent, "UseKanikoConfigFromPR": "true"})
    assert told in said
    assert (ended == "succeeded") == (expected is not None), said
    if expected is not None:
        (file,) = client.service.runs[0].folder.rglob("_temp/image-builder-config.yaml")
        found = yaml.safe_load(file.read_text())
        assert found["registry"] == "localhost:1/prod"
        assert "cache" not in found
        assert [str(found[name]).lower() for name in ("reproducible", "log-format") if name in found] == expected

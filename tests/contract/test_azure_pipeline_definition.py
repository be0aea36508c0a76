"""``pipelines/oci-image-builder.yaml``: valid for Azure, and deaf to what a run sends where it must be.

The steps that come before the engine really run here; tests/e2e runs the rest with a real engine.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from image_builder_domain.job.git_state import JobType
from image_builder_stand_ins.azure_devops.agent.variable import Variable
from image_builder_stand_ins.azure_devops.expression import expand
from image_builder_stand_ins.azure_devops.parameter import declared, plain, resolve

from tests.azure_devops import Client
from tests.contract import pipeline_agent
from tests.contract.pipeline_agent import HEAD, PULL, PUSH, ROOT, TEXT, encoded, git, result_of
from tests.contract.pipeline_program import install
from tests.recordings import recorded

client, commits, group, issuer = (
    pipeline_agent.client,
    pipeline_agent.commits,
    pipeline_agent.group,
    pipeline_agent.issuer,
)

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
    documents = tuple(everything())
    assert all(map(schema.is_valid, documents))
    documents[0]["jobs"][0]["steps"][1]["displaName"] = "x"
    assert not schema.is_valid(documents[0])


@pytest.mark.parametrize("job_type", TRUSTED)
def test_merged_code_meets_production_and_is_signed(job_type: str) -> None:
    document = expanded(JobType=job_type)
    assert document["variables"][0] == {"group": "oci-image-builder-production"}
    assert document["jobs"][0]["pool"] == {"name": "oci-image-builder-production"}
    assert steps(document)["publish_image"]["env"]["SIGNS"] == "yes"


@pytest.mark.parametrize("job_type", UNTRUSTED)
def test_unmerged_code_meets_nothing_of_production(job_type: str) -> None:
    document = expanded(JobType=job_type, PullPullSHA=HEAD)
    del document["parameters"]
    assert "production" not in str(document)
    assert steps(document)["publish_image"]["env"]["SIGNS"] == "no"


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


@pytest.mark.parametrize(
    ("changed", "reported"),
    [
        pytest.param({"Context": "../other"}, "Context: not a path inside", id="context-above"),
        pytest.param({"Context": "/etc"}, "Context: not a path inside", id="context-absolute"),
        pytest.param({"Dockerfile": "a/../../b"}, "Dockerfile: not a path inside", id="dockerfile"),
        pytest.param({"EnvFile": "/proc/self/environ"}, "EnvFile: not a path inside", id="env-file"),
        pytest.param({"BuildArgs": "A=1,HOME"}, "BuildArgs: not NAME=value", id="argument-from-environment"),
        pytest.param({"BuildArgs": ","}, "BuildArgs: not NAME=value", id="empty-arguments"),
        pytest.param({"Tags": "!"}, "Tags: not base64", id="tags"),
        pytest.param({"Tags": encoded('x={{ .Env "HOME" }}')}, "Tags: a template may not use .Env", id="tags-env"),
        pytest.param(
            {"UseKanikoConfigFromPR": "true"},
            "UseKanikoConfigFromPR: only a presubmit has a pull request",
            id="options-of-a-push",
        ),
        pytest.param({"Authorization": "x y"}, "Authorization: not a token", id="authorization"),
        pytest.param(
            {"Name": "x", "Context": "/##vso[task.setvariable variable=PATH]x"},
            "Context: not a path inside",
            id="command",
        ),
    ],
)
def test_a_parameter_that_could_do_harm_is_refused(client: Client, changed: dict[str, str], reported: str) -> None:
    ended, said = result_of(client, "check_parameters", {**PUSH, **changed})
    assert ended == "failed"
    assert f"##[error]parameter {reported}" in said
    assert client.records(client.service.runs[0].id)["fetch_source"]["result"] == "skipped"


def test_all_that_is_wrong_is_told_at_once(client: Client) -> None:
    _, said = result_of(client, "check_parameters", {**PUSH, "BuildArgs": "!", "Context": "/", "Tags": "!"})
    assert said.count("##[error]parameter") == 3


@pytest.mark.parametrize("parameters", [PUSH, PULL, {**PUSH, "JobType": "merge_group", "PullPullSHA": HEAD}])
def test_good_parameters_pass(client: Client, parameters: dict[str, str], tmp_path: Path) -> None:
    install(tmp_path / "bin")
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
    ended, said = result_of(client, "print_image_build_report", {**PUSH, "Context": "/"})
    assert (ended, "IMAGE BUILD REPORT" in said) == ("succeeded", False)
    number = client.service.runs[0].id
    assert client.ask(f"build/builds/{number}").json()["result"] == "failed"


# --- credentials --------------------------------------------------------------------------------------------------


def test_the_token_for_the_source_is_in_no_log_and_no_argument(
    client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    install(tmp_path / "bin")
    number = client.finish(42, {**PUSH, "PullBaseSHA": commits["merged"], "BaseRef": "refs/heads/main"})
    assert client.records(number)["fetch_source"]["result"] == "succeeded"
    for log in client.ask(f"build/builds/{number}/logs").json()["value"]:
        text = client.ask(f"build/builds/{number}/logs/{log['id']}", headers={"Accept": "text/plain"}).text()
        assert "t0ken-of-git" not in text
        assert base64.b64encode(b"x-access-token:t0ken-of-git").decode() not in text


def test_registry_credentials_become_a_file_for_the_tool_alone(
    client: Client, group: dict[str, Variable], commits: dict[str, str], tmp_path: Path
) -> None:
    seen = install(tmp_path / "bin")
    secret = '{"auths":{"localhost:1":{"auth":"dXNlcjpwYXNz"}}}'
    group["REGISTRY_CREDENTIALS"] = Variable(secret, secret=True)
    number = client.finish(42, {**PULL, "PullBaseSHA": commits["merged"], "PullPullSHA": commits["proposed"]})
    file = seen / "docker" / "config.json"
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
    ("files", "changed", "reported"),
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
    reported: str,
) -> None:
    install(tmp_path / "bin")
    sent = proposal(tmp_path, commits, **{"Dockerfile": "FROM scratch\n", **files}) | changed
    ended, said = result_of(client, "build_and_push", sent)
    assert (ended, f"##[error]parameter {reported}" in said) == ("failed", True), said


def test_a_build_without_optional_parameters_reaches_the_tool(
    client: Client, commits: dict[str, str], tmp_path: Path
) -> None:
    install(tmp_path / "bin")
    sent = proposal(tmp_path, commits, Dockerfile="FROM scratch\n") | {"BuildEngine": "buildx"}
    ended, said = result_of(client, "build_and_push", sent)
    assert ended == "succeeded", said
    work = r"/\S+/_work"
    assert re.search(
        rf"arguments: --config {work}/_temp/build-config.yaml --backend buildkit --name app "
        rf"--context {work}/1/source-901-1/\. --export-tags=false "
        rf"--build-report-path {work}/_temp/build-report.json --log-dir {work}/_temp/logs$",
        said,
        re.MULTILINE,
    ), said


def test_the_tags_are_told_before_the_build(client: Client, commits: dict[str, str], tmp_path: Path) -> None:
    sent = proposal(tmp_path, commits, Dockerfile="FROM scratch\n") | {"Tags": encoded("v={{ .ShortSHA }}")}
    ended, said = result_of(client, "compute_tags", sent)
    assert ended == "succeeded", said
    short = sent["PullPullSHA"][:8]
    assert f'[{{"name":"v","value":"{short}"}},{{"name":"default_tag","value":"PR-7"}}]' in said


@pytest.mark.parametrize(
    ("proposed", "reported", "expected"),
    [
        pytest.param("reproducible: true\nlog-format: json\nregistry: evil\n", "", ["true", "json"], id="taken"),
        pytest.param("cache:\n  enabled: true\n", "", [], id="none-of-them"),
        pytest.param("reproducible: [x]\n", "reproducible is true or false", None, id="bad-value"),
        pytest.param("->/etc/passwd", "the pull request has no image-builder-config.yaml", None, id="link"),
    ],
)
def test_a_pull_request_may_bring_build_options_and_nothing_else(
    client: Client, commits: dict[str, str], tmp_path: Path, proposed: str, reported: str, expected: list[str] | None
) -> None:
    seen = install(tmp_path / "bin")
    sent = proposal(tmp_path, commits, **{"Dockerfile": "FROM scratch\n", "image-builder-config__yaml": proposed})
    ended, said = result_of(client, "take_options_from_pull_request", {**sent, "UseKanikoConfigFromPR": "true"})
    assert reported in said
    assert (ended == "succeeded") == (expected is not None), said
    if expected is not None:
        found = yaml.safe_load((seen / "config.yaml").read_text())
        assert found["registry"] == "localhost:1/prod"
        assert "cache" not in found
        assert [str(found[name]).lower() for name in ("reproducible", "log-format") if name in found] == expected

"""Both contracts of the pipeline's parameters, as tables."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_domain.image.platform import Platform
from image_builder_domain.job.git_state import JobType
from image_builder_domain.plan.remote_parameters import (
    ParameterInputs,
    decide_parameters,
    fitting_contract,
    parameter_notes,
    sends_token,
)
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.tag import TagSpec

KANIKO = "--test-kaniko-build-config"
BASE, HEAD = "1" * 40, "2" * 40
PUSH = ParameterInputs(
    job_type=JobType.POSTSUBMIT,
    owner="acme",
    repo="demo",
    base_commit=BASE,
    name="my/image",
    context=".",
    dockerfile="Dockerfile",
)
PULL = replace(PUSH, job_type=JobType.PRESUBMIT, head_commit=HEAD, pull_number=17)
TAGS = (TagSpec.parse("latest").unwrap(), TagSpec.parse("v{{ .ShortSHA }}").unwrap())
PLATFORMS = tuple(Platform.parse(text).unwrap() for text in ("linux/amd64", "linux/arm/v7"))
ALWAYS = {
    "RepoName": "demo",
    "RepoOwner": "acme",
    "JobType": "postsubmit",
    "PullBaseSHA": BASE,
    "Name": "my/image",
    "Dockerfile": "Dockerfile",
    "Context": ".",
    "ExportTags": "false",
}
OF_A_PULL = {**ALWAYS, "JobType": "presubmit", "PullNumber": "17", "PullPullSHA": HEAD}


def sent(version: str, asked: ParameterInputs) -> dict[str, str]:
    found = decide_parameters(version, asked).unwrap()
    assert len({each.name for each in found}) == len(found)
    return {each.name: each.value for each in found}


def refused(version: str, asked: ParameterInputs) -> list[str]:
    return [problem.where for problem in decide_parameters(version, asked).failure()]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(PUSH, ALWAYS, id="push"),
        pytest.param(PULL, OF_A_PULL, id="pull-request"),
        pytest.param(
            replace(PUSH, name="", context="", dockerfile=""),
            {"Name": "", "Context": "", "Dockerfile": ""},
            id="empty-but-there",
        ),
        pytest.param(replace(PUSH, export_tags=True), {"ExportTags": "true"}, id="export-tags"),
        pytest.param(replace(PUSH, tags=TAGS), {"Tags": "latest=latest,vShortSHA=v{{ .ShortSHA }}"}, id="tags"),
        pytest.param(
            replace(PUSH, arguments=(BuildArgument("A", "1"), BuildArgument("B", "x=y"))),
            {"BuildArgs": "A=1,B=x=y"},
            id="build-arguments",
        ),
        pytest.param(
            replace(PULL, build_config_from_pull_request=True), {"UseKanikoConfigFromPR": "true"}, id="kaniko-config"
        ),
    ],
)
def test_v1_sends(asked: ParameterInputs, expected: dict[str, str]) -> None:
    found = sent("v1", asked)
    assert found == {**(OF_A_PULL if asked.pull_number else ALWAYS), "UseKanikoConfigFromPR": "false", **expected}


V2_ALWAYS = {**ALWAYS, "BuildEngine": "kaniko"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"base_ref": "main"}, {"BaseRef": "main"}, id="base-ref"),
        pytest.param({"env_file": "build.env"}, {"EnvFile": "build.env"}, id="env-file"),
        pytest.param({"platforms": PLATFORMS}, {"Platforms": "linux/amd64,linux/arm/v7"}, id="platforms"),
        pytest.param({"target": "final"}, {"Target": "final"}, id="target"),
        pytest.param({"engine": "buildkit"}, {"BuildEngine": "buildx"}, id="buildkit"),
        pytest.param(
            {"tags": TAGS},
            {"Tags": base64.b64encode(b"latest=latest,vShortSHA=v{{ .ShortSHA }}").decode()},
            id="tags",
        ),
        pytest.param(
            {"tags": (TagSpec.parse('x={{ printf "%s=%s" .Date .ShortSHA }}').unwrap(),)},
            {"Tags": base64.b64encode(b'x={{ printf "%s=%s" .Date .ShortSHA }}').decode()},
            id="equals-in-a-template",
        ),
        pytest.param({"job_type": JobType.WORKFLOW_DISPATCH}, {"JobType": "workflow_dispatch"}, id="dispatch"),
        pytest.param({"job_type": JobType.SCHEDULE}, {"JobType": "schedule"}, id="schedule"),
        pytest.param(
            {"job_type": JobType.MERGE_GROUP, "head_commit": HEAD},
            {"JobType": "merge_group", "PullNumber": "0", "PullPullSHA": HEAD},
            id="merge-group",
        ),
        pytest.param(
            {
                "job_type": JobType.PRESUBMIT,
                "pull_number": 17,
                "head_commit": HEAD,
                "build_config_from_pull_request": True,
            },
            {"JobType": "presubmit", "PullNumber": "17", "PullPullSHA": HEAD, "UseKanikoConfigFromPR": "true"},
            id="kaniko-config",
        ),
    ],
)
def test_v2_sends(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert sent("v2", replace(PUSH, **changes)) == {**V2_ALWAYS, **expected}


V3_ALWAYS = {**ALWAYS, "Platforms": "linux/amd64,linux/arm64"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"engine": "buildkit"}, {}, id="engine-of-the-image"),
        pytest.param({"base_ref": "main", "target": "final"}, {"BaseRef": "main", "Target": "final"}, id="given"),
        pytest.param({"platforms": PLATFORMS}, {"Platforms": "linux/amd64,linux/arm/v7"}, id="platforms"),
        pytest.param({"go_internal_sap_modules": True}, {"UseGoInternalSAPModules": "true"}, id="modules"),
        pytest.param({"restricted_registry": True}, {"useRestrictedRegistry": "true"}, id="registry"),
        pytest.param(
            {"tags": TAGS},
            {"Tags": base64.b64encode(b"latest=latest,vShortSHA=v{{ .ShortSHA }}").decode()},
            id="tags",
        ),
    ],
)
def test_v3_sends(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert sent("v3", replace(PUSH, **changes)) == {**V3_ALWAYS, **expected}


@pytest.mark.parametrize(
    ("version", "asked", "note"),
    [
        ("v1", replace(PUSH, engine="buildkit"), "USE_BUILDKIT: parameters v1 name no engine"),
        ("v2", replace(PUSH, engine="buildkit"), None),
        ("v2", replace(PULL, engine="buildkit", build_config_from_pull_request=True), "the pipeline uses kaniko"),
        ("v3", replace(PUSH, engine="buildkit"), "USE_BUILDKIT: parameters v3 name no engine"),
        ("v3", PUSH, None),
    ],
)
def test_an_engine_that_the_image_chose_is_a_note_and_not_refused(
    version: str, asked: ParameterInputs, note: str | None
) -> None:
    found = parameter_notes(version, asked)
    assert (note is None) == (found == ())
    assert note is None or note in found[0]
    assert sent(version, asked).get("BuildEngine", "kaniko") == ("kaniko" if note or asked == PUSH else "buildx")


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_contract_names_everything_that_it_can_send(version: str) -> None:
    everything = replace(
        PULL,
        base_ref="main",
        arguments=(BuildArgument("A", "1"),),
        tags=TAGS[:1],
        platforms=PLATFORMS if version != "v1" else (),
        target="final" if version != "v1" else None,
        env_file="x" if version == "v2" else None,
        go_internal_sap_modules=version == "v3",
        restricted_registry=version == "v3",
        build_config_from_pull_request=version != "v3",
    )
    names = {*sent(version, everything), *(["Authorization"] if sends_token(version) else [])}
    assert all(fitting_contract([name]) != version or version == "v3" for name in names)
    assert fitting_contract(names) is None


@pytest.mark.parametrize(
    ("unexpected", "contract"),
    [
        (["BuildEngine"], "v3"),
        (["usekanikoconfigfrompr"], "v3"),
        (["EnvFile"], "v3"),
        (["Platforms", "BuildEngine"], "v1"),
        (["useRestrictedRegistry"], "v2"),
        (["Name"], None),
        ([], "v3"),
    ],
)
def test_the_newest_contract_without_an_undeclared_parameter_fits(unexpected: list[str], contract: str | None) -> None:
    assert fitting_contract(unexpected) == contract


@pytest.mark.parametrize(
    ("changes", "version", "where"),
    [
        ({"env_file": "build.env"}, "v1", "--env-file"),
        ({"platforms": PLATFORMS}, "v1", "--platform"),
        ({"target": "final"}, "v1", "--target"),
        ({"go_internal_sap_modules": True}, "v1", "--use-go-internal-sap-modules"),
        ({"restricted_registry": True}, "v2", "--use-restricted-registry"),
        ({"env_file": "build.env"}, "v3", "--env-file"),
        ({"build_config_from_pull_request": True, "job_type": JobType.PRESUBMIT}, "v3", KANIKO),
        ({"tags": (TagSpec("a,b", "x", ""),)}, "v3", "--tag"),
        ({"variant": "main"}, "v1", "--variant"),
        ({"variant": "main"}, "v2", "--variant"),
        ({"tags": (TagSpec("a", "b,c", ""),)}, "v1", "--tag"),
        ({"tags": (TagSpec("a", "b=c", ""),)}, "v1", "--tag"),
        ({"tags": (TagSpec("a,b", "c", ""),)}, "v1", "--tag"),
        ({"tags": (TagSpec("a", '{{ printf "%s=%s" .Date .Date }}', ""),)}, "v1", "--tag"),
        ({"tags": (TagSpec("a", "{{ .Date }},x", ""),)}, "v2", "--tag"),
        ({"tags": (TagSpec("a,b", "x", ""),)}, "v2", "--tag"),
        ({"tags": (TagSpec("a", '{{ .Env "X" }}', ""),)}, "v1", "--tag"),
        ({"tags": (TagSpec("a", '{{ or (.Env "X") "dev" }}', ""),)}, "v2", "--tag"),
        ({"arguments": (BuildArgument("A", "b,c"),)}, "v1", "--build-arg"),
        ({"arguments": (BuildArgument("A", "b,c"),)}, "v2", "--build-arg"),
        ({"build_config_from_pull_request": True}, "v1", KANIKO),
        ({"build_config_from_pull_request": True, "job_type": JobType.MERGE_GROUP}, "v2", KANIKO),
        ({"env_file": ""}, "v2", "--env-file"),
        ({"context": "\udcff"}, "v2", "Context"),
        ({"tags": (TagSpec("a", "\udcff", ""),)}, "v2", "Tags"),
    ],
)
def test_a_value_that_a_contract_cannot_express_is_refused(changes: dict[str, Any], version: str, where: str) -> None:
    assert refused(version, replace(PUSH, **changes)) == [where]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
@pytest.mark.parametrize("job", [JobType.BATCH, JobType.PERIODIC, JobType.LOCAL])
def test_jobs_that_no_pipeline_takes_are_refused(job: JobType, version: str) -> None:
    assert refused(version, replace(PUSH, job_type=job)) == ["--build-in-ado"]


@pytest.mark.parametrize("job", [JobType.MERGE_GROUP, JobType.SCHEDULE, JobType.WORKFLOW_DISPATCH])
def test_v1_has_only_pull_requests_and_pushes(job: JobType) -> None:
    assert refused("v1", replace(PUSH, job_type=job)) == ["--build-in-ado"]


def test_all_problems_are_reported_together() -> None:
    asked = replace(PUSH, job_type=JobType.BATCH, variant="main", env_file="x", target="y", platforms=PLATFORMS)
    assert refused("v1", asked) == ["--build-in-ado", "--variant", "--env-file", "--platform", "--target"]


def test_a_secret_looking_build_argument_is_sent_and_not_shown() -> None:
    asked = replace(PUSH, arguments=(BuildArgument("A", "1"), BuildArgument("API_TOKEN", "hunter2")))
    found = next(each for each in decide_parameters("v2", asked).unwrap() if each.name == "BuildArgs")
    assert (found.value, found.shown) == ("A=1,API_TOKEN=hunter2", "A=1,API_TOKEN=***")
    assert "hunter2" not in repr(found)


@given(
    st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True), min_size=1, max_size=5, unique=True)
)
def test_every_list_of_plain_tags_can_be_split_again(values: list[str]) -> None:
    asked = replace(PUSH, tags=tuple(TagSpec.parse(value).unwrap() for value in values))
    plain = base64.b64decode(sent("v2", asked)["Tags"]).decode()
    assert plain == sent("v1", asked)["Tags"]
    assert [each.split("=")[1] for each in plain.split(",")] == values

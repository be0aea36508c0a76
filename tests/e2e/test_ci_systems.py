"""Builds in jobs of GitHub Actions and Azure Pipelines: where images go, and what the CI system receives."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import jobs
from tests.e2e.world import COMMIT, HEAD, World, run_step
from tests.git_repository import check_out
from tests.oci_registry import push_image

pytestmark = pytest.mark.e2e


def claiming(content: dict[str, Any]) -> dict[str, Any]:
    """The same variables or payload with the commits that the world can check out."""
    found: dict[str, Any] = json.loads(json.dumps(content).replace(jobs.BASE, COMMIT).replace(jobs.HEAD, HEAD))
    return found


def in_github(world: World, job: dict[str, str], event: dict[str, Any]) -> tuple[Path, Path]:
    """Become a job of GitHub Actions; its output file and step summary."""
    job, event = claiming(job), claiming(event)
    check_out(world.context, HEAD if "GITHUB_HEAD_REF" in job else COMMIT)
    payload, output, summary = (world.folder / name for name in ("event.json", "output", "summary"))
    payload.write_text(json.dumps(event))
    output.touch()
    summary.touch()
    files = {"GITHUB_EVENT_PATH": payload, "GITHUB_OUTPUT": output, "GITHUB_STEP_SUMMARY": summary}
    world.environment = job | {name: str(path) for name, path in files.items()} | {"USE_BUILDKIT": "true"}
    world.environment["GITHUB_WORKSPACE"] = str(world.context)
    return output, summary


def test_a_push_publishes_as_production_and_gives_the_step_its_outputs(world: World) -> None:
    output, summary = in_github(world, jobs.PUSH, jobs.PUSH_EVENT)
    done = world.run("--tag=latest")
    assert done.code == 0, done.err
    lines = output.read_text().splitlines()
    values = {lines[at].partition("<<")[0]: lines[at + 1] for at in range(0, len(lines), 3)}
    assert json.loads(values["images"]) == done.report["images_list"]
    assert f"{world.registry.host_port}/prod/app:latest" in done.report["images_list"]
    assert values["digest"] == done.report["digest"]
    assert json.loads(values["architectures"]) == done.report["architectures"]
    assert json.loads(values["build-report"]) == done.report
    assert done.report["digest"] in summary.read_text()


def test_a_pull_request_publishes_for_development_alone(world: World) -> None:
    in_github(world, jobs.PULL_REQUEST, jobs.PULL_REQUEST_EVENT)
    done = world.run()
    assert done.code == 0, done.err
    assert done.report["images_list"] == [f"{world.registry.host_port}/dev/app:PR-7"]
    assert done.report["signed"] is False


def test_a_failed_build_tells_its_outputs_and_summary_too(world: World) -> None:
    output, summary = in_github(world, jobs.PUSH, jobs.PUSH_EVENT)
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo ::error::mine; exit 1"]')
    done = world.run()
    assert done.code == 3, done.err
    assert "\n[]\n" in output.read_text()
    assert "::error::mine" in summary.read_text()
    of_engine, ours = (
        [line for line in text.splitlines() if line.lstrip().startswith("::")] for text in (done.out, done.err)
    )
    assert of_engine == ["::group::building app", "::endgroup::"]
    *warnings, error = ours
    assert all(line.startswith("::warning::") for line in warnings)
    assert error.startswith("::error file=Dockerfile,line=4::the build failed")


def test_a_secret_that_markdown_would_write_otherwise_is_hidden_in_the_summary(world: World) -> None:
    _, summary = in_github(world, jobs.PUSH, jobs.PUSH_EVENT)
    world.dockerfile("ARG MY_TOKEN", run_step("echo it is $MY_TOKEN; exit 1"))
    done = world.run("--build-arg", "MY_TOKEN=open&sesame<1234")
    assert done.code == 3, done.err
    assert "it is ***" in summary.read_text()
    assert "sesame" not in summary.read_text()


def test_azure_pipelines_hears_of_success_in_output_variables(world: World) -> None:
    world.config |= jobs.LISTED
    world.environment = claiming(jobs.AZURE_PUSH) | {"USE_BUILDKIT": "true"}
    done = world.run("--ado-state-output")
    assert done.code == 0, done.err
    commands = [line for line in done.out.splitlines() if line.startswith("##vso[")]
    assert commands == [
        "##vso[task.setvariable variable=build_success;isoutput=true]true",
        "##vso[task.setvariable variable=signing_success;isoutput=true]true",
    ]


def test_commands_for_azure_pipelines_stay_out_of_a_json_result(world: World) -> None:
    world.config |= jobs.LISTED
    world.environment = claiming(jobs.AZURE_PUSH) | {"USE_BUILDKIT": "true"}
    words = 'RUN ["/bin/busybox", "sh", "-c", "echo \'##vso[task.complete result=Succeeded]\'; exit 1"]'
    world.dockerfile(words)
    done = world.run("--ado-state-output", "--output=json")
    assert done.code == 3, done.err
    assert json.loads(done.out)["images"][0]["failure"]["last_lines"] == ["##vso[task.complete result=Succeeded]"]
    assert "##vso[" not in done.out
    commands = [line for line in done.err.splitlines() if "##vso[" in line and "logissue type=" not in line]
    assert commands == [
        f"##vso[task.setvariable variable={name}_success;isoutput=true]false" for name in ("build", "signing")
    ]


def test_a_run_that_only_signs_tells_azure_pipelines_so(world: World) -> None:
    host = world.registry.host_port
    push_image(host, "prod/app", "v1", marker="v1")
    world.config |= jobs.LISTED
    world.environment = dict(jobs.AZURE_PUSH)
    commands = [
        next(line for line in done.out.splitlines() if line.startswith("##vso["))
        for done in (
            world.sign("--images-to-sign", f"{host}/prod/app:v1", "--ado-state-output"),
            world.sign("--images-to-sign", f"{host}/prod/app:absent", "--ado-state-output"),
        )
    ]
    assert commands == [
        f"##vso[task.setvariable variable=signing_success;isoutput=true]{value}" for value in ("true", "false")
    ]

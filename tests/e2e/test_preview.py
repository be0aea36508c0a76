"""The command expands a pipeline's definition, and runs nothing."""

import json
import re
from pathlib import Path

import pytest
import yaml
from image_builder_stand_ins.azure_devops.message import Operation

from tests.e2e.remote_world import ROOT, RemoteWorld
from tests.e2e.run import Finished
from tests.jobs import PUSH, PUSH_EVENT

OURS = str(ROOT / "pipelines/oci-image-builder.yaml")


def preview(remote: RemoteWorld, path: str = OURS, *arguments: str) -> Finished:
    return remote.run("--ado-preview-run", "--ado-preview-run-yaml-path", path, *arguments)


def test_standard_output_is_the_expanded_definition_and_nothing_else(remote: RemoteWorld) -> None:
    done = preview(remote)
    assert done.code == 0, done.err
    assert "stages" in yaml.safe_load(done.out)
    assert remote.service.runs == ()


def test_the_verb_is_the_same_as_the_flag(remote: RemoteWorld) -> None:
    assert remote.run("preview", "--ado-preview-run-yaml-path", OURS).out == preview(remote).out


def test_a_file_gets_what_standard_output_would(remote: RemoteWorld) -> None:
    done = preview(remote, OURS, "--ado-preview-output", "expanded.yaml")
    assert (done.code, done.out) == (0, "")
    assert (remote.folder / "expanded.yaml").read_text() == preview(remote).out


def test_outside_of_ci_a_definition_is_expanded_as_for_a_push(remote: RemoteWorld) -> None:
    remote.environment = {"ADO_PAT": remote.service.pat, "PULL_BASE_SHA": "1" * 40}
    done = preview(remote)
    assert done.code == 0, done.err


def test_a_definition_that_is_wrong_is_refused_with_its_place(remote: RemoteWorld) -> None:
    wrong = remote.folder / "wrong.yaml"
    wrong.write_text(Path(OURS).read_text().replace("- checkout: none", "- banana: none"))
    done = preview(remote, str(wrong))
    assert (done.code, done.out) == (2, "")
    line = 1 + wrong.read_text().split("- banana")[0].count("\n")
    assert re.search(rf"\.ya?ml:{line}:\d+: .*banana", done.err), done.err


@pytest.mark.parametrize("content", ["", "\n  \n"])
def test_an_empty_definition_is_refused_before_anything_is_sent(remote: RemoteWorld, content: str) -> None:
    (remote.folder / "empty.yaml").write_text(content)
    done = preview(remote, "empty.yaml")
    assert done.code == 2
    assert "empty" in done.err
    assert remote.service.requests == ()


@pytest.mark.parametrize(
    "arguments", [["preview"], ["--ado-preview-run"], ["preview", "--ado-preview-run-yaml-path", "/nowhere"]]
)
def test_a_definition_is_needed(remote: RemoteWorld, arguments: list[str]) -> None:
    done = remote.run(*arguments)
    assert done.code == 2
    assert "ado-preview-run-yaml-path" in done.err


def test_a_dry_run_prints_the_request_and_sends_nothing(remote: RemoteWorld) -> None:
    done = preview(remote, OURS, "--dry-run")
    assert done.code == 0
    assert "/preview?api-version=7.1" in done.out
    assert remote.service.requests == ()


def test_commands_for_the_ci_system_are_not_printed_where_it_would_obey_them(remote: RemoteWorld) -> None:
    event = remote.folder / "event.json"
    event.write_text(json.dumps(PUSH_EVENT))
    remote.environment = {**PUSH, "GITHUB_EVENT_PATH": str(event), "ADO_PAT": remote.service.pat}
    done = preview(remote)
    assert (done.code, done.out) == (2, "")
    assert "--ado-preview-output" in done.err


def test_a_service_without_an_answer_is_exit_code_6(remote: RemoteWorld) -> None:
    remote.ado |= {"ado-retry-strategy": {"attempts": 1, "delay": "0s"}, "ado-organization-url": "http://127.0.0.1:1/x"}
    assert preview(remote).code == 6
    assert remote.service.count(Operation.PREVIEW) == 0


@pytest.mark.parametrize(
    "flag", ["--build-report-path=r.json", "--ado-state-output", "--backend=kaniko", "--variant=x", "--output=json"]
)
def test_what_a_preview_would_have_to_ignore_is_refused(remote: RemoteWorld, flag: str) -> None:
    done = preview(remote, OURS, flag)
    assert done.code == 2
    assert flag.partition("=")[0] in done.err
    assert remote.service.requests == ()

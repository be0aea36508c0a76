"""The command expands a pipeline's definition, and runs nothing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from image_builder_stand_ins.azure_devops.message import Operation

from tests.e2e.remote_world import ROOT, Finished, Office, office
from tests.jobs import PUSH, PUSH_EVENT

OURS = str(ROOT / "pipelines/oci-image-builder.yaml")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Office]:
    folder = tmp_path / "office"
    folder.mkdir()
    with office(folder) as found:
        yield found


def preview(desk: Office, path: str = OURS, *arguments: str) -> Finished:
    return desk.run("--ado-preview-run", "--ado-preview-run-yaml-path", path, *arguments)


def test_standard_output_is_the_expanded_definition_and_nothing_else(desk: Office) -> None:
    done = preview(desk)
    assert done.code == 0, done.err
    assert "stages" in yaml.safe_load(done.out)
    assert desk.service.runs == ()


def test_the_verb_is_the_same_as_the_flag(desk: Office) -> None:
    assert desk.run("preview", "--ado-preview-run-yaml-path", OURS).out == preview(desk).out


def test_a_file_gets_what_standard_output_would(desk: Office) -> None:
    done = preview(desk, OURS, "--ado-preview-output", "expanded.yaml")
    assert (done.code, done.out) == (0, "")
    assert (desk.folder / "expanded.yaml").read_text() == preview(desk).out


def test_outside_of_ci_a_definition_is_expanded_as_for_a_push(desk: Office) -> None:
    desk.environment = {"ADO_PAT": desk.service.pat, "PULL_BASE_SHA": "1" * 40}
    done = preview(desk)
    assert done.code == 0, done.err


def test_a_definition_that_is_wrong_is_refused_with_its_place(desk: Office) -> None:
    wrong = desk.folder / "wrong.yaml"
    wrong.write_text(Path(OURS).read_text().replace("- checkout: none", "- banana: none"))
    done = preview(desk, str(wrong))
    assert (done.code, done.out) == (2, "")
    line = 1 + wrong.read_text().split("- banana")[0].count("\n")
    assert re.search(rf"\.ya?ml:{line}:\d+: .*banana", done.err), done.err


@pytest.mark.parametrize("content", ["", "\n  \n"])
def test_an_empty_definition_is_refused_before_anything_is_sent(desk: Office, content: str) -> None:
    (desk.folder / "empty.yaml").write_text(content)
    done = preview(desk, "empty.yaml")
    assert done.code == 2
    assert "empty" in done.err
    assert desk.service.requests == ()


@pytest.mark.parametrize(
    "arguments", [["preview"], ["--ado-preview-run"], ["preview", "--ado-preview-run-yaml-path", "/nowhere"]]
)
def test_a_definition_is_needed(desk: Office, arguments: list[str]) -> None:
    done = desk.run(*arguments)
    assert done.code == 2
    assert "ado-preview-run-yaml-path" in done.err


def test_a_dry_run_prints_the_request_and_sends_nothing(desk: Office) -> None:
    done = preview(desk, OURS, "--dry-run")
    assert done.code == 0
    assert "/preview?api-version=7.1" in done.out
    assert desk.service.requests == ()


def test_commands_for_the_ci_system_are_not_printed_where_it_would_obey_them(desk: Office) -> None:
    event = desk.folder / "event.json"
    event.write_text(json.dumps(PUSH_EVENT))
    desk.environment = {**PUSH, "GITHUB_EVENT_PATH": str(event), "ADO_PAT": desk.service.pat}
    done = preview(desk)
    assert (done.code, done.out) == (2, "")
    assert "--ado-preview-output" in done.err


def test_a_service_without_an_answer_is_exit_code_6(desk: Office) -> None:
    desk.ado |= {"ado-retry-strategy": {"attempts": 1, "delay": "0s"}, "ado-organization-url": "http://127.0.0.1:1/x"}
    assert preview(desk).code == 6
    assert desk.service.count(Operation.PREVIEW) == 0


@pytest.mark.parametrize(
    "flag", ["--build-report-path=r.json", "--ado-state-output", "--backend=kaniko", "--variant=x", "--output=json"]
)
def test_what_a_preview_would_have_to_ignore_is_refused(desk: Office, flag: str) -> None:
    done = preview(desk, OURS, flag)
    assert done.code == 2
    assert flag.partition("=")[0] in done.err
    assert desk.service.requests == ()

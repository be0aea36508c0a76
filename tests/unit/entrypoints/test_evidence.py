"""The evidence of a run: never what an earlier run or a commit left, and in agreement with the exit code."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from image_builder.cli import run
from image_builder.container import open_evidence_files
from image_builder.evidence import Evidence
from image_builder.flags import scan
from image_builder.options import Options
from image_builder.presenters.console import Console
from image_builder_adapters.console_text import neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.artifacts import no_room
from image_builder_domain.report.build_outcome import Outcome, report
from image_builder_domain.report.report import Report

from tests import jobs
from tests.jobs import prow_job
from tests.unit.entrypoints.github_files import as_the_runner_reads
from tests.unit.reports import PLAN, SIGNED

COMMIT = "c" * 40
OLDER = {
    "status": "Succeeded",
    "outcome": "success",
    "pushed": True,
    "signed": True,
    "images": [],
    "images_list": ["r.example/a:1"],
}


class Desk:
    """A folder in which the command runs, with what an earlier run left."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self.become({"PATH": os.environ["PATH"]})
        monkeypatch.chdir(folder)
        (folder / "artifacts").mkdir()
        self.report = folder / "report.json"
        self.report.write_text(json.dumps(OLDER))

    def become(self, environment: dict[str, str]) -> None:
        """Run with these variables, and no others of the tests'."""
        for name in list(os.environ):
            self._monkeypatch.delenv(name)
        own = {"HOME": str(self.folder / "home"), "ARTIFACTS": str(self.folder / "artifacts")}
        for name, value in {**own, **environment}.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *words: str) -> int:
        return run(scan(list(words)))

    def found(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report.read_text())
        return found


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


REPORTING = [
    pytest.param(("--name", "app"), id="build"),
    pytest.param(("--name", "app", "--nonsense", "--tag"), id="command-line"),
    pytest.param(("--name", "app", "--sign-only", "--parse-tags-only"), id="two-modes"),
    pytest.param(("--name", "app", "--build-in-ado"), id="remote"),
    pytest.param(("--sign-only", "--images-to-sign", "r.example/a:1"), id="sign"),
    pytest.param(("--sign-only",), id="sign-nothing"),
]


@pytest.mark.parametrize("words", REPORTING)
def test_a_refused_run_replaces_the_report_that_it_finds(
    desk: Desk, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("--build-report-path", "report.json", *words)
    assert desk.run(*words) == 2
    found = desk.found()
    assert (found["outcome"], found["exit_code"], found["pushed"], found["signed"]) == ("refused", 2, False, False)
    assert found["image_name"] == ("app" if "--name" in words else "")
    printed = capfd.readouterr().err
    assert found["problems"]
    assert all(f"error: {problem}\n" in printed for problem in found["problems"])


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("plan", "--name", "app"), id="plan"),
        pytest.param(("--dry-run", "--name", "app"), id="dry-run"),
        pytest.param(("tags",), id="tags-of-a-build"),
    ],
)
def test_a_plan_leaves_the_report_alone(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run(*words, "--build-report-path", "report.json") == 2
    assert desk.found() == OLDER


def test_a_plan_with_a_flag_of_another_mode_is_refused_in_the_report_of_that_mode(desk: Desk) -> None:
    assert desk.run("plan", "--sign-only", "--build-report-path", "report.json") == 2
    assert desk.found()["outcome"] == "refused"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("tags", "--tags-output-file", "report.json"), id="tags"),
        pytest.param(("preview", "--ado-preview-output", "report.json"), id="preview"),
    ],
)
def test_a_refused_run_removes_the_result_that_it_finds(desk: Desk, words: tuple[str, ...]) -> None:
    assert desk.run(*words) == 2
    assert not desk.report.exists()


def test_secrets_in_the_problems_are_hidden(desk: Desk) -> None:
    desk.become({"ADO_PAT": "hunter22hunter22"})
    assert desk.run("--build-report-path", "report.json", "--name", "hunter22hunter22!") == 2
    assert "hunter22" not in desk.report.read_text()


def test_the_outputs_of_github_say_that_the_run_was_refused_and_why(desk: Desk) -> None:
    output, summary = desk.folder / "output", desk.folder / "summary"
    output.touch()
    summary.touch()
    desk.become(jobs.PUSH | {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)})
    assert desk.run("--name", "app", "--context", "nowhere<b>") == 2
    values = as_the_runner_reads(output.read_bytes())
    assert (values["images"], values["digest"]) == ("[]", "")
    assert "### app: refused\n" in summary.read_text()
    assert "- --config: " in summary.read_text() or "the file does not exist" in summary.read_text()
    assert "<b>" not in summary.read_text()


def test_the_variables_of_azure_say_that_the_run_was_refused(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert desk.run("--name", "app", "--ado-state-output") == 2
    assert capfd.readouterr().out.splitlines() == [
        f"##vso[task.setvariable variable={name}_success;isoutput=true]false" for name in ("build", "signing")
    ]
    assert desk.run("sign", "--ado-state-output") == 2
    assert capfd.readouterr().out == "##vso[task.setvariable variable=signing_success;isoutput=true]false\n"


def test_the_metadata_of_prow_say_that_the_run_was_refused(desk: Desk) -> None:
    desk.become(prow_job("postsubmit", COMMIT))
    artifacts = desk.folder / "artifacts"
    (artifacts / "metadata.json").write_text(json.dumps({"signed": "true", "images": "r.example/a:1"}))
    (artifacts / "image-builder-image.link.txt").write_text("r.example/a@sha256:1")
    assert desk.run("--name", "app") == 2
    found = json.loads((artifacts / "metadata.json").read_text())
    assert re.fullmatch(r"\d+\.\d s", found.pop("duration"))
    assert found.pop("failure")
    empty = {"image-digest": "", "images": "", "side": "", "run-url": ""}
    assert found == {"outcome": "refused", "signed": "false", **empty}
    written = {"metadata.json", "junit_image-builder.xml", "image-builder.html"}
    assert {file.name for file in artifacts.iterdir()} == written


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--build-report-path", ("--name", "app")),
        ("--build-report-path", ("sign", "--images-to-sign", "r.example/a:1")),
        ("--tags-output-file", ("tags",)),
        ("--ado-preview-output", ("preview",)),
    ],
)
def test_a_committed_link_chooses_no_file(
    desk: Desk, flag: str, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "copy").mkdir()
    (desk.folder / "copy" / "out").symlink_to("..")
    for path in ("copy/out/report.json", f"{desk.folder}/copy/out/report.json"):
        assert desk.run(*words, "--context", "copy", flag, path) == 2
        assert f"error: {flag}: {path}: cannot be written: {desk.folder}/copy/out is a link" in capfd.readouterr().err
    assert desk.found() == OLDER


def test_a_committed_link_chooses_no_folder_of_logs(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    (desk.folder / "victim").mkdir()
    (desk.folder / "out").symlink_to("victim")
    assert desk.run("--name", "app", "--log-dir", "out/logs", "--build-report-path", "report.json") == 2
    assert f"error: --log-dir: out/logs: cannot be written: {desk.folder}/out is a link" in capfd.readouterr().err
    assert list((desk.folder / "victim").iterdir()) == []
    assert desk.found()["outcome"] == "refused"


@pytest.mark.parametrize(
    "link",
    [".local", ".local/state", *(f".local/state/image-builder/{kept}" for kept in ("unmerged", "local", "buildkit"))],
)
def test_a_committed_link_chooses_no_folder_of_an_engine(
    desk: Desk, link: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Some CI systems make the working copy the home folder."""
    desk.become({"HOME": str(desk.folder)})
    (desk.folder / "victim").mkdir()
    (desk.folder / link).parent.mkdir(parents=True, exist_ok=True)
    (desk.folder / link).symlink_to(desk.folder / "victim")
    assert desk.run("--name", "app") == 2
    assert f"{desk.folder}/{link} is a link" in capfd.readouterr().err
    assert list((desk.folder / "victim").iterdir()) == []


def test_the_results_of_tekton_never_stay_from_an_earlier_run(desk: Desk) -> None:
    results = desk.folder / "results"
    results.mkdir()
    for name in ("IMAGE_URL", "IMAGE_DIGEST", "IMAGES"):
        (results / name).write_text("r.example/a@sha256:1")
    assert desk.run("--name", "app", "--tekton-results", str(results)) == 2
    assert list(results.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [("ARTIFACTS", ()), ("--tekton-results", ("--tekton-results", "file/in"))],
)
def test_a_folder_that_cannot_be_written_is_one_problem_before_the_build(
    desk: Desk, place: str, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    (desk.folder / "file").touch()
    desk.become(prow_job("postsubmit", COMMIT) | ({"ARTIFACTS": "file/in"} if place == "ARTIFACTS" else {}))
    assert desk.run("--name", "app", *words) == 2
    assert capfd.readouterr().err.count(f"ERROR: {place}: file/in") == 1


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_of_github_that_cannot_be_written_is_refused_before_the_build(
    desk: Desk, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.become(jobs.PUSH | {name: str(desk.folder / "nowhere")})
    assert desk.run("--name", "app") == 2
    assert capfd.readouterr().err.count(f"::error::{name}: {desk.folder}/nowhere: cannot be written") == 1


def test_a_full_disk_leaves_no_earlier_report(desk: Desk) -> None:
    with no_room():
        assert desk.run("--build-report-path", "report.json", "--name", "app") == 2
    assert not desk.report.exists()


@pytest.mark.parametrize("words", [("--name", "app"), ("sign", "--images-to-sign", "r.example/a:1"), ("tags",)])
def test_a_deadline_that_passes_while_inputs_are_read_is_7_and_says_so_everywhere(
    desk: Desk, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic() - 61
    assert run(scan(["--timeout=1m", "--build-report-path=report.json", *words]), started) == 7
    assert "error: the deadline passed while the inputs were read; nothing was started" in (capfd.readouterr().err)
    if words != ("tags",):
        found = desk.found()
        assert (found["outcome"], found["exit_code"], found["interrupted"]) == ("failure", 7, "DEADLINE")


def test_a_signal_while_inputs_are_read_ends_without_a_traceback(desk: Desk) -> None:
    """A pipe as configuration is refused, so git is what takes its time here."""
    programs = desk.folder / "programs"
    programs.mkdir()
    (desk.folder / ".git").mkdir()
    (programs / "git").write_text("#!/bin/sh\nkill -TERM $PPID; sleep 30\n")
    (programs / "git").chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(desk.folder), "CI": "false"}
    command = [sys.executable, "-m", "image_builder", "--name=app", "--build-report-path=report.json"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (143, "")
    assert ended.stderr == "error: SIGTERM: the run was stopped while the inputs were read; nothing was started\n"
    assert (desk.found()["outcome"], desk.found()["interrupted"]) == ("failure", "SIGTERM")


def test_a_working_directory_that_is_gone_is_refused(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    command = f'mkdir "{gone}"; cd "{gone}"; rmdir "{gone}"; exec "{sys.executable}" -m image_builder plan --name=app'
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CI": "false"}
    ended = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: working directory: it cannot be used: ")
    assert "Traceback" not in ended.stderr


# --- the end of a run ---------------------------------------------------------------------------------------------


def written(lost: tuple[str, ...] = ()) -> Report:
    """The report of a build that lost these files."""
    return report(PLAN, Outcome((SIGNED,), lost=lost))


class Ended:
    """A build in GitHub Actions that ends; every place can be spoiled."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        self.report, self.output, self.summary = (folder / name for name in ("report.json", "output", "summary"))
        self.output.write_text("earlier<<x\nstep\nx")  # its last line was left open
        self.summary.touch()
        self.environment = jobs.PUSH | {
            "HOME": str(folder),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def finish(self, *words: str, make: Callable[[tuple[str, ...]], Report] = written) -> tuple[str, ...]:
        """What was lost."""
        options = Options.of(scan(["--build-report-path=report.json", *words]).values)
        console = Console(Redactor(), neutralise, results_only=options.is_json, silent=False, debug=False)
        files = open_evidence_files(str(self.report.parent / "logs"), Redactor(), ".")
        return Evidence({"build"}, options, self.environment, Redactor(), console, files).finish(make, ())

    def outputs(self) -> dict[str, str]:
        return as_the_runner_reads(self.output.read_bytes())


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ended:
    return Ended(tmp_path, monkeypatch)


def test_the_report_goes_to_every_place(ended: Ended, capfd: pytest.CaptureFixture[str]) -> None:
    assert ended.finish("--output=json", "--ado-state-output") == ()
    document = written().to_json()
    assert json.loads(ended.report.read_text()) == document
    shown = capfd.readouterr()
    assert json.loads(shown.out) == document
    assert shown.err.count("##vso[task.setvariable") == 2
    found = ended.outputs()
    assert list(found) == ["earlier", "images", "architectures", "digest", "side", "side-reason", "build-report"]
    assert json.loads(found["build-report"]) == document
    assert "reg.example/prod/app:v1" in ended.summary.read_text()


@contextmanager
def no_output() -> Iterator[None]:
    """Standard output that cannot be written."""
    before, full = os.dup(1), os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, 1)
    yield
    os.dup2(before, 1)
    for descriptor in (before, full):
        os.close(descriptor)


@pytest.mark.parametrize("words", [("--output=json",), ("--ado-state-output",)])
def test_a_report_file_says_what_was_lost_after_it(ended: Ended, words: tuple[str, ...]) -> None:
    with no_output():
        (lost,) = ended.finish(*words)
    found = json.loads(ended.report.read_text())
    assert (found["exit_code"], found["outcome"], found["not_written"]) == (8, "failure", [lost])


@pytest.mark.parametrize("name", ["output", "summary"])
def test_a_file_of_github_that_is_gone_is_never_made_and_changes_the_exit_code(ended: Ended, name: str) -> None:
    file: Path = getattr(ended, name)
    file.unlink()
    (lost,) = ended.finish()
    assert f"{file}: cannot be written: No such file" in lost
    assert not file.exists()
    assert json.loads(ended.report.read_text())["exit_code"] == 8


def test_a_report_file_that_cannot_be_written_is_named_in_the_printed_report(
    ended: Ended, capfd: pytest.CaptureFixture[str]
) -> None:
    ended.report.mkdir()
    (lost,) = ended.finish("--output=json")
    for found in (json.loads(capfd.readouterr().out), json.loads(ended.outputs()["build-report"])):
        assert (found["exit_code"], found["not_written"]) == (8, [lost])


def test_a_report_that_is_too_large_for_github_is_lost(ended: Ended) -> None:
    (lost,) = ended.finish(make=lambda lost: replace(written(lost), images_list=("x" * 100,) * 6_000))
    assert "--build-report-path" in lost


def test_each_run_has_an_unpredictable_delimiter_of_its_own(ended: Ended) -> None:
    ended.finish()
    ended.finish()
    delimiters = re.findall(rb"^images<<(.*)$", ended.output.read_bytes(), re.MULTILINE)
    assert len(set(delimiters)) == 2
    assert all(re.fullmatch(rb"image-builder-[0-9a-f]{32}", found) for found in delimiters)


def test_files_of_github_are_left_alone_in_other_systems(ended: Ended) -> None:
    ended.environment |= {"GITHUB_ACTIONS": "", "CI": "false"}
    assert ended.finish() == ()
    assert list(ended.outputs()) == ["earlier"]

"""What CI systems are told: outputs and summaries that no foreign text can change, and commands that stand alone."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder.ci_output import write_files
from image_builder.presenters.azure_pipelines import state_output
from image_builder.presenters.console import Console
from image_builder.presenters.github import output_file, outputs, step_summary
from image_builder_adapters.appended_file import append
from image_builder_adapters.console_text import harmless_json, neutralise
from image_builder_adapters.redaction import Redactor
from image_builder_domain.job.state import CiSystem
from returns.pipeline import is_successful

DIGEST = "sha256:" + "a" * 64
EVIL = "<script>|`x`*_[a](b)\n::error::x\n##vso[task.complete]\r\x1b[31m</pre>\n| --- |\nEOF"


def report(**more: Any) -> dict[str, Any]:
    image = {
        "variant": None,
        "digest": DIGEST,
        "destinations": [{"reference": "reg.example/prod/app:v1", "holds_digest": True, "reason": ""}],
        "signatures": [{"signer": "notary", "status": "signed"}],
        "failure": None,
    }
    whole = {
        "status": "success",
        "pushed": True,
        "signed": True,
        "not_signed": "",
        "trust": {"side": "production", "reason": "main is listed"},
        "image_name": "app",
        "images_list": ["reg.example/prod/app:v1"],
        "digest": DIGEST,
        "architectures": ["linux/amd64", "linux/arm64"],
    }
    return whole | {"images": [image | more]}


def failed(*lines: str, reason: str = "the build failed") -> dict[str, Any]:
    return report(digest=None, destinations=[], signatures=[], failure={"reason": reason, "last_lines": list(lines)})


def as_the_runner_reads(content: bytes) -> dict[str, str]:
    """Outputs in a ``GITHUB_OUTPUT`` file; a line that is none fails."""
    found: dict[str, str] = {}
    lines = iter(content.decode().split("\n"))
    for line in lines:
        if not line:
            continue
        name, arrows, delimiter = line.partition("<<")
        assert arrows, f"the runner refuses the line {line!r}"
        value: list[str] = []
        while (part := next(lines)) != delimiter:
            value.append(part)
        assert name not in found
        found[name] = "\n".join(value)
    return found


# --- GITHUB_OUTPUT ------------------------------------------------------------------------------------------------


def test_the_outputs_of_a_step_are_those_of_the_report() -> None:
    found = as_the_runner_reads(output_file(outputs(report()), "end"))
    assert list(found) == ["images", "architectures", "digest", "side", "side-reason", "build-report"]
    assert (found["side"], found["side-reason"]) == ("production", "main is listed")
    assert json.loads(found["images"]) == ["reg.example/prod/app:v1"]
    assert json.loads(found["architectures"]) == ["linux/amd64", "linux/arm64"]
    assert found["digest"] == DIGEST
    assert json.loads(found["build-report"]) == report()


def test_no_digest_is_an_empty_output() -> None:
    assert outputs(report() | {"digest": None})["digest"] == ""


@given(st.text("EOFend<=\n\r: {", max_size=40))
def test_no_value_ends_itself(text: str) -> None:
    found = as_the_runner_reads(output_file({"one": json.dumps(text), "two": "2"}, "image-builder-5f1c"))
    assert found == {"one": json.dumps(text), "two": "2"}


def test_a_report_that_is_too_large_loses_the_engine_s_lines_and_nothing_else() -> None:
    large = failed(*["x" * 60_000] * 10)
    found = json.loads(outputs(large)["build-report"])
    assert found["images"][0]["failure"] == {"reason": "the build failed", "last_lines": []}
    assert "build-report" not in outputs(report() | {"images_list": ["x" * 100] * 6_000})


# --- GITHUB_STEP_SUMMARY ------------------------------------------------------------------------------------------


def test_the_summary_tells_what_is_published_and_signed() -> None:
    text = step_summary(report()).decode()
    assert text.startswith("### app: success\n\nSide: production, main is listed\n\n| image |")
    assert f"| app | published | {DIGEST} | reg.example/prod/app:v1 | notary: signed |" in text


def test_the_summary_tells_why_nobody_signs_and_what_failed() -> None:
    text = step_summary(failed("step 1", "step 2") | {"not_signed": "no signer", "status": "failure"}).decode()
    assert "Not signed: no signer" in text
    assert "| app | failed |  |  |  |" in text
    assert "the build failed\n\n<pre>\nstep 1\nstep 2\n</pre>" in text


def test_the_summary_names_the_variant_that_failed() -> None:
    found = failed()
    found["images"][0] |= {"variant": "1.9"}
    text = step_summary(found).decode()
    assert "\n1.9: the build failed\n" in text


def test_nothing_foreign_has_a_meaning_in_the_summary() -> None:
    found = failed(EVIL, reason=EVIL) | {"image_name": EVIL, "not_signed": EVIL}
    found["images"][0] |= {
        "variant": EVIL,
        "destinations": [{"reference": EVIL, "holds_digest": False}],
        "signatures": [{"signer": EVIL, "status": "failed"}],
    }
    text = step_summary(found).decode()
    assert re.findall(r"</?\w+>", text) == ["<pre>", "</pre>"]
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    assert not re.search(r"[`*\[]", text.partition("<pre>")[0])
    (row,) = [line for line in text.splitlines() if line.startswith("| &#")]
    assert row.count("|") == 6


@pytest.mark.parametrize(("images", "length"), [(1, 0), (1, 70_000), (2, 70_000), (400, 0), (400, 30), (400, 70_000)])
def test_a_summary_never_outgrows_what_github_keeps(images: int, length: int) -> None:
    found = report()
    found["images"] = failed(*["<" * length] * 3)["images"] * images
    content = step_summary(found)
    assert len(content) <= 100 * 1024
    assert b"more parts are in the build report" in content or content.count(b"<pre>") == images


# --- files --------------------------------------------------------------------------------------------------------


def job(tmp_path: Path) -> dict[str, str]:
    names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    for name in names:
        (tmp_path / name).touch()
    return {name: str(tmp_path / name) for name in names}


def test_github_s_files_are_added_to(tmp_path: Path) -> None:
    environment = job(tmp_path)
    Path(environment["GITHUB_OUTPUT"]).write_text("earlier<<x\nstep\nx")  # its last line was left open
    assert write_files(report(), CiSystem.GITHUB, environment) == []
    found = as_the_runner_reads(Path(environment["GITHUB_OUTPUT"]).read_bytes())
    assert list(found) == ["earlier", "images", "architectures", "digest", "side", "side-reason", "build-report"]
    assert found["images"] == '["reg.example/prod/app:v1"]'
    assert "reg.example/prod/app:v1" in Path(environment["GITHUB_STEP_SUMMARY"]).read_text()


def test_each_run_has_a_delimiter_of_its_own_that_cannot_be_guessed(tmp_path: Path) -> None:
    environment = job(tmp_path)
    for _ in range(2):
        write_files(report(), CiSystem.GITHUB, environment)
    delimiters = re.findall(rb"^images<<(.*)$", Path(environment["GITHUB_OUTPUT"]).read_bytes(), re.MULTILINE)
    assert len(set(delimiters)) == 2
    assert all(re.fullmatch(rb"image-builder-[0-9a-f]{32}", found) for found in delimiters)


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_that_is_not_there_is_told_and_never_made(tmp_path: Path, name: str) -> None:
    environment = job(tmp_path)
    Path(environment[name]).unlink()
    (failure,) = write_files(report(), CiSystem.GITHUB, environment)
    assert failure.startswith(f"{name}: {environment[name]}: cannot be written: No such file")
    assert not Path(environment[name]).exists()


def test_a_report_that_github_would_not_take_is_told(tmp_path: Path) -> None:
    large = report() | {"images_list": ["x" * 100] * 6_000}
    (failure,) = write_files(large, CiSystem.GITHUB, job(tmp_path))
    assert "--build-report-path" in failure


@pytest.mark.parametrize("system", [found for found in CiSystem if found is not CiSystem.GITHUB])
def test_other_systems_files_are_left_alone(tmp_path: Path, system: CiSystem) -> None:
    environment = job(tmp_path)
    assert write_files(report(), system, environment) == []
    assert Path(environment["GITHUB_OUTPUT"]).read_bytes() == b""


def make_link(path: Path) -> None:
    (path.parent / "target").write_text("kept")
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_link, "Too many levels of symbolic links"),
        (os.mkfifo, "this is not a regular file"),
        (os.mkdir, "Is a directory"),
    ],
)
def test_only_a_regular_file_is_added_to(tmp_path: Path, make: Callable[[Path], None], reason: str) -> None:
    make(tmp_path / "file")
    assert reason in str(append(str(tmp_path / "file"), b"x").failure())
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_text() == "kept"


def test_adding_begins_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for part in (b"one\n", b"two", b"three\n"):
        assert is_successful(append(str(file), part))
    assert file.read_bytes() == b"one\ntwo\nthree\n"


# --- commands -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pushed", "signed"), [(True, True), (True, False), (False, False)])
def test_the_state_for_azure_is_what_the_report_says(pushed: bool, signed: bool) -> None:
    assert state_output(report() | {"pushed": pushed, "signed": signed}, was_built=True).splitlines() == [
        f"##vso[task.setvariable variable=build_success;isoutput=true]{str(pushed).lower()}",
        f"##vso[task.setvariable variable=signing_success;isoutput=true]{str(signed).lower()}",
    ]


def test_a_run_that_only_signs_tells_azure_of_signing_alone() -> None:
    told = state_output(report() | {"pushed": False}, was_built=False)
    assert told == "##vso[task.setvariable variable=signing_success;isoutput=true]true"


@given(st.recursive(st.text("#[]vso:\n\\", max_size=8), lambda inner: st.lists(inner, max_size=3)))
def test_a_json_document_says_the_same_without_any_command(document: object) -> None:
    line = harmless_json(json.dumps(document))
    assert json.loads(line) == document
    assert "##" not in line


@pytest.mark.parametrize("results_only", [False, True])
def test_commands_stand_beside_a_json_result(capfd: pytest.CaptureFixture[str], results_only: bool) -> None:
    console = Console(Redactor(), neutralise, results_only=results_only, silent=False, debug=False)
    assert console.command("##vso[task.x]") == ""
    assert capfd.readouterr() == (("", "##vso[task.x]\n") if results_only else ("##vso[task.x]\n", ""))


@pytest.mark.parametrize("prefix", [b"", b"one: "])
def test_two_pieces_of_a_long_line_make_no_command_together(capfd: pytest.CaptureFixture[str], prefix: bytes) -> None:
    console = Console(Redactor(), neutralise, results_only=False, silent=False, debug=False)
    for piece in (b"x" * 65_534 + b"##", b"vso[task.complete result=Failed]x", b"::error::x", b"\n"):
        console.engine_lines(piece, prefix)
    shown = capfd.readouterr().out
    assert "##vso[" not in shown
    assert not any(line.startswith("::") for line in shown.splitlines())


def test_a_summary_for_people_holds_no_command(capfd: pytest.CaptureFixture[str]) -> None:
    Console(Redactor(), neutralise, results_only=False, silent=False, debug=False).summary("::error::x ##vso[y]")
    assert capfd.readouterr().err == ": :error::x ## vso[y]\n"

"""GitHub's files: they are added to, never made or replaced."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder.ci_output import write_files
from image_builder_domain.job.state import CiSystem

from tests.unit.entrypoints.github_files import as_the_runner_reads
from tests.unit.reports import reported


def job(tmp_path: Path) -> dict[str, str]:
    names = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    for name in names:
        (tmp_path / name).touch()
    return {name: str(tmp_path / name) for name in names}


def test_github_s_files_are_added_to(tmp_path: Path) -> None:
    environment = job(tmp_path)
    Path(environment["GITHUB_OUTPUT"]).write_text("earlier<<x\nstep\nx")  # its last line was left open
    assert write_files(reported(), CiSystem.GITHUB, environment) == []
    found = as_the_runner_reads(Path(environment["GITHUB_OUTPUT"]).read_bytes())
    assert list(found) == ["earlier", "images", "architectures", "digest", "side", "side-reason", "build-report"]
    assert found["images"] == '["reg.example/prod/app:v1"]'
    assert "reg.example/prod/app:v1" in Path(environment["GITHUB_STEP_SUMMARY"]).read_text()


def test_each_run_has_a_delimiter_of_its_own_that_cannot_be_guessed(tmp_path: Path) -> None:
    environment = job(tmp_path)
    for _ in range(2):
        write_files(reported(), CiSystem.GITHUB, environment)
    delimiters = re.findall(rb"^images<<(.*)$", Path(environment["GITHUB_OUTPUT"]).read_bytes(), re.MULTILINE)
    assert len(set(delimiters)) == 2
    assert all(re.fullmatch(rb"image-builder-[0-9a-f]{32}", found) for found in delimiters)


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
def test_a_file_that_is_not_there_is_told_and_never_made(tmp_path: Path, name: str) -> None:
    environment = job(tmp_path)
    Path(environment[name]).unlink()
    (failure,) = write_files(reported(), CiSystem.GITHUB, environment)
    assert failure.startswith(f"{name}: {environment[name]}: cannot be written: No such file")
    assert not Path(environment[name]).exists()


def test_a_report_that_github_would_not_take_is_told(tmp_path: Path) -> None:
    large = replace(reported(), images_list=("x" * 100,) * 6_000)
    (failure,) = write_files(large, CiSystem.GITHUB, job(tmp_path))
    assert "--build-report-path" in failure


@pytest.mark.parametrize("system", [found for found in CiSystem if found is not CiSystem.GITHUB])
def test_other_systems_files_are_left_alone(tmp_path: Path, system: CiSystem) -> None:
    environment = job(tmp_path)
    assert write_files(reported(), system, environment) == []
    assert Path(environment["GITHUB_OUTPUT"]).read_bytes() == b""

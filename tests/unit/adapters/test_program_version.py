"""The path and the version of an installed program."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.program_version import Program, program_finding
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.diagnosis import Finding

from tests.programs import install_script


def finding(folder: Path, script: str, program: Program) -> Finding:
    """The finding about a program ``tool`` with this script."""
    install_script(folder, "tool", script)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "SECRET": "hunter2"}
    return program_finding(program, "engine", environment, ManualCancellation())


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("buildctl github.com/moby/buildkit v0.26.1 abcdef", "v0.26.1"),
        ("runc version 1.1.5+ds1\\ngo: go1.19.8", "1.1.5+ds1"),
        ("take care: 26.8 is old\\nGitVersion:    v3.1.3", "v3.1.3"),
        ("Kaniko version :  v1.27.5", "v1.27.5"),
        ("hello", ""),
    ],
)
def test_version_is_the_one_that_the_program_prints(printed: str, version: str, tmp_path: Path) -> None:
    tool = finding(tmp_path, f"printf '{printed}\\n'", Program("tool"))
    assert tool.is_good
    assert tool.found == f"{tmp_path}/tool{f' ({version})' if version else ''}"


def test_program_gets_no_other_variable_of_the_job(tmp_path: Path) -> None:
    assert finding(tmp_path, 'echo "version: ${SECRET:-none}"', Program("tool")).found.endswith("(none)")


def test_missing_program_has_a_remedy(tmp_path: Path) -> None:
    missing = finding(tmp_path, "", Program("other-tool", remedy="get it"))
    assert (missing.is_missing, missing.remedy) == (True, "get it")


def test_program_without_arguments_for_its_version_is_not_started(tmp_path: Path) -> None:
    assert finding(tmp_path, f"touch {tmp_path}/started", Program("tool", ())).is_good
    assert not (tmp_path / "started").exists()

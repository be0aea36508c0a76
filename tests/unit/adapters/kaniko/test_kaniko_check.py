"""What kaniko's engine finds missing before anything is built."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings

from tests.unit.entrypoints.workflows.test_build_workflow import Registry


def engine(executor: str, user: int, *own_files: str) -> KanikoEngine:
    settings = KanikoSettings({"KANIKO_EXECUTOR": executor}, None, single_build=True, user=user, own_files=own_files)
    return KanikoEngine(settings, Registry())


def test_container_of_ours_that_does_not_run_as_root_is_refused() -> None:
    missing = engine("/kaniko/executor", 1000, "/kaniko/ib/bin/python3").check().failure()
    assert "as user 1000; run the container as root" in str(missing)


def test_file_that_is_no_program_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "executor").write_text("")
    missing = engine(str(tmp_path / "executor"), 0, "/usr/bin/python3").check().failure()
    assert "/executor is not a program; set KANIKO_EXECUTOR" in str(missing)


def test_executor_is_a_path_and_never_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert engine("executor", 0).executor == os.path.join(tmp_path, "executor")

"""Checks of kaniko's engine that start nothing."""

from pathlib import Path

import pytest

from tests.kaniko import kaniko_engine

INSIDE = "/kaniko/ib/bin/python3"
OUTSIDE = "/usr/bin/python3"


@pytest.mark.parametrize(
    ("executor", "own_file", "at_once"),
    [
        pytest.param("/kaniko/executor", INSIDE, 1, id="in our container"),
        pytest.param("/kaniko/executor", OUTSIDE, None, id="the executor would delete the tool"),
        pytest.param("/opt/executor", INSIDE, None, id="another executor"),
    ],
)
def test_builds_run_one_after_another_in_our_container(executor: str, own_file: str, at_once: int | None) -> None:
    with kaniko_engine({"KANIKO_EXECUTOR": executor}, user=0, own_files=(own_file,)) as engine:
        assert engine.at_once() == at_once


@pytest.mark.parametrize(
    ("folder", "user", "own_file", "message"),
    [
        pytest.param("/kaniko", 1000, INSIDE, "as user 1000; run the container as root", id="not root"),
        pytest.param("/nowhere", 0, OUTSIDE, "is not installed; set KANIKO_EXECUTOR", id="missing"),
        pytest.param(".", 0, OUTSIDE, "/executor is not a program; set KANIKO_EXECUTOR", id="not executable"),
    ],
)
def test_check_explains_what_is_missing(
    folder: str, user: int, own_file: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "executor").write_text("")
    with kaniko_engine({"KANIKO_EXECUTOR": f"{folder}/executor"}, user=user, own_files=(own_file,)) as engine:
        assert message in str(engine.check().failure())


def test_executor_is_a_path_and_not_searched_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with kaniko_engine({"KANIKO_EXECUTOR": "executor", "PATH": "/opt"}) as engine:
        assert engine.executor == f"{tmp_path}/executor"

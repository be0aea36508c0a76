"""How many builds kaniko can run at the same time: a container has one root."""

import pytest
from image_builder_adapters.kaniko.engine import KanikoEngine, KanikoSettings

from tests.unit.entrypoints.workflows.test_build_workflow import Registry


@pytest.mark.parametrize(
    ("executor", "own_file", "at_once"),
    [
        pytest.param("/kaniko/executor", "/kaniko/ib/bin/python", 1, id="in our container"),
        pytest.param("/kaniko/executor", "/usr/bin/python", None, id="a tool that the executor would delete"),
        pytest.param("/opt/executor", "/kaniko/ib/bin/python", None, id="an executor of somebody else"),
    ],
)
def test_builds_come_one_after_another_where_there_is_one_root(
    executor: str, own_file: str, at_once: int | None
) -> None:
    settings = KanikoSettings({"KANIKO_EXECUTOR": executor}, None, single_build=False, user=0, own_files=(own_file,))
    assert KanikoEngine(settings, Registry()).at_once() == at_once

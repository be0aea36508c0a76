"""Which programs survive a build in our own container."""

import os

import pytest
from image_builder_adapters.kaniko.container import is_in_our_container, lasting_environment, lasting_path

OURS = ("/kaniko/ib/bin/python3", "/kaniko/ib", "/kaniko/ib/lib/x.py")


@pytest.mark.parametrize(
    ("path", "lasting"),
    [
        ("/kaniko/ib/bin:/usr/local/bin:/usr/bin", "/kaniko/ib/bin"),
        ("/kaniko:/kaniko/tools/", "/kaniko:/kaniko/tools/"),
        ("/kaniko/../usr/bin:/kaniko-other:kaniko/bin::.", "/kaniko/bin"),
        ("/usr/bin", "/kaniko/bin"),
        ("/proc:/nowhere", "/proc"),  # a file system of its own, as a volume is
    ],
)
def test_path_keeps_the_folders_that_survive(path: str, lasting: str) -> None:
    if os.stat("/usr/bin").st_dev != os.stat("/").st_dev:
        pytest.skip("/usr is a file system of its own on this machine")
    assert lasting_path(path) == lasting


def test_environment_is_unchanged_outside_our_container() -> None:
    environment = {"PATH": "/usr/bin", "KANIKO_EXECUTOR": "/kaniko/executor"}
    assert lasting_environment(environment) == environment


@pytest.mark.parametrize(
    ("executor", "own_files", "expected"),
    [
        ("/kaniko/executor", OURS, True),
        ("/usr/bin/executor", OURS, False),
        ("/kaniko/executor", (*OURS, "/usr/lib/x.py"), False),
    ],
)
def test_our_container_holds_executor_and_tool_below_kaniko(
    executor: str, own_files: tuple[str, ...], expected: bool
) -> None:
    assert is_in_our_container(executor, own_files) == expected

"""Which programs are still there, and still ours, after a build in our own container."""

import os

import pytest
from image_builder_adapters.kaniko.container import is_in_our_container, lasting_environment, lasting_path


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
def test_a_path_keeps_what_the_executor_leaves_alone(path: str, lasting: str) -> None:
    if os.stat("/usr/bin").st_dev != os.stat("/").st_dev:
        pytest.skip("/usr is a file system of its own here")
    assert lasting_path(path) == lasting


def test_outside_of_our_container_nothing_changes() -> None:
    environment = {"PATH": "/usr/bin", "KANIKO_EXECUTOR": "/kaniko/executor"}
    assert lasting_environment(environment) == environment


def test_our_container_is_where_all_of_the_tool_and_the_executor_lie_below_kaniko() -> None:
    ours = ("/kaniko/ib/bin/python3", "/kaniko/ib", "/kaniko/ib/lib/x.py")
    assert is_in_our_container("/kaniko/executor", ours)
    assert not is_in_our_container("/usr/bin/executor", ours)
    assert not is_in_our_container("/kaniko/executor", (*ours, "/usr/lib/x.py"))

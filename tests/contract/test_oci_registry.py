"""The registry that tests use: it starts, serves what was pushed, and stops."""

import http.client
from pathlib import Path

import pytest

from tests.oci_registry import push_image, start_registry


def test_a_stopped_registry_is_gone(tmp_path: Path) -> None:
    registry = start_registry(tmp_path)
    registry.stop()
    registry.stop()
    assert registry.process.poll() is not None


def test_two_registries_do_not_meet(tmp_path: Path) -> None:
    with start_registry(tmp_path / "a") as first, start_registry(tmp_path / "b") as second:
        assert first.host_port != second.host_port


def test_a_registry_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="htpasswd"):
        start_registry(tmp_path, {"htpasswd": {}})


@pytest.mark.parametrize("docker", [False, True])
@pytest.mark.parametrize("platforms", [(), ("linux/amd64", "linux/arm/v7")])
def test_a_pushed_image_comes_back_byte_by_byte(tmp_path: Path, docker: bool, platforms: tuple[str, ...]) -> None:
    with start_registry(tmp_path) as registry:
        pushed = push_image(registry.host_port, "dev/demo", "v1", platforms=platforms, docker=docker)
        connection = http.client.HTTPConnection(registry.host_port)
        connection.request("GET", "/v2/dev/demo/manifests/v1", headers={"Accept": pushed.descriptor.media_type})
        answer = connection.getresponse()
        assert (answer.read(), answer.getheader("Content-Type")) == (pushed.body, pushed.descriptor.media_type)
        connection.close()

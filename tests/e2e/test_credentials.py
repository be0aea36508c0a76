"""A whole run with a private registry, whose credentials are where only one of the programs looks by itself."""

import json
from pathlib import Path

import pytest

from tests.e2e.private_registry import PASSWORD, assert_hidden, private_registry
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


def move(world: World, host: str, place: str) -> None:
    """Take the credentials out of Docker's file, and put them to another place."""
    file = Path(world.environment.pop("DOCKER_CONFIG"), "config.json")
    content = json.loads(file.read_text())
    file.unlink()
    if place == "variable":
        world.environment["DOCKER_AUTH_CONFIG"] = json.dumps(content)
        return
    podman = world.folder / ".config/containers/auth.json"
    podman.parent.mkdir(parents=True)
    podman.write_text(json.dumps({"auths": {f"{host}/prod": content["auths"][host]}}))


@pytest.mark.parametrize("place", ["variable", "podman, under a namespace"])
def test_an_image_is_built_pushed_and_signed_with_credentials_from_anywhere(world: World, place: str) -> None:
    world.dockerfile()
    with private_registry(world, PASSWORD) as registry:
        move(world, registry.host_port, place)
        done = world.run()
    assert done.code == 0, done.out + done.err
    assert_hidden(done, PASSWORD)


@pytest.mark.parametrize(
    ("password", "words"), [("wrong-wrong-wrong", "DOCKER_AUTH_CONFIG: auths['"), (None, "searched: ")]
)
def test_credentials_that_are_refused_or_missing_stop_the_run_before_the_build(
    world: World, password: str | None, words: str
) -> None:
    world.dockerfile('RUN ["/bin/busybox", "echo", "the build began"]')
    with private_registry(world, password or PASSWORD) as registry:
        move(world, registry.host_port, "variable")
        if password is None:
            del world.environment["DOCKER_AUTH_CONFIG"]
        done = world.run()
    assert done.code != 0
    for expected in (words, "UNAUTHORIZED: authentication required", f"'docker login {registry.host_port}'"):
        assert expected in done.err
    assert "the build began" not in done.out + done.err

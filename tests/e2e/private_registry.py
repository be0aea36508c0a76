"""A registry with a password, and the check that no output holds a secret."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.run import Finished
from tests.e2e.world import World
from tests.oci_registry import RunningRegistry, start_registry

PASSWORD = "correct-horse-battery-staple"
# bcrypt of PASSWORD, with the lowest cost.
_HASH = "$2b$04$abcdefghijklmnopqrstuuvmHCm.L9dn41XyF2XEemEOKRtNaxWva"


@contextmanager
def private_registry(world: World, password: str) -> Iterator[RunningRegistry]:
    """The registry to which the world publishes, as ``builder`` with this password."""
    users, docker = world.folder / "users", world.folder / "docker"
    users.write_text(f"builder:{_HASH}\n")
    with start_registry(world.folder / "private", {"htpasswd": {"realm": "r", "path": str(users)}}) as registry:
        auth = base64.b64encode(f"builder:{password}".encode()).decode()
        docker.mkdir()
        (docker / "config.json").write_text(json.dumps({"auths": {registry.host_port: {"auth": auth}}}))
        world.config["registry"] = f"{registry.host_port}/prod"
        world.environment["DOCKER_CONFIG"] = str(docker)
        yield registry


def assert_hidden(done: Finished, *secrets: str) -> None:
    """No output and no file of the run holds a secret in a form in which the tool itself could print it."""
    files = [path.read_text(errors="replace") for path in done.artifacts.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for secret in secrets:
        forms = (secret, base64.b64encode(secret.encode()).decode().rstrip("="), json.dumps(secret)[1:-1])
        for text in (done.out, done.err, *files):
            assert not any(form in text for form in forms), text

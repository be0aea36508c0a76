"""``image-builder doctor`` in a job with real engines, a real registry and a signing service."""

import json
import signal
import socket
import time
from typing import Any

import pytest

from tests.e2e.private_registry import PASSWORD, private_registry
from tests.e2e.run import Finished
from tests.e2e.world import COMMIT, World
from tests.programs import require

pytestmark = pytest.mark.e2e


def place(world: World) -> tuple[str, ...]:
    return ("--config", world.config_file(), "--context", str(world.context))


def doctor(world: World, *arguments: str) -> Finished:
    return world.command("image-builder", "doctor", *place(world), *arguments)


def findings(done: Finished) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["area"], one["subject"]): one for one in json.loads(done.out)["findings"]}


def missing(done: Finished) -> list[tuple[str, str]]:
    return [key for key, one in findings(done).items() if one["needed"] and not one["good"]]


def test_where_everything_is_there_nothing_is_missing(world: World) -> None:
    done = doctor(world, "--output", "json")
    assert done.code == 0, done.out + done.err
    assert json.loads(done.out)["usable"] is True
    found = findings(done)
    assert found["job", "CI system"]["found"] == "Prow"
    assert found["job", "git state"]["found"].startswith(f"postsubmit, of acme/demo, commit {COMMIT}")
    assert found["engine buildkit", "private root"]["good"]
    assert found["signer", "local"]["found"] == "ready; signs here: enabled by '*'"
    for host in (world.registry.host_port, world.mirror.host_port):
        assert found["registry", f"{host}/prod"]["found"] == "answers without authentication"
    assert not list(world.artifacts.iterdir())


def test_people_are_told_what_is_missing_and_what_to_do(world: World) -> None:
    world.mirror.stop()
    world.secret.unlink()
    done = doctor(world)
    assert done.code == 2
    assert f"  MISSING  {world.mirror.host_port}/prod: " in done.out
    assert f"  MISSING  local: {world.secret}: " in done.out
    assert done.out.rstrip().splitlines()[-3] == "2 needed and missing"


@pytest.mark.parametrize(("password", "is_good"), [(PASSWORD, True), ("wrong-wrong-wrong", False)])
def test_the_right_to_push_is_checked_and_the_entry_named(world: World, password: str, is_good: bool) -> None:
    with private_registry(world, password) as registry:
        done = doctor(world, "--name", "app", "--output", "json")
    push = findings(done)["registry", f"{registry.host_port}/prod push"]
    assert (push["good"], done.code) == (is_good, 0 if is_good else 2)
    if not is_good:
        assert "UNAUTHORIZED" in push["found"]
        assert f"auths['{registry.host_port}']" in push["remedy"]
        assert "docker login" in push["remedy"]
    assert password not in done.out + done.err


def test_a_registry_that_never_answers_is_missing_within_seconds(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        world.config["registry"] = f"127.0.0.1:{silent.getsockname()[1]}/prod"
        started = time.monotonic()
        done = doctor(world, "--name", "app", "--output", "json")
        assert time.monotonic() - started < 30
    assert (done.code, missing(done)) == (2, [("registry", world.config["registry"])])


def test_a_helper_that_is_not_installed_and_a_wrong_entry_are_missing(world: World) -> None:
    docker, host = world.folder / "docker", world.registry.host_port
    docker.mkdir()
    world.environment["DOCKER_CONFIG"] = str(docker)
    for content, words in (
        ({"credsStore": "not-there"}, "docker-credential-not-there is not on PATH"),
        ({"auths": {host: {"auth": "%%%%%%"}}}, "base64 of 'user:password'"),
    ):
        (docker / "config.json").write_text(json.dumps(content))
        done = doctor(world, "--output", "json")
        found = findings(done)["registry", f"{host}/prod credentials"]
        assert (done.code, found["good"], words in found["found"]) == (2, False, True)


def test_only_the_registries_of_this_job_are_needed(world: World) -> None:
    world.presubmit()
    world.mirror.stop()  # production alone
    assert doctor(world, "--output", "json").code == 0


def test_a_broken_configuration_is_reported_as_a_build_reports_it(world: World) -> None:
    world.config["registri"] = "x"
    done = doctor(world, "--output", "json")
    assert done.code == 2
    assert [what for what in missing(done) if what[0] == "configuration"]
    assert "did you mean 'registry'?" in done.out


def test_the_backend_in_effect_decides_what_is_needed(world: World) -> None:
    del world.environment["USE_BUILDKIT"]
    done = doctor(world, "--output", "json")
    assert done.code == 2
    assert ("engine kaniko", "executor") in missing(done)
    assert not [area for area, _ in missing(done) if area == "engine buildkit"]


def test_kaniko_is_tried_in_a_root_of_its_own(world: World) -> None:
    del world.environment["USE_BUILDKIT"]
    world.environment["KANIKO_EXECUTOR"] = require("executor")
    done = doctor(world, "--output", "json")
    assert done.code == 0, done.out
    found = findings(done)
    assert (
        found["engine kaniko", "private root"] | {"found": "possible", "good": True, "needed": True}
        == (found["engine kaniko", "private root"])
    )
    assert not found["engine buildkit", "buildctl"]["needed"]


def test_a_credential_of_production_in_an_unmerged_job_of_kaniko_is_named(world: World) -> None:
    auths = {f"{world.registry.host_port}/{below}": {"auth": "YTpwYXNzd29yZA=="} for below in ("prod", "dev")}
    (world.folder / "config.json").write_text(json.dumps({"auths": auths}))
    subject = ("engine kaniko", f"{world.registry.host_port}/prod credentials")
    for become, engine, is_reported in (
        (world.presubmit, "kaniko", True),
        (world.presubmit, "buildkit", False),
        (world.postsubmit, "kaniko", False),
    ):
        become()
        world.environment |= {"DOCKER_CONFIG": str(world.folder), "KANIKO_EXECUTOR": require("executor")}
        world.environment["USE_BUILDKIT"] = str(engine == "buildkit").lower()
        found = findings(doctor(world, "--output", "json"))
        assert (subject in found) is is_reported
        assert not any(area == "engine kaniko" and "/dev credentials" in name for area, name in found)
        if is_reported:
            assert found[subject]["good"] is False
            assert found[subject]["needed"] is False


def test_a_signal_ends_it_with_its_own_code(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        world.config["registry"] = f"127.0.0.1:{silent.getsockname()[1]}/prod"
        process = world.launch("image-builder", "doctor", *place(world))
        connection, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        done = world.finished(process)
        connection.close()
    assert done.code == 143, done.out


def test_the_pipeline_needs_its_settings_and_a_credential(world: World) -> None:
    del world.environment["USE_BUILDKIT"]
    done = doctor(world, "--output", "json", "--build-in-ado")
    assert missing(done) == [("Azure DevOps", "ado-config"), ("Azure DevOps", "credential")]


def test_no_secret_is_shown(world: World) -> None:
    (world.folder / ".docker").mkdir()
    content = {"auths": {world.registry.host_port: {"username": "robot", "password": "hunter2-of-the-robot"}}}
    (world.folder / ".docker" / "config.json").write_text(json.dumps(content))
    world.environment["ADO_PAT"] = "pat-of-the-robot"
    done = doctor(world)
    assert done.code == 0, done.out
    assert f"auths['{world.registry.host_port}']" in done.out
    assert "of-the-robot" not in done.out + done.err


def test_what_a_build_alone_could_honour_is_refused(world: World) -> None:
    done = doctor(world, "--tag", "latest")
    assert done.code == 2
    assert "--tag: it has no meaning for the mode doctor" in done.err

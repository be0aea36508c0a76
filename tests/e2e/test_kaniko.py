"""Builds with the real kaniko, end to end, outside a container: each in a root of its own."""

import os
import signal
import time
from pathlib import Path

import pytest
from image_builder_contracts.image_engine_probe import processes, wait_until

from tests.e2e.test_secrets import HASH, PASSWORD, assert_hidden, docker_config
from tests.e2e.world import World, run_step
from tests.oci_registry import start_registry
from tests.programs import require

pytestmark = pytest.mark.e2e


@pytest.fixture
def roots(world: World) -> Path:
    """Make the world one where kaniko builds; gives the folder that all roots are in."""
    folder = world.folder / "roots"
    folder.mkdir()
    del world.environment["USE_BUILDKIT"]
    world.environment |= {"KANIKO_EXECUTOR": require("executor"), "TMPDIR": str(folder)}
    return folder


def test_postsubmit_publishes_everywhere_and_signs_what_was_built(world: World, roots: Path) -> None:
    world.config |= {"reproducible": True, "log-format": "json"}
    done = world.run("--tag", "latest", "--build-arg", "VERSION=7")
    assert done.code == 0, done.err
    report = done.report
    assert (report["status"], report["pushed"], report["signed"]) == ("success", True, True)
    for place in report["images_list"]:
        body = world.manifest(place)
        assert body is not None
        assert len(body) == report["images"][0]["size"]
    assert {str(image.digest) for image in world.signing.received} == {report["digest"]}
    assert report["architectures"] == [f"linux/{'arm64' if os.uname().machine == 'aarch64' else 'amd64'}"]
    assert "hello from the RUN step" in done.log()
    assert "deprecated" in done.err
    assert os.listdir(roots) == []


def test_plan_shows_the_executor_and_hides_secrets(world: World, roots: Path) -> None:
    done = world.run("plan", "--build-arg", "API_TOKEN=abc123secret", "--target", "x")
    assert done.code == 0, done.err
    assert "built by kaniko" in done.out
    assert "/.kaniko/executor --force" in done.out
    assert "abc123secret" not in done.out + done.err
    assert os.listdir(roots) == []


def test_failing_step_is_a_failed_build_and_its_code_is_reported_not_passed_on(world: World, roots: Path) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo last words; exit 77"]')
    done = world.run()
    assert done.code == 3, done.err
    assert done.report["images"][0]["failure"]["engine_exit_code"] == 77
    assert "last words" in done.err
    assert os.listdir(roots) == []


@pytest.mark.usefixtures("roots")
def test_registry_that_takes_nothing_is_a_failed_push(world: World) -> None:
    world.config["registry"] = [f"{world.registry.host_port}/prod", "127.0.0.1:9/prod"]
    done = world.run()
    assert done.code == 4, done.err
    assert "127.0.0.1:9" in done.err


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 0), ("wr0ng-pw", 4)])
def test_password_of_a_registry_reaches_the_executor_and_nothing_else(
    world: World, roots: Path, password: str, code: int
) -> None:
    users = world.folder / "users"
    users.write_text(f"builder:{HASH}\n")
    with start_registry(world.folder / "private", {"htpasswd": {"realm": "r", "path": str(users)}}) as registry:
        world.config["registry"] = f"{registry.host_port}/prod"
        folder = docker_config(world.folder / "docker", registry.host_port, password)
        world.environment["DOCKER_CONFIG"] = str(folder)
        done = world.run("--debug")
    assert done.code == code, done.err
    assert_hidden(done, password, f"builder:{password}")
    assert os.listdir(roots) == []


@pytest.mark.usefixtures("roots")
def test_several_platforms_are_refused(world: World) -> None:
    done = world.run("--platform", "linux/amd64,linux/arm64")
    assert done.code == 2
    assert "kaniko builds one platform" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_build_leaves_nothing(world: World, roots: Path, number: signal.Signals, code: int) -> None:
    asleep = f"sleep 43210.{time.monotonic_ns() % 1_000_000}"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "trap \'\' INT TERM; /bin/busybox {asleep}"]')
    process = world.start()
    wait_until(lambda: processes(asleep) != [] or process.poll() is not None)
    started = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, time.monotonic() - started < 8) == (code, True), err
    wait_until(lambda: processes(asleep) == [] and os.listdir(roots) == [], 10)


def test_variants_are_built_side_by_side_and_never_see_each_other(world: World, roots: Path) -> None:
    world.variants("a", "b", "c")
    world.dockerfile(
        run_step("[ ! -e /mark ] || exit 9; echo $VERSION >/mark; $b sleep 1; echo mark of $($b cat /mark)")
    )
    done = world.run("--max-parallel", "3")
    assert done.code == 0, done.err
    for variant in "abc":
        assert f"mark of {variant}\n" in done.log(f"app_{variant}")
        assert any(line.startswith(f"[{variant}] ") for line in done.out.splitlines())
    digests = {image["digest"] for image in done.report["images"]}
    assert len(digests) == 3
    assert {str(image.digest) for image in world.signing.received} == digests
    assert len(world.signing.requests) == 1
    assert os.listdir(roots) == []


def test_variant_that_fails_stops_no_other(world: World, roots: Path) -> None:
    world.variants("a", "b")
    world.dockerfile(run_step("[ $VERSION != b ]"))
    done = world.run()
    assert done.code == 3, done.err
    assert {image["variant"]: image["failure"] is None for image in done.report["images"]} == {"a": True, "b": False}
    assert {image.tag.rpartition("-")[2] for image in world.signing.received} == {"a"}
    assert os.listdir(roots) == []


def test_variants_built_at_the_same_time_never_see_each_others_files(world: World, roots: Path) -> None:
    """Each marks its root, waits for the others to have done so, and fails if it finds another's mark."""
    names = ("one", "two", "three")
    (world.context / "variants.yaml").write_text("".join(f"{name}: {{VERSION: {name}}}\n" for name in names))
    look = 'test \\"$(echo /mark-*)\\" = '
    script = f"{look}'/mark-*' && echo x > /mark-$VERSION && /bin/busybox sleep 2 && {look}/mark-$VERSION && echo alone"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "{script}"]')
    started = time.monotonic()
    done = world.run("--max-parallel", "3")
    assert done.code == 0, done.err
    assert time.monotonic() - started < 3 * 2, "they slept one after another"
    assert all("\nalone\n" in done.log(f"app_{name}") for name in names)
    assert {str(image.digest) for image in world.signing.received} == {
        image["digest"] for image in done.report["images"]
    }
    assert os.listdir(roots) == []

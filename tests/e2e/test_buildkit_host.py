"""Builds with a running BuildKit (``BUILDKIT_HOST``)."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.e2e.observation import descendants, wait_until
from tests.e2e.run import read_until
from tests.e2e.world import World, run_step
from tests.programs import require, require_root

pytestmark = pytest.mark.e2e


Daemon: TypeAlias = tuple[str, subprocess.Popen[bytes]]
"""The address and the process."""


@pytest.fixture
def buildkitd(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that the tool did not start."""
    require_root("the daemon of these tests is root's")
    with tempfile.TemporaryDirectory(prefix="e2e-") as short:  # a socket's path must be short
        socket = Path(short, "buildkitd.sock")
        arguments = [
            *(require("buildkitd"), f"--root={tmp_path}/root", f"--addr=unix://{socket}"),
            *(f"--otel-socket-path={short}/otel.sock", "--oci-worker=true", "--containerd-worker=false"),
        ]
        with (tmp_path / "daemon.log").open("wb") as log:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(socket.exists)
            yield f"unix://{socket}", process
        finally:
            process.terminate()
            process.wait(20)


def test_running_buildkit_is_used_and_left_running(world: World, buildkitd: Daemon) -> None:
    address, daemon = buildkitd
    world.environment["BUILDKIT_HOST"] = address
    done = world.run()
    assert done.code == 0, done.err
    assert "hello from the RUN step" in done.log()
    assert len(world.signing.received) == 2
    assert daemon.poll() is None
    assert not (world.folder / "state").exists()
    assert not (done.artifacts / "buildkitd.log").exists()


def test_step_in_a_running_buildkit_ends_when_the_run_is_interrupted(world: World, buildkitd: Daemon) -> None:
    address, daemon = buildkitd
    world.environment["BUILDKIT_HOST"] = address
    world.dockerfile(run_step("echo sleeping now; exec $b sleep 600"))
    process = world.start()
    read_until(process.stdout, " sleeping now$")
    assert descendants(daemon.pid)
    process.terminate()
    assert world.finished(process).code == 143
    wait_until(lambda: not descendants(daemon.pid), 8.0)
    assert daemon.poll() is None


def test_unreachable_buildkit_is_exit_code_3_with_a_report(world: World) -> None:
    world.environment["BUILDKIT_HOST"] = f"unix://{world.folder}/nobody.sock"
    done = world.run()
    assert done.code == 3, done.err
    assert "check BUILDKIT_HOST" in done.err
    assert done.report["images_list"] == []
    assert world.signing.requests == ()

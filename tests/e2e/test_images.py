"""Both images of ours, built with this tool, build, push and sign in their turn, each in a container."""

import json
import os
import statistics
import time
from pathlib import Path

import pytest
from image_builder_contracts.servers.fixtures import SecuredService

from tests.e2e.image_world import Images, prepare_job
from tests.machine import Container, tell

# Making the small Debian and the images takes minutes the first time.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

BUILD = ("--name=app", "--tag=latest", "--context=/workspace", "--build-report-path=/logs/artifacts/report.json")


def test_kaniko_image_survives_its_own_builds_and_signs_what_it_pushed(
    images: Images, mtls_signing_service: SecuredService, tmp_path: Path
) -> None:
    container = images.kaniko(tmp_path / "container")
    assert {path.name for path in container.root.iterdir()} == {".dockerenv", "image-builder", "image-signer", "kaniko"}
    measure_start_up("image-builder", container)
    assert_builds_and_signs(images, container, mtls_signing_service, tmp_path)


def test_buildkit_image_builds_and_signs_without_being_root(
    images: Images, mtls_signing_service: SecuredService, tmp_path: Path
) -> None:
    container = images.buildkit(tmp_path / "container")
    assert container.user == (1000, 1000)
    measure_start_up("buildkit-image-builder", container)
    assert_builds_and_signs(images, container, mtls_signing_service, tmp_path)


def assert_builds_and_signs(images: Images, container: Container, signing: SecuredService, folder: Path) -> None:
    """A postsubmit job of several stages ends well, and what was signed is what was pushed."""
    job = prepare_job(images, signing, folder, container.user, merged=True)
    folders = {"/workspace": job.context, "/secret": job.secret, "/config": job.config, "/logs": job.logs}
    container.mounts = {target: (source, target == "/logs") for target, source in folders.items()}
    code, out = container.run(*BUILD, environment=job.environment)
    assert code == 0, out[-4000:]
    report = json.loads((job.artifacts / "report.json").read_text())
    assert (report["pushed"], report["signed"]) == (True, True)
    assert {str(image.digest) for image in signing.service.received} == {report["digest"]}


def measure_start_up(name: str, container: Container) -> None:
    """Tell how long the image takes to say its version, and a container whose Python does nothing."""
    programs = {"--version": (*container.entrypoint, "--version"), "nothing": (*_python(container), "-S", "-c", "pass")}
    taken: dict[str, list[float]] = {what: [] for what in programs}
    for _ in range(5):
        for what, program in programs.items():
            started = time.monotonic()
            code, out = container.run(program=program)
            taken[what].append(time.monotonic() - started)
            assert code == 0, out
    ours, bare = (statistics.median(values) * 1000 for values in taken.values())
    tell(f"{name}: tells its version after {ours:.0f} ms; a container whose Python does nothing: {bare:.0f} ms")


def _python(container: Container) -> list[str]:
    """The words of the entry script's first line."""
    script = os.readlink(container.root / container.entrypoint[0].lstrip("/")).lstrip("/")
    return (container.root / script).read_text().split("\n", 1)[0].removeprefix("#!").split()

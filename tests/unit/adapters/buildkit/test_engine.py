"""Checks of BuildKit's engine that start nothing."""

from pathlib import Path

import pytest
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings

from tests.programs import install_script

OR_A_HOST = "or set BUILDKIT_HOST to a running BuildKit"


@pytest.mark.parametrize(
    ("installed", "user", "host", "missing", "remedy"),
    [
        ("", 0, None, "buildctl", OR_A_HOST),
        ("buildctl", 0, None, "buildkitd", OR_A_HOST),
        ("buildctl buildkitd", 0, None, "runc", OR_A_HOST),
        ("buildctl", 1000, "docker-container://builder", "docker", "buildctl connects to docker-container://builder"),
        ("buildctl", 1000, "kube-pod://builder?namespace=ci", "kubectl", "buildctl connects to kube-pod://builder"),
        ("buildctl buildkitd runc", 1000, None, "rootlesskit, newuidmap, newgidmap", "install rootlesskit and uidmap"),
    ],
)
def test_check_names_the_missing_program_and_starts_nothing(
    installed: str, user: int, host: str | None, missing: str, remedy: str, tmp_path: Path
) -> None:
    for program in installed.split():
        install_script(tmp_path, program, f"touch {tmp_path}/started")
    environment = {"PATH": str(tmp_path)} | ({} if host is None else {"BUILDKIT_HOST": host})
    engine = BuildkitEngine(BuildkitSettings(environment, str(tmp_path), "log", single_build=True, user=user))
    problem = engine.check().failure()
    assert problem.program == missing
    assert remedy in problem.remedy
    assert not (tmp_path / "started").exists()

"""Isolation of an ordinary user's daemon, with scripts that behave as rootlesskit does in a container."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.buildkit.isolation import find_isolation
from image_builder_contracts.image_engine import attempt
from image_builder_domain.build import BuildRequest

from tests.programs import install_script

USER = 1000
# Skips its own options and runs the rest. As rootlesskit, it also does so where /proc cannot be mounted.
ROOTLESSKIT = 'while :; do case "$1" in -*) shift ;; *) break ;; esac; done\nexec "$@"'


def environment(folder: Path, unshare: str, **more: str) -> dict[str, str]:
    install_script(folder, "rootlesskit", ROOTLESSKIT)
    install_script(folder, "unshare", unshare)
    return {"PATH": f"{folder}:{os.environ['PATH']}", **more}


@pytest.mark.parametrize(
    ("unshare", "pidns", "flags"),
    [
        pytest.param("exit 0", ("--pidns",), (), id="/proc can be mounted"),
        pytest.param("exit 1", (), ("--oci-worker-no-process-sandbox",), id="/proc is masked"),
    ],
)
def test_steps_have_process_namespaces_if_proc_can_be_mounted(
    unshare: str, pidns: tuple[str, ...], flags: tuple[str, ...], tmp_path: Path
) -> None:
    isolation = find_isolation(environment(tmp_path, unshare), USER, "/run/x")
    assert isolation is not None
    assert isolation.wrapper == (f"{tmp_path}/rootlesskit", *pidns, "--state-dir=/run/x/rootlesskit")
    assert isolation.flags == flags


def test_daemonless_script_gets_the_isolation_and_the_users_flags(tmp_path: Path) -> None:
    install_script(tmp_path, "buildctl-daemonless.sh", 'echo "$ROOTLESSKIT"\necho "flags $BUILDKITD_FLAGS"\nexit 1')
    own = environment(tmp_path, "exit 1", BUILDKITD_FLAGS="--debug")
    engine = BuildkitEngine(BuildkitSettings(own, str(tmp_path), str(tmp_path / "log"), single_build=True, user=USER))
    rootlesskit, flags = attempt(engine, BuildRequest("app", None, "/src", "Dockerfile", ())).printed.splitlines()
    assert f"{tmp_path}/rootlesskit --state-dir=" in rootlesskit
    assert "--pidns" not in rootlesskit
    assert flags == "flags --oci-worker-no-process-sandbox --debug"

"""How an ordinary user's daemon is isolated, by programs that do as rootlesskit does in a container."""

import os
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.buildkit.isolation import find_isolation
from image_builder_adapters.cancellation import SignalCancellation
from image_builder_domain.build import BuildRequest

USER = 1000
# Takes its own options, then runs the rest: also where /proc could not be mounted, of which it only warns.
ROOTLESSKIT = '#!/bin/sh\nwhile :; do case "$1" in -*) shift ;; *) break ;; esac; done\nexec "$@"\n'


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    folder = tmp_path / "tools"
    folder.mkdir()
    install(folder, "rootlesskit", ROOTLESSKIT)
    return folder


def install(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def environment(tools: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{tools}:{os.environ['PATH']}", **more}


def test_steps_have_process_namespaces_where_proc_can_be_mounted(tools: Path) -> None:
    install(tools, "unshare", "#!/bin/sh\nexit 0\n")
    found = find_isolation(environment(tools), USER, "/run/x")
    assert found is not None
    assert found.wrapper == (str(tools / "rootlesskit"), "--pidns", "--state-dir=/run/x/rootlesskit")
    assert found.flags == ()


def test_steps_have_none_where_proc_is_masked(tools: Path) -> None:
    install(tools, "unshare", "#!/bin/sh\nexit 1\n")
    found = find_isolation(environment(tools), USER, "/run/x")
    assert found is not None
    assert "--pidns" not in found.wrapper
    assert found.flags == ("--oci-worker-no-process-sandbox",)


def test_the_daemonless_script_is_told_the_same_and_keeps_the_users_flags(tools: Path, tmp_path: Path) -> None:
    install(tools, "unshare", "#!/bin/sh\nexit 1\n")
    install(tools, "buildctl-daemonless.sh", '#!/bin/sh\necho "$ROOTLESSKIT"\necho "flags $BUILDKITD_FLAGS"\nexit 1\n')
    own = environment(tools, BUILDKITD_FLAGS="--debug")
    engine = BuildkitEngine(BuildkitSettings(own, str(tmp_path), str(tmp_path / "log"), single_build=True, user=USER))
    printed: list[bytes] = []
    engine.build(BuildRequest("app", None, "/src", "Dockerfile", ()), printed.append, SignalCancellation())
    rootlesskit, flags = b"".join(printed).decode().splitlines()
    assert f"{tools}/rootlesskit --state-dir=" in rootlesskit
    assert flags == "flags --oci-worker-no-process-sandbox --debug"

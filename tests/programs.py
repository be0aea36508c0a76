"""Real programs that tests need, found on PATH."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require(program: str) -> str:
    """The absolute path of ``program``. Without it the test is skipped, or fails where all tools must be installed."""
    found = shutil.which(program)
    if found is None:
        unavailable(f"{program} is not on PATH; scripts/test brings it")
    return found


def require_buildkit() -> None:
    """Everything that a private BuildKit of the current user needs."""
    rootless = ("rootlesskit", "newuidmap", "newgidmap") if os.geteuid() else ()
    for program in ("buildctl", "buildkitd", "runc", *rootless):
        require(program)


def require_file(name: str) -> Path:
    """A file in a folder of PATH that is not a program."""
    places = (Path(folder, name) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep))
    file = next((place for place in places if place.is_file()), None)
    return file or unavailable(f"{name} is in no folder of PATH; scripts/test brings it")


def install_script(folder: Path, name: str, script: str = "") -> Path:
    """Write a shell script into ``folder``, executable, and return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def require_root(why: str) -> None:
    """Skip the test for an ordinary user, with the reason why it needs root."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {why}")


def unavailable(reason: str) -> NoReturn:
    """Skip the test because something is missing. Fail it where all tools must be installed."""
    if os.environ.get("IMAGE_BUILDER_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)

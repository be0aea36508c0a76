"""Programs in Go that tests compile."""

import os
import subprocess
from pathlib import Path

import pytest


def compiled(go: str, source: Path, folder: Path, cache: Path) -> Path:
    """Compile the file ``source``, which uses the standard library only. Returns the program, in ``folder``.

    ``cache`` keeps the compiled standard library, and may be shared.
    """
    program = folder / source.parent.name
    environment = {**os.environ, "GOFLAGS": "", "GO111MODULE": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    environment |= {"HOME": str(folder), "GOPATH": str(folder), "GOCACHE": str(cache)}
    subprocess.run([go, "build", "-o", program, source], env=environment, cwd=folder, check=True)
    return program


def shared_go_cache(folders: pytest.TempPathFactory) -> Path:
    """The cache of all tests of one run, whose workers have their folders side by side."""
    return folders.getbasetemp().parent / "go-cache"

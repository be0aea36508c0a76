"""The tool as its users have it: the wheel and what it needs at run time, without the libraries of our tests.

It matters: several libraries import more when they find more, so a developer's environment would be measured instead.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import final

_REPOSITORY = Path(__file__).parents[2]


@final
@dataclass(frozen=True, slots=True)
class Installed:
    """An environment that holds the tool alone."""

    folder: Path

    @property
    def command(self) -> str:
        return str(self.folder / "bin" / "image-builder")

    @property
    def signer(self) -> str:
        return str(self.folder / "bin" / "image-signer")

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")


def install(folder: Path) -> Installed:
    """Make the environment from the lock file, compiled, as ``pip install`` would leave it."""
    subprocess.run(
        [
            *("uv", "sync", "--project", str(_REPOSITORY), "--python", sys.executable, "--quiet"),
            *("--frozen", "--no-dev", "--no-editable", "--compile-bytecode"),
            *("--reinstall-package", "oci-image-builder"),  # else a wheel of older code may come from the cache
        ],
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"},
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return Installed(folder)

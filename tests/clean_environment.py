"""A virtual environment with what this project brings, and the packages that are installed into it."""

import os
import subprocess
import sysconfig
import venv
from pathlib import Path

from tests.programs import require


def make_environment(folder: Path, *sources: Path) -> str:
    """The path of its Python. ``sources`` are installed as their users would, without asking any index.

    The libraries of the environment that runs the tests are seen through a ``.pth`` file: nothing can be downloaded.
    """
    venv.create(folder / "environment", symlinks=True)
    python = str(folder / "environment" / "bin" / "python")
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "environment")}))
    (packages / "libraries.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    copies = [_copied(source, folder / "sources" / source.name) for source in sources]
    command = [require("uv"), "pip", "install", "--offline", "--no-deps", "--python", python, *copies]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return python


def run_tests(python: str, tests: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a package's own tests with plain pytest: no plugin is loaded but those that ``arguments`` name."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tests)]
    own = {"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*command, *arguments, str(tests)], capture_output=True, text=True, env=own)


def _copied(source: Path, copy: Path) -> str:
    """A copy, so that building leaves nothing in the repository."""
    for file in sorted(source.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            target = copy / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return str(copy)

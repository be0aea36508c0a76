"""Install Python, the locked packages and this project into one folder that needs no file outside it.

Run by the Python to install, while an image is built: ``python3 lay_out.py SOURCE PREFIX``. Everything is installed
below PREFIX and must stay there: the interpreter, its standard library, every shared library that they need down to the
loader, the packages of ``uv.lock`` (checked against their hashes), and the commands. So it keeps working when kaniko
replaces the root file system, and on an image with another C library.
"""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_LEFT_OUT = (
    *("__pycache__", "dist-packages", "site-packages", "config-*", "*.a"),
    *("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "sqlite3", "curses", "dbm"),
    # Extension modules that this project does not import, and that need further libraries.
    *("_tkinter*.so", "_test*.so", "_curses*.so", "_sqlite3*.so", "_dbm*.so", "_gdbm*.so", "nis*.so", "readline*.so"),
)
_COMMANDS = {"image-builder": "image_builder.__main__", "image-signer": "image_builder.sign_only"}
# Loaded by name when a thread is cancelled, so no program is linked with it.
_BY_NAME = ("libgcc_s.so.1",)


def main(source: Path, prefix: Path) -> None:
    """Install everything of the project in ``source`` below ``prefix``."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder)
        install(tools, ["--require-hashes", "--requirement", str(source / "images" / "build-requirements.txt")])
        python = lay_out_interpreter(prefix)
        packages = packages_folder(python)
        requirements = tools / "requirements.txt"
        requirements.write_text(locked_requirements(tomllib.loads((source / "uv.lock").read_text())))
        install(packages, ["--require-hashes", "--no-deps", "--requirement", str(requirements)])
        install(packages, ["--no-deps", "--no-build-isolation", str(source)], PYTHONPATH=str(tools))
        shutil.rmtree(packages / "bin", ignore_errors=True)
        copy_libraries(prefix, [python, *prefix.rglob("*.so"), *prefix.rglob("*.so.*")])
        detach(python, prefix, tools / "bin" / "patchelf")
    for command, module in _COMMANDS.items():
        file = prefix / "bin" / command
        file.write_text(f"#!{python} -I\nfrom {module} import command\n\ncommand()\n")
        file.chmod(0o755)
    compileall.compile_dir(prefix, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def lay_out_interpreter(prefix: Path) -> Path:
    """Copy the running Python with its standard library. Returns the path of the copy."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = prefix / "bin" / "python3"
    python.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), python)
    library = prefix / "lib" / version
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return python


def packages_folder(python: Path) -> Path:
    """The folder where the copy looks for packages, which depends on the distribution."""
    command = [python, "-I", "-c", "import site; print(site.getsitepackages()[0])"]
    folder = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(target: Path, arguments: list[str], **environment: str) -> None:
    """Install packages into a folder."""
    pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--no-compile", "--target", str(target)]
    subprocess.run([*pip, *arguments], check=True, env=os.environ | environment)


def locked_requirements(lock: dict[str, Any]) -> str:
    """The run-time packages of ``uv.lock`` with their hashes, as pip reads them."""
    packages = {package["name"]: package for package in lock["package"]}
    ours = next(name for name, package in packages.items() if "editable" in package["source"])
    wanted, waiting = set[str](), [ours]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += [dependency["name"] for dependency in packages[name].get("dependencies", ())]
    return "".join(_requirement(packages[name]) for name in sorted(wanted - {ours}))


def _requirement(package: dict[str, Any]) -> str:
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
    hashes = "".join(f" --hash={file['hash']}" for file in files)
    return f"{package['name']}=={package['version']}{hashes}\n"


def copy_libraries(prefix: Path, programs: Iterable[Path]) -> None:
    """Copy every library with which one of these programs is linked."""
    libraries = set[Path]()
    for program in programs:
        listed = subprocess.run(["ldd", program], check=False, capture_output=True, text=True).stdout
        libraries |= {Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}
    folder = prefix / "lib"
    for name in _BY_NAME:
        libraries |= {library.parent / name for library in libraries if (library.parent / name).exists()}
    for library in libraries:
        if not library.is_relative_to(prefix):
            shutil.copy(library, folder / library.name)


def detach(python: Path, prefix: Path, patchelf: Path) -> None:
    """Make the interpreter use the copied loader and libraries. Extension modules use the same libraries."""
    loader = next(path for path in (prefix / "lib").iterdir() if path.name.startswith("ld-"))
    # RPATH, unlike RUNPATH, also applies to extension modules. It is absolute, because $ORIGIN would need /proc.
    rpath = ["--force-rpath", "--set-rpath", str(prefix / "lib")]
    subprocess.run([patchelf, "--set-interpreter", loader, *rpath, python], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

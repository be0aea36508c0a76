"""Source: a wheel of the Python index, installed by whichever ordinary client is there, into a folder of its own.

The client knows the user's index, proxy and certificates; ``--require-hashes`` makes it refuse any other file.
Debian's python3 has neither pip nor ensurepip: there the pip wheel of the package ``python3-pip-whl`` runs as it is.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from toolchain import debian, store
from toolchain.pins import DebianSource, SourceError, Tool, WheelSource
from toolchain.run import run

_SECONDS = 600
_INDEXES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
_PIP_WHEEL = DebianSource("python3-pip-whl", {})

Command = list[str | Path]


def fetch(tool: Tool, source: WheelSource, uv: Path | None, folder: Path) -> Mapping[str, Path]:
    """The tool's programs, in ``folder``; with ``uv`` no pip is looked for."""
    requirements = folder / "requirements.txt"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in source.sha256)
    requirements.write_text(f"{source.project}=={tool.version} {hashes}\n")
    environment = client_environment(os.environ)
    options: Command = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", folder / "wheel"]
    run([*_installer(uv, folder, environment), *options, "-r", requirements], _SECONDS, folder, environment)
    return {program: folder / "wheel" / source.files[program] for program in tool.programs}


def client_environment(ambient: Mapping[str, str]) -> dict[str, str]:
    """An index that the user set for one client holds for the other; settings that break ``--target`` are off."""
    index = next((ambient[name] for name in _INDEXES if ambient.get(name)), "")
    environment = dict(ambient)
    environment.setdefault("HOME", str(Path.home()))
    environment.setdefault("UV_CACHE_DIR", str(store.default_root().parent / "uv"))
    if index:
        environment |= {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index}
    off = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    limits = {"PIP_RETRIES": "1", "PIP_DEFAULT_TIMEOUT": "15", "UV_HTTP_RETRIES": "1"}
    return environment | off | limits | {"UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "true"}


def _installer(uv: Path | None, folder: Path, environment: Mapping[str, str]) -> Command:
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    for candidate in _pips():
        try:
            run([*candidate, "--version"], _SECONDS, folder, environment)
        except SourceError:
            continue
        return [*candidate, "install", "--quiet"]
    return [*_pip_of_distribution(folder), "install", "--quiet"]


def _pips() -> list[Command]:
    on_path: list[Command] = [[found] for name in ("pip3", "pip") if (found := shutil.which(name))]
    return [[sys.executable, "-m", "pip"], *on_path]


def _pip_of_distribution(folder: Path) -> Command:
    try:
        unpacked = debian.unpack(_PIP_WHEEL, folder)
    except SourceError as error:
        raise SourceError(f"no pip here, and Debian's python3-pip-whl cannot be had ({error})") from error
    wheels = sorted(unpacked.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise SourceError("no pip here, and none in Debian's python3-pip-whl")
    return [sys.executable, wheels[-1] / "pip"]

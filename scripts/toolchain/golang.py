"""Source: compiled from the Go module, inside the module's own folder.

There upstream's ``go.mod`` and ``go.sum`` rule, as in upstream's releases, and ``exclude`` and ``replace`` lines, which
``go install module@version`` refuses, are honoured. Go checks the module itself against its checksum database.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from toolchain.pins import GoSource, SourceError, Tool
from toolchain.run import run

_DOWNLOAD_SECONDS = 300
_COMPILE_SECONDS = 2400
_AMBIENT = ("GOOS", "GOARCH", "GOBIN", "GOROOT", "GOEXPERIMENT", "GOTOOLDIR", "GO_EXTLINK_ENABLED")


def fetch(tool: Tool, source: GoSource, go: Path, folder: Path) -> Mapping[str, Path]:
    """The tool's programs, in ``folder``. The first time this takes minutes."""
    environment = go_environment(os.environ)
    where = _module_folder(go, f"{source.module}@v{tool.version}", folder, environment)
    packages = [source.package.format(program=program) for program in tool.programs]
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags={_linker_flags(tool, source)}"]
    run([go, "build", *flags, "-o", f"{folder}{os.sep}", *packages], _COMPILE_SECONDS, where, environment)
    return {program: folder / program for program in tool.programs}


def go_environment(ambient: Mapping[str, str]) -> dict[str, str]:
    """The caller's proxy and cache settings stay; what would change the result does not."""
    kept = {name: value for name, value in ambient.items() if name not in _AMBIENT}
    kept.setdefault("HOME", str(Path.home()))
    kept.setdefault("PATH", os.defpath)
    fixed = {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "CGO_ENABLED": "0",
    }
    return kept | fixed


def _module_folder(go: Path, module: str, where: Path, environment: Mapping[str, str]) -> Path:
    answer = run([go, "mod", "download", "-json", module], _DOWNLOAD_SECONDS, where, environment)
    folder = Path(json.loads(answer)["Dir"])
    if not (folder / "go.mod").is_file():
        raise SourceError(f"{module} has no go.mod")
    return folder


def _linker_flags(tool: Tool, source: GoSource) -> str:
    version = f" -X {source.version_variable}=v{tool.version}" if source.version_variable else ""
    return f"-s -w{version}"

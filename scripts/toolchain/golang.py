"""Source: compiled from the Go module, inside the module's own folder.

There upstream's ``go.mod`` and ``go.sum`` rule, as in upstream's releases, and ``exclude`` and ``replace`` lines, which
``go install module@version`` refuses, are honoured. Go checks the module itself against its checksum database. Only a
module that today's Go no longer compiles as it is gets a module of ours around it, which asks for newer dependencies.
"""

import json
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from toolchain.pins import GoSource, SourceError, Tool
from toolchain.run import run

_DOWNLOAD_SECONDS = 300
_COMPILE_SECONDS = 2400
_AROUND = "around"
_AMBIENT = ("GOOS", "GOARCH", "GOBIN", "GOROOT", "GOEXPERIMENT", "GOTOOLDIR", "GO_EXTLINK_ENABLED")


def fetch(tool: Tool, source: GoSource, go: Path, folder: Path, caches: Path) -> Mapping[str, Path]:
    """The tool's programs, in ``folder``; Go's own files go below ``caches``. Compiling takes minutes."""
    environment = go_environment(os.environ, caches)
    Path(environment["GOTMPDIR"]).mkdir(parents=True, exist_ok=True)
    if source.files:
        return _files(tool, source, go, folder, environment)
    packages = [source.package.format(program=program) for program in tool.programs]
    if source.upgrades:
        where, environment = _module_around(go, tool, source, folder, environment)
        packages = [package.replace(".", source.module, 1) for package in packages]
    else:
        where = module_folder(go, f"{source.module}@v{tool.version}", folder, environment)
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags={_linker_flags(tool, source)}"]
    run([go, "build", *flags, "-o", f"{folder}{os.sep}", *packages], _COMPILE_SECONDS, where, environment)
    shutil.rmtree(folder / _AROUND, ignore_errors=True)
    return {program: folder / program for program in tool.programs}


def _files(tool: Tool, source: GoSource, go: Path, folder: Path, environment: Mapping[str, str]) -> Mapping[str, Path]:
    sources = module_folder(go, f"{source.module}@v{tool.version}", folder, environment)
    made = {program: folder / program for program in tool.programs}
    for program, file in made.items():
        shutil.copyfile(sources / source.files[program], file)
        file.chmod(0o755)
    return made


def remove_caches(caches: Path) -> None:
    """Remove what Go left below this folder; Go itself makes the folders of modules read-only."""
    for folder, _, _ in os.walk(caches):
        Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(caches, ignore_errors=True)


def go_environment(ambient: Mapping[str, str], caches: Path) -> dict[str, str]:
    """The caller's proxy settings stay; what would change the result, or fill other folders, does not."""
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
    places = {
        "GOPATH": caches,
        "GOMODCACHE": caches / "modules",
        "GOCACHE": caches / "build",
        "GOTMPDIR": caches / "tmp",
    }
    return kept | fixed | {name: str(place) for name, place in places.items()}


def module_folder(go: Path, module: str, where: Path, environment: Mapping[str, str]) -> Path:
    """Where the sources of ``module@version`` lie in Go's cache, which downloads them at need."""
    answer = run([go, "mod", "download", "-json", module], _DOWNLOAD_SECONDS, where, environment)
    folder = Path(json.loads(answer)["Dir"])
    if not (folder / "go.mod").is_file():
        raise SourceError(f"{module} has no go.mod")
    return folder


def _module_around(
    go: Path, tool: Tool, source: GoSource, folder: Path, environment: Mapping[str, str]
) -> tuple[Path, dict[str, str]]:
    """An empty module that requires this one and the newer dependencies; each is checked against Go's database."""
    where, free = folder / _AROUND, {**environment, "GOFLAGS": "-mod=mod"}
    where.mkdir()
    run([go, "mod", "init", _AROUND], _DOWNLOAD_SECONDS, where, free)
    wanted = [f"{source.module}@v{tool.version}", *source.upgrades]
    run([go, "get", *wanted], _DOWNLOAD_SECONDS, where, free)
    return where, free


def _linker_flags(tool: Tool, source: GoSource) -> str:
    version = f" -X {source.version_variable}=v{tool.version}" if source.version_variable else ""
    return f"-s -w{version}"

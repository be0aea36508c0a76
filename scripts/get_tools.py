"""Bring the tools pinned in ``tools.toml`` to this machine and print the folder that holds links to them.

Usage: ``python3 scripts/get_tools.py``. Standard output is that one folder, to be put first on ``PATH``; standard error
says for each tool where it came from. Exit code 0, or 1 when a tool could not be had. Python 3.11, nothing else.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain import archive, debian, golang, pins, programs, store, wheel
from toolchain.pins import SourceError, Tool

PINS = Path(__file__).resolve().parent / "tools.toml"

Programs = Mapping[str, Path]
Source = tuple[str, Callable[[Path], Programs]]


@dataclass(frozen=True, slots=True)
class Found:
    """A tool that is there."""

    programs: Programs
    origin: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool that is not to be had, and all that was tried."""

    tool: Tool
    tried: list[str]

    def __str__(self) -> str:
        tried = "".join(f"\n    {line}" for line in self.tried)
        return f"  {self.tool.name}: please install {self.tool.install}. Tried:{tried}"


class Toolbox:
    """Finds or fetches tools, each at most once."""

    def __init__(self, tools: Mapping[str, Tool], shelf: store.Store) -> None:
        self._tools = tools
        self._shelf = shelf
        self._known: dict[str, Found | Missing] = {}

    def get(self, name: str) -> Found | Missing:
        """The tool, fetched if need be; what happened is told on standard error."""
        if name not in self._known:
            self._known[name] = self._find(self._tools[name])
            _tell(self._tools[name], self._known[name])
        return self._known[name]

    def _find(self, tool: Tool) -> Found | Missing:
        try:
            return Found(programs.on_path(tool, self._shelf.root), "PATH")
        except SourceError as error:
            tried = [f"PATH: {error}"]
        kept = self._shelf.find(tool)
        return Found(*kept) if kept else self._install(tool, tried)

    def _install(self, tool: Tool, tried: list[str]) -> Found | Missing:
        with self._shelf.locked(tool):
            kept = self._shelf.find(tool)  # by another run, while this one waited
            if kept:
                return Found(*kept)
            for origin, fetch in self._sources(tool):
                try:
                    self._install_from(tool, origin, fetch)
                except SourceError as error:
                    tried.append(f"{origin}: {error}")
                    continue
                kept = self._shelf.find(tool)
                assert kept is not None
                return Found(*kept)
        return Missing(tool, tried)

    def _install_from(self, tool: Tool, origin: str, fetch: Callable[[Path], Programs]) -> None:
        with self._shelf.workshop(tool) as folder:
            made = fetch(folder)
            for program, file in made.items():
                programs.check(tool, program, file)
            self._shelf.put(tool, folder, made, origin)

    def _sources(self, tool: Tool) -> Iterator[Source]:
        if (release := tool.archive) is not None:
            yield "official release", lambda folder: archive.fetch(tool, release, folder)
        if (module := tool.go) is not None:
            yield "Go module", lambda folder: golang.fetch(tool, module, self._compiler(tool), folder)
        if (project := tool.wheel) is not None:
            yield "Python index", lambda folder: wheel.fetch(tool, project, self._uv(tool), folder)
        if (package := tool.debian) is not None:
            yield "distribution's package", lambda folder: debian.fetch(tool, package, folder)

    def _compiler(self, tool: Tool) -> Path:
        go = self.get("go")
        if isinstance(go, Missing):
            raise SourceError(f"no Go ({'; '.join(go.tried)})")
        _say(f"{tool.name} {tool.version}: compiling, this takes minutes the first time")
        return go.programs["go"]

    def _uv(self, tool: Tool) -> Path | None:
        if tool.name == "uv":
            return None
        uv = self.get("uv")
        return None if isinstance(uv, Missing) else uv.programs["uv"]


def needed(tool: Tool, environment: Mapping[str, str], ordinary_user: bool) -> bool:
    """Whether this run wants the tool; the words are explained in the file of pins."""
    local = not environment.get("BUILDKIT_HOST")
    tests = environment.get("IMAGE_BUILDER_REQUIRE_TOOLS") == "1"
    return {
        "always": True,
        "local-builds": local,
        "rootless": local and ordinary_user,
        "tests": tests,
        "tests-with-go": tests and shutil.which("go", path=environment.get("PATH", os.defpath)) is not None,
        "on-demand": False,
    }[tool.needed]


def bring(tools: Mapping[str, Tool], shelf: store.Store, wanted: list[str]) -> Path | str:
    """The folder of links, or one message about everything that is missing."""
    toolbox = Toolbox(tools, shelf)
    results = [toolbox.get(name) for name in wanted]
    missing = [result for result in results if isinstance(result, Missing)]
    if missing:
        return "these tools could not be had:\n" + "\n".join(map(str, missing))
    found = [item for result in results if isinstance(result, Found) for item in result.programs.items()]
    return shelf.link({program: file for program, file in found if shutil.which(program) != str(file)})


def main() -> int:
    """Exit code, see the top of this file."""
    tools = pins.load(PINS)
    wanted = [name for name, tool in tools.items() if needed(tool, os.environ, os.geteuid() != 0)]
    result = bring(tools, store.Store(store.default_root()), wanted)
    if isinstance(result, str):
        _say(result)
        return 1
    print(result)
    return 0


def _tell(tool: Tool, result: Found | Missing) -> None:
    if isinstance(result, Found):
        place = next(iter(result.programs.values()))
        _say(f"{tool.name:<12}{result.origin}, {place.parent}")


def _say(text: str) -> None:
    print(f"get_tools: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

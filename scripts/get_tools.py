"""Bring the programs listed in ``tools.toml`` to this machine and print the folder that holds links to all of them.

Usage: ``python3 scripts/get_tools.py [ARGUMENT …]``, with the arguments of tox: ``-e`` names the parts whose tools are
wanted; without it, those of ``scripts/test``. Standard output is the folder: with the Python environment it is all that
``PATH`` needs. Standard error names the source of each tool. Exit code 0; 1 when a tool is not available or the cache
folder cannot be written; 130 when interrupted. Needs Python 3.11 and nothing else.
"""

import itertools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain import archive, debian, debootstrap, golang, pins, programs, store, wheel
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
        self.has_compiled = False

    def get(self, name: str) -> Found | Missing:
        """The tool, fetched if needed. Prints what happened on standard error."""
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
            yield "Go module", lambda folder: self._from_go(tool, module, folder)
        if (project := tool.wheel) is not None:
            yield "Python index", lambda folder: wheel.fetch(tool, project, self._uv(tool), folder)
        if (package := tool.debian) is not None:
            yield "distribution's package", lambda folder: debian.fetch(tool, package, folder)
        if (small := tool.debootstrap) is not None:
            _say(f"{tool.name} {tool.version}: building it takes a minute")
            yield "debootstrap", lambda folder: debootstrap.fetch(tool, small, folder)

    def _from_go(self, tool: Tool, module: pins.GoSource, folder: Path) -> Programs:
        go = self.get("go")
        if isinstance(go, Missing):
            raise SourceError(f"no Go ({'; '.join(go.tried)})")
        if not module.files:
            _say(f"{tool.name} {tool.version}: compiling, this takes minutes the first time")
        self.has_compiled = True
        with self._shelf.caches() as caches:
            return golang.fetch(tool, module, go.programs["go"], folder, caches)

    def _uv(self, tool: Tool) -> Path | None:
        if tool.name == "uv":
            return None
        uv = self.get("uv")
        return None if isinstance(uv, Missing) else uv.programs["uv"]


def needed(tool: Tool, facts: frozenset[str]) -> bool:
    """Whether this run wants the tool: all words of one of its needs are so."""
    return any(facts.issuperset(need.split()) for need in tool.needed)


def facts(
    parts: Sequence[str], known: Mapping[str, list[str]], environment: Mapping[str, str], user: int
) -> frozenset[str]:
    """What is so in this run, in the words of the file of pins; a part that is not known there runs everything."""
    everything = {word for words in known.values() for word in words}
    started = {word for part in parts for word in known.get(part, everything)}
    place = set() if environment.get("BUILDKIT_HOST") else {"local"}
    return frozenset({"always", "ordinary" if user else "root", *started, *place})


def parts_of(words: Sequence[str]) -> list[str]:
    """The parts that tox runs for these words; ``test`` where none is named."""
    ours = list(words[: words.index("--")] if "--" in words else words)
    named = [after for word, after in itertools.pairwise(ours) if word == "-e"]
    named += [word.removeprefix("-e").removeprefix("=") for word in ours if word.startswith("-e") and word != "-e"]
    return [part for names in named for part in names.split(",")] or ["test"]


def bring(tools: Mapping[str, Tool], shelf: store.Store, wanted: Sequence[str]) -> Path | str:
    """The folder of links, or one message about everything that is missing.

    Tools that cannot be brought are checked first, so that their absence is reported before anything is compiled.
    """
    toolbox = Toolbox(tools, shelf)
    there = [name for name in wanted if not tools[name].can_be_brought]
    results = [toolbox.get(name) for name in there]
    if not any(isinstance(result, Missing) for result in results):
        results += [toolbox.get(name) for name in wanted if name not in there]
    missing = [result for result in results if isinstance(result, Missing)]
    if missing:
        return "these tools could not be had:\n" + "\n".join(map(str, missing))
    if toolbox.has_compiled:
        shelf.sweep(golang.remove_caches)
    links = {
        program: file for result in results if isinstance(result, Found) for program, file in result.programs.items()
    }
    for name in wanted:
        links |= dict.fromkeys(tools[name].applets, links[tools[name].programs[0]])
    return shelf.link(links)


def main(words: Sequence[str]) -> int:
    """Exit code, see the top of this file."""
    tools = pins.load(PINS)
    so = facts(parts_of(words), pins.load_parts(PINS), os.environ, os.geteuid())
    try:
        shelf = store.Store(store.default_root())
        result = bring(tools, shelf, [name for name, tool in tools.items() if needed(tool, so)])
    except OSError as error:
        result = f"{error.filename or store.default_root()}: {error.strerror}; make room there, or set XDG_CACHE_HOME"
    except KeyboardInterrupt:
        _say("interrupted; run it again to continue with what is already downloaded")
        return 130
    if isinstance(result, str):
        _say(result)
        return 1
    print(result)
    return 0


def _tell(tool: Tool, result: Found | Missing) -> None:
    if isinstance(result, Found):
        place = next(iter(result.programs.values()))
        _say(f"{tool.name:<18}{result.origin}, {place.parent}")


def _say(text: str) -> None:
    print(f"get_tools: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

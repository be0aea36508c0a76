"""The cache folder that holds what was fetched: ``<user's cache>/image-builder/tools``.

A tool appears there complete or not at all (made aside, then renamed), and of two runs at once one fetches while the
other waits.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from toolchain.pins import Tool

_ORIGIN = "origin.json"


class Store:
    """The folder, as a shelf of tools."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._caches = self.root.parent / "go"

    def find(self, tool: Tool) -> tuple[Mapping[str, Path], str] | None:
        """The programs of the tool and where they came from, if they were installed before."""
        folder = self._folder(tool)
        try:
            origin = json.loads((folder / _ORIGIN).read_text())
        except OSError:
            return None
        return {program: folder / file for program, file in origin["programs"].items()}, origin["from"]

    @contextmanager
    def locked(self, tool: Tool) -> Iterator[None]:
        """Wait until no other run is installing this tool."""
        with (self.root / f".{self._folder(tool).name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def workshop(self, tool: Tool) -> Iterator[Path]:
        """An empty folder beside the tools to make one in; what an interrupted run left goes first. Hold the lock."""
        prefix = f".{self._folder(tool).name}-"
        for left in self.root.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=self.root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def caches(self) -> Iterator[Path]:
        """The folder of compilers' caches, beside the tools, which nobody removes meanwhile."""
        with self._lock_of_caches().open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield self._caches

    def sweep(self, remove: Callable[[Path], None]) -> None:
        """Let the compilers' caches be removed, unless another run uses them."""
        with self._lock_of_caches().open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(self._caches)

    def put(self, tool: Tool, made: Path, programs: Mapping[str, Path], origin: str) -> None:
        """Move the finished folder ``made`` to its place."""
        relative = {program: str(file.relative_to(made)) for program, file in programs.items()}
        (made / _ORIGIN).write_text(json.dumps({"from": origin, "programs": relative}, indent=2))
        made.chmod(0o755)
        target = self._folder(tool)
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)

    def link(self, programs: Mapping[str, Path]) -> Path:
        """A folder of links to these programs, named after them, so that it never changes once it is there."""
        listing = json.dumps(sorted((name, str(file)) for name, file in programs.items()))
        folder = self.root / f"bin-{hashlib.sha256(listing.encode()).hexdigest()[:12]}"
        if not folder.exists():
            made = Path(tempfile.mkdtemp(prefix=".bin-", dir=self.root))
            for name, file in programs.items():
                (made / name).symlink_to(file)
            made.chmod(0o755)
            _rename_unless_there(made, folder)
        return folder

    def _lock_of_caches(self) -> Path:
        return self.root / ".go.lock"

    def _folder(self, tool: Tool) -> Path:
        return self.root / f"{tool.name}-{tool.version}"


def _rename_unless_there(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:  # another run was quicker; its folder is the same
        shutil.rmtree(made)


def default_root() -> Path:
    """Below ``XDG_CACHE_HOME`` if that is absolute (XDG Base Directory Specification), else below ``~/.cache``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (cache if cache.is_absolute() else Path.home() / ".cache") / "image-builder" / "tools"

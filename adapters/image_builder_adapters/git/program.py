"""The git program, asked about one checkout: commits, their times and ancestors, and files that differ.

The checkout may be a pull request, and git obeys the configuration in it. Every setting that could start a program (a
file system monitor, a signature check, a filter, a remote that sends missing objects) is disabled. Ownership is not
checked: containers often run as another user than the one who checked out the sources.
"""

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Final, Self, final

from image_builder_domain.job.git_state import is_sha
from image_builder_domain.trust.checkout import MOST_PATHS

from image_builder_adapters.git.directory import GitDirectory, parents
from image_builder_adapters.process import find_program, search_path

_TIMEOUT: Final = 10.0
_LARGEST_ANSWER: Final = 1 << 20
_HARMLESS = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "log.showSignature=false"),
    *("-c", "safe.directory=*"),
    *("-c", "safe.bareRepository=explicit"),
    *("-c", "submodule.recurse=false"),
)
_NO_FILTER = {"clean": "", "smudge": "", "process": "", "required": "false"}


@final
@dataclass(frozen=True, slots=True)
class Git:
    """The git program, asked about one checkout. Commits are full names; every answer is None where it fails.

    It fails after 10 s, and where an answer is larger than 1 MiB.
    """

    program: str
    directory: GitDirectory
    environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def find(cls, directory: GitDirectory, environment: Mapping[str, str]) -> Self | None:
        """Find the program on ``PATH``; None without it."""
        program = find_program("git", environment)
        return None if program is None else cls(program, directory, _environment(environment))

    def commit(self, revision: str = "HEAD") -> str | None:
        """The commit that is checked out, or that another revision (never a stranger's text) or a tag object names."""
        answer = self._text("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return answer if answer is not None and is_sha(answer) else None

    def time(self, commit: str) -> int | None:
        """When a commit was made (committer's date, seconds since 1970)."""
        answer = self._text("show", "-s", "--no-show-signature", "--format=%ct", commit)
        return int(answer) if answer is not None and re.fullmatch(r"[0-9]{1,15}", answer) else None

    def remote(self) -> str | None:
        """The URL of the remote ``origin``, as it was written."""
        return self._text("config", "--get", "remote.origin.url") or None

    def parents(self, commit: str) -> tuple[str, ...] | None:
        """The parents that a commit's own text names, also in a shallow clone, where git itself shows none of them."""
        code, answer = self._run("cat-file", "commit", commit)
        return parents(answer) if code == 0 else None

    def is_ancestor(self, commit: str, of: str) -> bool | None:
        """Whether ``of`` descends from ``commit`` or is the same; a tag object stands for its commit."""
        code, _ = self._run("merge-base", "--is-ancestor", commit, of)
        return code == 0 if code in (0, 1) else None

    def changed_paths(self, old: str, new: str) -> tuple[str, ...] | None:
        """The paths that differ between two commits; the old and the new name of a file that was renamed."""
        code, answer = self._run(
            *("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", old, new)
        )
        return _names(answer) if code == 0 else None

    def recorded(self, commit: str, path: str) -> str | None:
        """The commit that ``commit`` records for the submodule at ``path``; empty where it records none."""
        code, answer = self._run("ls-tree", "-z", "--full-tree", commit, "--", path)
        entry = answer.decode("ascii", "replace").partition("\t")[0].split(" ")
        if code != 0:
            return None
        return entry[2] if len(entry) == 3 and entry[:2] == ["160000", "commit"] else ""

    def modified_paths(self, below: str) -> tuple[str, ...] | None:
        """The tracked files below a folder that differ from HEAD, at most :data:`MOST_PATHS`.

        Their content is compared as it lies there: a clean filter (such as Git LFS) is a program, and is not run.
        """
        without_filters = self._without_filters()
        if without_filters is None:
            return None
        code, answer = self._run(
            *("status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames"),
            *("--", os.path.relpath(below, self.directory.work_tree)),
            settings=without_filters,
        )
        return tuple(name[3:] for name in _names(answer)[:MOST_PATHS]) if code == 0 else None

    def _without_filters(self) -> dict[str, str] | None:
        """Settings that empty every filter of the configuration, whose names only the configuration knows."""
        code, answer = self._run("config", "--name-only", "-z", "--get-regexp", r"^filter\.")
        if code not in (0, 1):  # 1: there is none
            return None
        drivers = sorted({name.rpartition(".")[0] for name in _names(answer)})
        return {f"{driver}.{key}": value for driver in drivers for key, value in _NO_FILTER.items()}

    def _text(self, *question: str) -> str | None:
        code, answer = self._run(*question)
        return answer.decode("ascii", "replace").strip() if code == 0 else None

    def _run(self, *question: str, settings: Mapping[str, str] | None = None) -> tuple[int | None, bytes]:
        places = ("--git-dir", self.directory.own, "--work-tree", self.directory.work_tree)
        words = (self.program, *_HARMLESS, "--literal-pathspecs", "-C", self.directory.work_tree, *places, *question)
        return _answer(words, {**self.environment, **_as_variables(settings or {})})


def _as_variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings for one command; as ``-c`` takes them, a name with a ``=`` in it would end there."""
    pairs = {
        f"GIT_CONFIG_{word}_{number}": text
        for number, setting in enumerate(settings.items())
        for word, text in zip(("KEY", "VALUE"), setting, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(settings)), **pairs}


def _names(answer: bytes) -> tuple[str, ...]:
    return tuple(os.fsdecode(name) for name in answer.split(b"\0") if name)


def _answer(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int | None, bytes]:
    """Exit code and output; no code when git did not start, took too long, or printed more than the limit.

    Not :func:`~image_builder_adapters.process.run`, which takes 7 ms longer for each of these short questions.
    """
    null = subprocess.DEVNULL
    try:
        child = subprocess.Popen(command, env=environment, stdin=null, stdout=subprocess.PIPE, stderr=null)
    except (OSError, ValueError):
        return None, b""
    timer = threading.Timer(_TIMEOUT, child.kill)
    timer.start()
    try:
        with child:
            try:
                answer = _read(child.stdout)
            except BaseException:  # the deadline passed, or a signal came
                child.kill()
                raise
            if len(answer) > _LARGEST_ANSWER:
                child.kill()
    finally:
        timer.cancel()
        timer.join()
    return (child.returncode, answer) if child.returncode >= 0 else (None, b"")


def _read(output: IO[bytes] | None) -> bytes:
    return b"" if output is None else output.read(_LARGEST_ANSWER + 1)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without secrets and a foreign ``GIT_DIR``; without transports, and without objects that replace a commit."""
    return {
        "PATH": search_path(environment),
        **({"HOME": environment["HOME"]} if "HOME" in environment else {}),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }

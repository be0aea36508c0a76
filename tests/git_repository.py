"""Small real git repositories, made by the git program."""

import hashlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, final

from tests.programs import require

_PERSON = {
    "GIT_AUTHOR_NAME": "kim",
    "GIT_AUTHOR_EMAIL": "kim@example.org",
    "GIT_COMMITTER_NAME": "kim",
    "GIT_COMMITTER_EMAIL": "kim@example.org",
}


@final
@dataclass(frozen=True)
class GitRepository:
    """A checkout at ``folder``; nothing of the user's own configuration is read."""

    folder: Path
    home: Path = field(repr=False)

    @classmethod
    def make(cls, folder: Path, *options: str) -> Self:
        """An empty repository on the branch ``main``."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, folder.parent)
        made.git("init", "--quiet", "--initial-branch=main", *options)
        return made

    @property
    def environment(self) -> dict[str, str]:
        """What a tool needs that asks git here."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    @property
    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, content: bytes = b"") -> str:
        """Run git in the checkout with this standard input; what it printed."""
        command = [require("git"), "-c", "protocol.file.allow=always", "-C", str(self.folder), *arguments]
        environment = self.environment | _PERSON | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(command, env=environment, capture_output=True, input=content)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def commit(self, **files: str) -> str:
        """Write files (``__`` in a name is a dot), commit everything; the new commit."""
        for name, content in files.items():
            (self.folder / name.replace("__", ".")).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.head

    def proposal(self, name: str, **files: str) -> str:
        """Commit on a new branch that begins at main; main is checked out again. The head of the branch."""
        self.git("checkout", "--quiet", "-b", name, "main")
        head = self.commit(**files)
        self.git("checkout", "--quiet", "main")
        return head

    def merge(self, *heads: str) -> str:
        """Merge heads into a detached HEAD at main, one by one, as CI systems do."""
        self.git("checkout", "--quiet", "--detach", "main")
        for head in heads:
            self.git("merge", "--quiet", "--no-ff", "-m", "merge", head)
        return self.head

    def clone(self, folder: Path, *options: str) -> Self:
        """A clone of this one; ``options`` are those of git-clone(1)."""
        self.git("clone", "--quiet", *options, f"file://{self.folder}", str(folder))
        return type(self)(folder, self.home)


_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def _commit_text(message: str, *parents: str) -> bytes:
    person = "kim <kim@example.org> 1700000000 +0000"
    above = "".join(f"parent {parent}\n" for parent in parents)
    return f"tree {_EMPTY_TREE}\n{above}author {person}\ncommitter {person}\n\n{message}\n".encode()


def _commit_name(text: bytes) -> str:
    return hashlib.sha1(b"commit %d\0" % len(text) + text, usedforsecurity=False).hexdigest()


_COMMITS = {_commit_name(text): text for text in (_commit_text("base"),)}
BASE_COMMIT = next(iter(_COMMITS))
"""A commit without files, the same in every run; :func:`check_out` writes it."""

_COMMITS |= {_commit_name(text): text for text in (_commit_text("proposed", BASE_COMMIT),)}
HEAD_COMMIT = list(_COMMITS)[1]
"""The commit of a pull request on top of :data:`BASE_COMMIT`."""


def check_out(folder: Path, commit: str, place: Path | None = None) -> None:
    """Make a folder a checkout with this HEAD, with none of its files tracked.

    The repository lies beside the folder, so that no build context grows; ``place`` is another path for it.
    """
    place = place or folder.parent / f"{folder.name}.git"
    if not place.exists():
        made = GitRepository(folder, folder.parent)
        options = () if place == folder / ".git" else (f"--separate-git-dir={place}",)
        made.git("init", "--quiet", *options)
        made.git("hash-object", "-t", "tree", "-w", os.devnull)
        for text in _COMMITS.values():
            made.git("hash-object", "-t", "commit", "-w", "--stdin", content=text)
    (place / "HEAD").write_text(f"{commit}\n")

"""Small real git repositories, made by the git program."""

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

    def git(self, *arguments: str) -> str:
        """Run git in the checkout; what it printed."""
        command = [require("git"), "-c", "protocol.file.allow=always", "-C", str(self.folder), *arguments]
        environment = self.environment | _PERSON | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

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

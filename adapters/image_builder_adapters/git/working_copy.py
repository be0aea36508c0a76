"""The working copy around the build context: the :class:`WorkingCopy` port.

Needs the git program only where its own files do not answer. What reads history and checkout is imported when it is
asked for: most runs only print tags.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from image_builder_domain.job.git_state import is_sha
from image_builder_domain.trust.history import OnBranch
from returns.result import Failure

from image_builder_adapters.git.directory import (
    GitDirectory,
    find_git_directory,
    is_below,
    is_shallow,
    locate,
    remote_tips,
)

if TYPE_CHECKING:
    from image_builder_domain.job.local import MissingCommit
    from image_builder_domain.publish.descent import Descent
    from image_builder_domain.trust.checkout import CheckoutFacts, Claim, UnreadableCheckout
    from returns.result import Result

    from image_builder_adapters.git.program import Git

_MOST_LINKS: Final = 40  # as Linux follows at most; path_resolution(7)


@final
@dataclass(frozen=True, slots=True)
class GitWorkingCopy:
    """The working copy around the build context ``context``; ``environment`` finds the git program."""

    context: str
    environment: Mapping[str, str] = field(repr=False)

    def commit(self, revision: str = "HEAD") -> str | None:
        """Implement ``WorkingCopy.commit``."""
        git = self._git(find_git_directory(self.context))
        return git.commit(revision) if git is not None else None

    def missing(self) -> "MissingCommit":
        """Implement ``WorkingCopy.missing``."""
        from image_builder_domain.job.local import MissingCommit

        from image_builder_adapters.process import find_program

        located = find_git_directory(self.context)
        if located is None:
            return MissingCommit.NO_WORKING_COPY
        return MissingCommit.NO_GIT if find_program("git", self.environment) is None else MissingCommit.NO_COMMIT

    def commit_time(self, commit: str) -> int | None:
        """Implement ``WorkingCopy.commit_time``."""
        git = self._git(find_git_directory(self.context)) if is_sha(commit) else None
        return git.time(commit) if git is not None else None

    def history(self, commit: str, branches: tuple[str, ...], workspace: str | None) -> dict[str, OnBranch]:
        """Implement ``WorkingCopy.history``."""
        located = locate(self.context, workspace)
        directory = located.value_or(None) if located is not None else None
        if directory is None:
            return dict.fromkeys(branches, OnBranch.UNREADABLE)
        git = self._git(located)
        return {branch: _on_branch(directory, git, commit, branch) for branch in branches}

    def remote(self) -> str | None:
        """Implement ``WorkingCopy.remote``."""
        git = self._git(find_git_directory(self.context))
        return git.remote() if git is not None else None

    def descent(self, ours: str, theirs: str, workspace: str | None) -> "Descent":
        """Implement ``WorkingCopy.descent``."""
        from image_builder_domain.publish.descent import Descent

        located = locate(self.context, workspace)
        directory = located.value_or(None) if located is not None else None
        git = self._git(located)
        if directory is None or git is None or not (is_sha(ours) and is_sha(theirs)):
            return Descent.UNKNOWN
        is_forward, is_backward = git.is_ancestor(theirs, ours), git.is_ancestor(ours, theirs)
        if is_forward or is_backward:
            return Descent.FORWARD if is_forward else Descent.BACKWARD
        is_known = is_forward is not None and is_backward is not None and not is_shallow(directory)
        return Descent.APART if is_known else Descent.UNKNOWN

    def facts(self, dockerfile: str, workspace: str | None, claim: "Claim") -> "CheckoutFacts":
        """Implement ``WorkingCopy.facts``."""
        from image_builder_adapters.git.checkout import read_checkout_facts

        return read_checkout_facts(self.context, dockerfile, workspace, claim, self.environment)

    def holds(self, file: str, workspace: str | None, *, is_built: bool) -> bool:
        """Implement ``WorkingCopy.holds``."""
        if is_built:
            located = locate(self.context, workspace)
            return _holds(file, located.value_or(None) if located is not None else None, (self.context, workspace))
        located = locate(workspace or os.curdir, os.curdir)
        if located is None:  # a job that checks nothing out may run in /
            return _holds(file, None, (workspace,))
        if isinstance(located, Failure):
            return _holds(file, None, (os.path.dirname(located.failure().where),))
        return _holds(file, located.unwrap(), ())

    def _git(self, located: "Result[GitDirectory, UnreadableCheckout] | None") -> "Git | None":
        from image_builder_adapters.git.program import Git

        directory = located.value_or(None) if located is not None else None
        return Git.find(directory, self.environment) if directory is not None else None


# --- history ------------------------------------------------------------------------------------------------------


def _on_branch(directory: GitDirectory, git: "Git | None", commit: str, branch: str) -> OnBranch:
    """With several remotes, each that has the branch must hold the commit: one of them may be a fork."""
    tips = remote_tips(directory, branch)
    if not tips:
        return OnBranch.NOT_FETCHED
    if all(tip == commit for tip in tips):
        return OnBranch.YES
    if git is None:
        return OnBranch.UNREADABLE
    if all(git.is_ancestor(commit, tip) for tip in tips):
        return OnBranch.YES
    return OnBranch.SHALLOW if is_shallow(directory) else OnBranch.NO


# --- files in the checkout ----------------------------------------------------------------------------------------


def _holds(file: str, directory: GitDirectory | None, places: tuple[str | None, ...]) -> bool:
    """Whether the file lies in the checkout at ``directory`` or in its submodules.

    Without a checkout the folders ``places`` count as one, unless they are the root of all. A second checkout does not
    count, wherever it lies. Every link on the way to the file counts as well: a committed link chooses a file, too.
    """
    folders = dict.fromkeys(_choosing_folders(file))
    if directory is None:
        roots = tuple(root for root in (os.path.realpath(place) for place in places if place) if root != os.sep)
        return any(is_below(folder, root) for root in roots for folder in folders)
    return any(_belongs(find_git_directory(folder), directory) for folder in folders)


def _choosing_folders(file: str) -> Iterator[str]:
    """The folder that holds a file, and those that hold a link on the way to it; all of them without links."""
    parts, folder, links = os.path.join(os.getcwd(), file).split("/")[::-1], "/", 0
    while parts:
        name = parts.pop()
        if name in ("", os.curdir):
            continue
        if name == os.pardir:
            folder = os.path.dirname(folder)
            continue
        path = os.path.join(folder, name)
        if links < _MOST_LINKS and os.path.islink(path):
            yield folder
            links += 1
            target = os.readlink(path)
            parts += target.split("/")[::-1]
            folder = "/" if target.startswith("/") else folder
        else:
            folder = path
    yield os.path.dirname(folder)


def _belongs(found: "Result[GitDirectory, UnreadableCheckout] | None", directory: GitDirectory) -> bool:
    """True for an unreadable checkout, too: it may be the one that is built."""
    return found is not None and found.map(_root).value_or(_root(directory)) == _root(directory)


def _root(directory: GitDirectory) -> str:
    """Where git keeps a checkout together with all of its submodules; linked worktrees have places of their own."""
    found = re.match(r"(.*?/\.git(?:/worktrees/[^/]+)?)/modules/", directory.own, re.DOTALL)
    return found[1] if found else directory.own

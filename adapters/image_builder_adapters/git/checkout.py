"""The checkout that an image is built from, compared with what the job claims; see :mod:`git_directory` and :mod:`git`.

Git's own files are read without the git program. The rest (packed commits, history, files that differ) needs
the program, and stays unknown without it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

from image_builder_domain.source.dockerignore import excludes
from image_builder_domain.trust.checkout import (
    Changes,
    Checkout,
    CheckoutFacts,
    Claim,
    FoundCheckout,
    NoCheckout,
    Superproject,
    UnreadableCheckout,
)
from image_builder_domain.trust.history import OnBranch
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.git.checkout_place import is_below, locate, places_of
from image_builder_adapters.git.credential import stored_credentials
from image_builder_adapters.git.directory import (
    REFTABLE,
    GitDirectory,
    find_git_directory,
    is_shallow,
    loose_parents,
    read_head,
    remote_tips,
)
from image_builder_adapters.git.repository import Git
from image_builder_adapters.regular_file import read_file

_MOST_NESTED: Final = 16  # submodules of submodules


def read_checkout(
    context: str, workspace: str | None, claim: Claim, environment: Mapping[str, str]
) -> tuple[FoundCheckout, GitDirectory | None]:
    """The innermost checkout around the build context, else around the CI system's workspace; and its directory."""
    places, located = places_of(context, workspace), locate(context, workspace)
    if located is None:
        return NoCheckout(places), None
    directory = unwrap_or_failure(located)
    if isinstance(directory, UnreadableCheckout):
        return directory, None
    return _Reader(claim, places[0], environment).read(directory), directory


def read_checkout_facts(
    context: str, dockerfile: str, workspace: str | None, claim: Claim, environment: Mapping[str, str]
) -> CheckoutFacts:
    """Everything about the checkout; ``dockerfile`` is relative to the context."""
    found, directory = read_checkout(context, workspace, claim, environment)
    credentials = stored_credentials(directory) if directory is not None else ()
    return CheckoutFacts(found, copies_git(context, dockerfile), credentials)


def read_history(
    directory: GitDirectory | None, commit: str, branches: tuple[str, ...], environment: Mapping[str, str]
) -> dict[str, OnBranch]:
    """Whether a commit lies on each of these branches, named without ``refs/heads/``; no ``directory``: unreadable."""
    if directory is None:
        return dict.fromkeys(branches, OnBranch.UNREADABLE)
    git = Git.find(directory, environment)
    return {branch: _on_branch(directory, git, commit, branch) for branch in branches}


def copies_git(context: str, dockerfile: str) -> bool:
    """Whether ``.git`` is a directory of the context that no ignore file excludes, so that it can get into an image.

    An ignore file beside the Dockerfile (``Dockerfile.dockerignore``) goes before the context's ``.dockerignore``.
    """
    if not os.path.isdir(os.path.join(context, ".git")):
        return False
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        path = os.path.join(context, name)
        if os.path.lexists(path):
            content = read_file(path, "").value_or(b"").decode("utf-8", "replace")
            return not all(excludes(content, entry) for entry in (".git", ".git/config"))
    return True


# --- history ------------------------------------------------------------------------------------------------------


def _on_branch(directory: GitDirectory, git: Git | None, commit: str, branch: str) -> OnBranch:
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


# --- checkout -----------------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a checkout and those that it is a submodule of; ``context`` is absolute and without links."""

    claim: Claim
    context: str
    environment: Mapping[str, str] = field(repr=False)

    def read(self, directory: GitDirectory, depth: int = 0) -> Checkout | UnreadableCheckout:
        """Everything that is compared with the claim."""
        git = Git.find(directory, self.environment)
        head = _head(directory, git)
        if isinstance(head, Failure):
            return UnreadableCheckout(os.path.join(directory.work_tree, ".git"), head.failure())
        commit = head.unwrap()
        inside = is_below(self.context, directory.work_tree)
        others = (found for found in self.claim.commits if found != commit)
        return Checkout(
            folder=directory.work_tree,
            head=commit,
            parents=self._parents(directory, git, commit),
            changes={other: _changes(directory, git, other, commit) for other in others},
            modified=git.modified_paths(self.context if inside else directory.work_tree) if git is not None else None,
            holds_context=inside,
            superproject=self._superproject(directory, depth),
        )

    def _parents(self, directory: GitDirectory, git: Git | None, head: str) -> frozenset[str] | None:
        """A batch is merged one by one, each on top of the last: one step down for each of them."""
        names: set[str] = set()
        commit, heads = head, self.claim.heads
        for _ in heads or (head,):
            found = loose_parents(directory, commit)
            if found is None and git is not None:
                found = git.parents(commit)
            if found is None:
                return frozenset(names) if heads and names.issuperset(heads) else None
            names.update(found)
            if not found:
                break
            commit = found[0]
        if git is not None and len(heads) > 1:  # nothing is merged for a head that another one holds already
            names.update(other for other in heads if other not in names and git.is_ancestor(other, head))
        return frozenset(names)

    def _superproject(self, directory: GitDirectory, depth: int) -> Superproject | None:
        outer = find_git_directory(os.path.dirname(directory.work_tree)) if depth < _MOST_NESTED else None
        if outer is None:
            return None
        above = unwrap_or_failure(outer)
        if isinstance(above, UnreadableCheckout):
            return Superproject(above)
        found, git = self.read(above, depth + 1), Git.find(above, self.environment)
        if isinstance(found, UnreadableCheckout):
            return Superproject(found)
        if git is None:
            return Superproject(found, "", "only the git program can read which commit it records for the submodule")
        recorded = git.recorded(found.head, os.path.relpath(directory.work_tree, above.work_tree))
        reason = (
            "its HEAD cannot be read" if recorded is None else "its HEAD does not record this folder as a submodule"
        )
        return Superproject(found, recorded or "", "" if recorded else reason)


def _head(directory: GitDirectory, git: Git | None) -> Result[str, str]:
    found = read_head(directory)
    if git is None or found.swap().value_or("") != REFTABLE:
        return found
    commit = git.commit()
    return Success(commit) if commit is not None else Failure(f"{REFTABLE}, and this git program cannot")


def _changes(directory: GitDirectory, git: Git | None, old: str, head: str) -> Changes:
    if git is None:
        return Changes(reason="only the git program can tell what HEAD changes since that commit")
    if not git.is_ancestor(old, head):
        shallow = "; the checkout is shallow, so it may lie further back" if is_shallow(directory) else ""
        return Changes(reason=f"HEAD does not descend from that commit{shallow}")
    if git.commit(old) == head:
        return Changes(is_same=True)
    paths = git.changed_paths(old, head)
    return Changes(paths) if paths is not None else Changes(reason="what HEAD changes since then cannot be listed")

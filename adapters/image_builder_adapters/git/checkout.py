"""Facts about the checkout that an image is built from, and about what of it can get into the image.

Git's own files are read without the git program. The rest (packed commits, ancestors, files that differ) needs the
program, and stays unknown without it.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import unquote

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
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_file
from image_builder_adapters.git.directory import (
    REFTABLE,
    GitDirectory,
    find_git_directory,
    is_below,
    is_shallow,
    locate,
    loose_parents,
    places_of,
    read_head,
)
from image_builder_adapters.git.program import Git

_MOST_NESTED: Final = 16  # submodules of submodules
_LONGEST_LINE: Final = 8 << 10  # characters of a line that are looked at
_HEADER = re.compile(
    r"(?:\s*\[[^\]]*\])?\s*extraheader\s*=\s*\"?authorization:\s*(?P<scheme>\S+)\s+(?P<value>[^\s\"]+)", re.IGNORECASE
)
_URL = re.compile(r"://(?P<user>[^/?#\s:@]{0,4096}):(?P<password>[^/?#\s@]{1,4096})@")
_TOKEN = re.compile(r"://(?P<token>[^/?#\s:@]{20,4096})@")  # a user of this length is a token


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


# --- credentials --------------------------------------------------------------------------------------------------


def stored_credentials(directory: GitDirectory) -> tuple[str, ...]:
    """Secrets of the configuration (at most 1 MiB of it): passwords and tokens, as written there and decoded.

    CI systems leave them there so that later steps can fetch: ``actions/checkout`` as a header, GitLab and others in
    the remote's URL. A build context can carry them into an image. The redactor learns every value.
    """
    places = dict.fromkeys((directory.common, directory.own))
    texts = (read_file(os.path.join(place, "config"), "").value_or(b"") for place in places)
    lines = (line[:_LONGEST_LINE] for text in texts for line in text.decode("utf-8", "replace").splitlines())
    return tuple(dict.fromkeys(secret for line in lines for secret in _secrets(line)))


def _secrets(line: str) -> Iterator[str]:
    if "://" in line:
        for found in (*_URL.finditer(line), *_TOKEN.finditer(line)):
            secret = found[found.lastindex or 0]
            yield from (secret, unquote(secret))
    header = _HEADER.match(line) if "eader" in line.lower() else None
    if header is not None:
        yield header["value"]
        if header["scheme"].lower() == "basic":
            yield from _password(header["value"])


def _password(credential: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(credential, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return
    if ":" in decoded:
        yield decoded.partition(":")[2]

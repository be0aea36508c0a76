"""Git's own files, read without the git program: where a checkout is, its HEAD, its branches, its commits.

The images of some engines have no git program, and what is checked out must be known there, too. Formats:
gitrepository-layout(5), git-pack-refs(1). Nothing here follows a link in place of a file, waits for a pipe, or reads
more than a limit, because a commit may contain such files.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, final

from image_builder_domain.job.git_state import is_sha
from image_builder_domain.trust.checkout import UnreadableCheckout
from returns.result import Failure, Result, Success

from image_builder_adapters.files import read_regular

REFTABLE: Final = "its refs are in the reftable format, which only the git program can read"

_LARGEST_LINK: Final = 8 << 10
_LARGEST_REFS: Final = 64 << 20
_LARGEST_COMMIT: Final = 1 << 20
_DEEPEST_REF: Final = 5  # as git's SYMREF_MAXDEPTH
_MOST_REMOTES: Final = 100
# git check-ref-format; no lone surrogates but those that stand for bytes which are not UTF-8.
_REF = re.compile(r"refs(?:/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/\ud800-\udc7f\udd00-\udfff]+)+")


@final
@dataclass(frozen=True, slots=True)
class GitDirectory:
    """A checkout at ``work_tree``: ``own`` holds its HEAD, ``common`` the objects and refs.

    The two differ only in a linked worktree (git-worktree(1)). All paths are absolute and without links.
    """

    work_tree: str
    own: str
    common: str


def find_git_directory(start: str) -> "Result[GitDirectory, UnreadableCheckout] | None":
    """The innermost checkout around ``start``; None without one.

    A bare repository is not a checkout: a pull request can contain one, so the search continues above it.
    """
    try:
        folder = os.path.realpath(start)
    except (OSError, ValueError):
        return None
    while True:
        place = os.path.join(folder, ".git")
        if os.path.lexists(place):
            return _opened(folder, place)
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def places_of(context: str, workspace: str | None) -> tuple[str, ...]:
    """The folders around which a checkout is looked for, in this order: absolute, without links."""
    return tuple(dict.fromkeys(os.path.realpath(place) for place in (context, workspace) if place))


def locate(context: str, workspace: str | None) -> "Result[GitDirectory, UnreadableCheckout] | None":
    """The innermost checkout around the build context, else around the CI system's workspace; None without any."""
    located = (find_git_directory(place) for place in places_of(context, workspace))
    return next((found for found in located if found is not None), None)


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path is the folder or lies in it."""
    return os.path.commonpath((path, folder)) == folder


def read_head(directory: GitDirectory) -> Result[str, str]:
    """The commit that is checked out, or why it cannot be read."""
    if os.path.isdir(os.path.join(directory.common, "reftable")):
        return Failure(REFTABLE)
    return _resolved(directory, "HEAD")


def remote_tips(directory: GitDirectory, branch: str) -> tuple[str, ...]:
    """The commits of every ``refs/remotes/*/BRANCH`` that can be read, in the order of the remotes' names."""
    if not _is_ref(f"refs/{branch}"):
        return ()
    try:
        found = os.listdir(os.path.join(directory.common, "refs", "remotes"))
    except OSError:
        found = []
    names = {*islice(found, _MOST_REMOTES), *islice(_packed_remotes(directory, branch), _MOST_REMOTES)}
    tips = (_resolved(directory, f"refs/remotes/{name}/{branch}").value_or("") for name in sorted(names))
    return tuple(tip for tip in tips if tip)


def is_shallow(directory: GitDirectory) -> bool:
    """Whether parents of some commits are left out (gitrepository-layout(5), ``shallow``)."""
    return _content(os.path.join(directory.common, "shallow"), _LARGEST_COMMIT).value_or(b"") != b""


def loose_parents(directory: GitDirectory, commit: str) -> tuple[str, ...] | None:
    """What the ``parent`` lines of a commit name; None for a commit that is not there as a file of its own."""
    import zlib  # only builds read commits

    path = os.path.join(directory.common, "objects", commit[:2], commit[2:])
    packed = _content(path, _LARGEST_COMMIT).value_or(b"")
    try:
        content = zlib.decompressobj().decompress(packed, _LARGEST_COMMIT)
    except zlib.error:
        return None
    return parents(content.partition(b"\0")[2]) if _name(content, len(commit)) == commit else None


def parents(commit: bytes) -> tuple[str, ...]:
    """The parents that a commit's own text names; also those that a shallow clone does not have."""
    found = []
    for line in commit.partition(b"\n\n")[0].split(b"\n")[1:]:
        word, _, name = line.decode("ascii", "replace").partition(" ")
        if word != "parent" or not is_sha(name):
            break
        found.append(name)
    return tuple(found)


# --- finding ------------------------------------------------------------------------------------------------------


def _opened(folder: str, place: str) -> Result[GitDirectory, UnreadableCheckout]:
    if os.path.isdir(place):
        found = _whole(folder, os.path.realpath(place))
    else:
        found = _content(place, _LARGEST_LINK).bind(lambda content: _linked(folder, content))
    return found.alt(lambda reason: UnreadableCheckout(place, reason))


def _linked(folder: str, content: bytes) -> Result[GitDirectory, str]:
    """A worktree or a submodule: the file names the directory (gitrepository-layout(5), ``gitdir:``)."""
    word, _, path = content.partition(b" ")
    if word != b"gitdir:" or not path.strip() or b"\0" in path:
        return Failure("this file does not name a git directory")
    own = os.path.realpath(os.path.join(folder, os.fsdecode(path.rstrip(b"\r\n"))))
    if not os.path.isdir(own):
        return Failure(f"it names {own!r}, which is not there; mount the whole repository into the job")
    return _whole(folder, own)


def _whole(folder: str, own: str) -> Result[GitDirectory, str]:
    path = os.path.join(own, "commondir")
    if not os.path.lexists(path):
        return Success(GitDirectory(folder, own, own))
    return _content(path, _LARGEST_LINK).bind(lambda content: _common(folder, own, content))


def _common(folder: str, own: str, content: bytes) -> Result[GitDirectory, str]:
    if b"\0" in content or not content.strip():
        return Failure("its commondir does not name a directory")
    common = os.path.realpath(os.path.join(own, os.fsdecode(content.rstrip(b"\r\n"))))
    if not os.path.isdir(common):
        return Failure(f"its commondir names {common!r}, which is not there")
    return Success(GitDirectory(folder, own, common))


# --- refs ---------------------------------------------------------------------------------------------------------


def _resolved(directory: GitDirectory, name: str) -> Result[str, str]:
    for _ in range(_DEEPEST_REF + 1):
        content = _ref(directory, name)
        if isinstance(content, Failure):
            return content
        text = os.fsdecode(content.unwrap()).rstrip("\r\n \t")
        if is_sha(text):
            return Success(text)
        word, _, target = text.partition(" ")
        name = target.strip()
        if word != "ref:" or not _is_ref(name):
            return Failure("its HEAD names neither a commit nor a branch")
    return Failure("its HEAD leads through too many symbolic refs")


def _ref(directory: GitDirectory, name: str) -> Result[bytes, str]:
    """What a ref holds. A file of its own goes before ``packed-refs``."""
    is_own = name == "HEAD" or name.startswith(("refs/bisect/", "refs/worktree/", "refs/rewritten/"))
    path = os.path.join(directory.own if is_own else directory.common, name)
    if name == "HEAD" or (os.path.lexists(path) and not os.path.isdir(path)):
        return _content(path, _LARGEST_LINK)
    return _packed_refs(directory).bind(lambda refs: _packed(refs, name))


def _packed(refs: bytes, name: str) -> Result[bytes, str]:
    end = refs.find(os.fsencode(f" {name}\n"))
    if end < 0:
        return Failure(f"its HEAD leads to {name!r}, which has no commit")
    return Success(refs[refs.rfind(b"\n", 0, end) + 1 : end])


def _packed_refs(directory: GitDirectory) -> Result[bytes, str]:
    path = os.path.join(directory.common, "packed-refs")
    return _content(path, _LARGEST_REFS).map(lambda found: found + b"\n") if os.path.lexists(path) else Success(b"\n")


def _packed_remotes(directory: GitDirectory, branch: str) -> Iterator[str]:
    refs, after = _packed_refs(directory).value_or(b"\n"), os.fsencode(f"/{branch}\n")
    end = refs.find(after)
    while end >= 0:
        start = refs.rfind(b"\n", 0, end) + 1
        name = refs[start:end].partition(b" refs/remotes/")[2]
        if name and b"/" not in name:
            yield os.fsdecode(name)
        end = refs.find(after, end + 1)


def _is_ref(name: str) -> bool:
    return _REF.fullmatch(name) is not None and ".." not in name and not name.endswith(".lock")


# --- files --------------------------------------------------------------------------------------------------------


def _name(content: bytes, digits: int) -> str:
    """The name that git gives to this object, so that a damaged or foreign file proves nothing."""
    import hashlib

    if not content.startswith(b"commit "):
        return ""
    return (hashlib.sha1 if digits == 40 else hashlib.sha256)(content, usedforsecurity=False).hexdigest()


def _content(path: str, largest: int) -> Result[bytes, str]:
    """A regular file of at most ``largest`` bytes; links are not followed, and a pipe does not block."""
    file = read_regular(path, largest, follow_link=False)
    return file.map(lambda found: found.content).alt(lambda error: f"{os.path.basename(path)} {error}")

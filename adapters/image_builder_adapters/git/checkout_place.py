"""Which checkout a job builds from, and whether a file lies in it. Needs no git program, and little else."""

import os
import re
from collections.abc import Iterator
from typing import Final

from image_builder_domain.trust.checkout import UnreadableCheckout
from returns.result import Failure, Result

from image_builder_adapters.git.directory import GitDirectory, find_git_directory

_MOST_LINKS: Final = 40  # as Linux follows at most; path_resolution(7)


def places_of(context: str, workspace: str | None) -> tuple[str, ...]:
    """The folders around which a checkout is looked for, in this order: absolute, without links."""
    return tuple(dict.fromkeys(os.path.realpath(place) for place in (context, workspace) if place))


def locate(context: str, workspace: str | None) -> "Result[GitDirectory, UnreadableCheckout] | None":
    """The innermost checkout around the build context, else around the CI system's workspace; None without any."""
    located = (find_git_directory(place) for place in places_of(context, workspace))
    return next((found for found in located if found is not None), None)


def find_checkout(context: str, workspace: str | None) -> GitDirectory | None:
    """Where the same checkout keeps its history; None without one, and for one that cannot be read."""
    located = locate(context, workspace)
    return located.value_or(None) if located is not None else None


def holds(file: str, directory: GitDirectory | None, places: tuple[str, ...]) -> bool:
    """Whether a commit chooses what this file says: it lies in the checkout at ``directory``, or in its submodules.

    Without a checkout the folders ``places`` count as one, unless they are the root of all. A second checkout does not
    count, wherever it lies. Every link on the way to the file counts as well: a committed link chooses a file, too.
    """
    folders = dict.fromkeys(_choosing_folders(file))
    if directory is None:
        roots = tuple(root for root in map(os.path.realpath, places) if root != os.sep)
        return any(is_below(folder, root) for root in roots for folder in folders)
    return any(_belongs(find_git_directory(folder), directory) for folder in folders)


def lies_in_checkout(file: str, workspace: str | None) -> bool:
    """The same for the checkout in the CI system's workspace, else around the working directory.

    The working directory may be a second checkout. Without any checkout only the workspace counts as one: a job that
    checks nothing out may run in ``/``.
    """
    located = locate(workspace or os.curdir, os.curdir)
    if located is None:
        return holds(file, None, (workspace,) if workspace else ())
    if isinstance(located, Failure):
        return holds(file, None, (os.path.dirname(located.failure().where),))
    return holds(file, located.unwrap(), ())


def is_below(path: str, folder: str) -> bool:
    """Whether an absolute path is the folder or lies in it."""
    return os.path.commonpath((path, folder)) == folder


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

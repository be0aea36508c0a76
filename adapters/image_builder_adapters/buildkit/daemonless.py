"""``buildctl-daemonless.sh``: BuildKit's own script, which starts a daemon for one build.

Its daemon keeps its root between runs. Production would read what unmerged code leaves there, so every other side
builds in a folder of its own below that root. It lies below, because the root is often a volume, and the file systems
that BuildKit needs may be missing elsewhere. The root is ``--root`` in ``BUILDKITD_FLAGS``, else buildkitd's default
(BuildKit, ``util/appdefaults``).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Final

from image_builder_domain.trust.side import Side

from image_builder_adapters.buildkit.state import TMP, lock_file
from image_builder_adapters.process import find_program

DAEMONLESS: Final = "buildctl-daemonless.sh"
FLAGS: Final = "BUILDKITD_FLAGS"
"""The variable with the daemon's flags. The script's shell splits it at blanks and expands ``*``, ``?`` and ``[``."""

_ROOT_FLAG: Final = re.compile(r"--?root(?:=(.*))?", re.DOTALL)
_OF_ROOT: Final = "/var/lib/buildkit"
_PLAIN_PATH: Final = re.compile(r"/[\w./:@%+,-]*", re.ASCII)


def has_daemonless(environment: Mapping[str, str], user: int, side: Side) -> bool:
    """True if the script is installed and can use a root for this side. Its shell would split or expand some paths."""
    if find_program(DAEMONLESS, environment) is None:
        return False
    return side.is_production or _PLAIN_PATH.fullmatch(_root(environment, user)) is not None


def daemonless_flags(environment: Mapping[str, str], user: int, side: Side) -> tuple[str, ...]:
    """The daemon's flags: those of the job and, on any side but production's, ``--root`` with the side's own folder."""
    given = tuple(environment.get(FLAGS, "").split())
    # buildkitd takes the last --root of several.
    return given if side.is_production else (*given, f"--root={_root(environment, user)}/{side.value}")


@contextmanager
def lock_script(user: int) -> Iterator[int | None]:
    """Lock BuildKit's daemonless script for one build of this user. Gives None while another build holds the lock.

    The script uses one root folder for all its daemons, and as root also one socket: two at once break each other.
    The lock is the open descriptor, so a child that inherits it keeps the lock if this process is killed.
    """
    descriptor = None
    with suppress(OSError):  # another user's file cannot be locked, so the script is not used
        descriptor = lock_file(f"{TMP}/image-builder-daemonless-{user}.lock")
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _root(environment: Mapping[str, str], user: int) -> str:
    given = list(_roots(environment.get(FLAGS, "").split()))
    return (given[-1] if given else _default(environment, user)).rstrip("/")


def _roots(words: list[str]) -> Iterator[str]:
    for word, following in pairwise((*words, "")):
        match = _ROOT_FLAG.fullmatch(word)
        if match is not None:
            yield match[1] if match[1] is not None else following


def _default(environment: Mapping[str, str], user: int) -> str:
    return _OF_ROOT if user == 0 else os.path.join(environment.get("HOME", ""), ".local/share/buildkit")

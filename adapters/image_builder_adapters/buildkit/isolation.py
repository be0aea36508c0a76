"""How a daemon is started so that everything below it ends with it.

A step's processes run in sessions of their own, so no signal to the daemon's group reaches them. In a process namespace
the kernel kills all of them with the first process. A mount namespace removes the mounts as well. Root gets both
namespaces from ``unshare`` (util-linux). An ordinary user gets them from ``rootlesskit``, with a user namespace in
which the user is root.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.build import EngineMissing

from image_builder_adapters.process import accepts, find_program, search_path

_NAMESPACES: Final = ("--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
_PACKAGES: Final = {"rootlesskit": "rootlesskit", "newuidmap": "uidmap", "newgidmap": "uidmap"}
"""The programs of a rootless daemon, with Debian's packages."""
_A_STEP: Final = ("unshare", "--pid", "--fork", "--mount-proc")


@final
@dataclass(frozen=True, slots=True)
class Isolation:
    """Words before the daemon's command line, and flags after it."""

    wrapper: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def missing_helper(environment: Mapping[str, str], user: int) -> EngineMissing | None:
    """All programs that an ordinary user's private daemon needs and that are not installed. Starts nothing."""
    packages = {} if user == 0 else _PACKAGES
    missing = [program for program in packages if find_program(program, environment) is None]
    if not missing:
        return None
    names = " and ".join(dict.fromkeys(packages[program] for program in missing))
    remedy = f"install {names} (BuildKit needs it when not run as root), or set BUILDKIT_HOST to a running BuildKit"
    return EngineMissing(", ".join(missing), remedy)


def find_isolation(environment: Mapping[str, str], user: int, runtime: str) -> Isolation | None:
    """The strongest isolation that works here, tried with a program that does nothing. None if no step could run."""
    return _of_root(environment) if user == 0 else _of_ordinary_user(environment, runtime)


def _of_root(environment: Mapping[str, str]) -> Isolation | None:
    unshare, path = find_program("unshare", environment), search_path(environment)
    if unshare is None:
        return Isolation()
    if accepts((unshare, *_NAMESPACES), path):
        return Isolation((unshare, *_NAMESPACES))
    # BuildKit mounts for each step. Where root may not mount at all, every step would fail with an unclear message.
    return Isolation() if accepts((unshare, "--mount"), path) else None


def _of_ordinary_user(environment: Mapping[str, str], runtime: str) -> Isolation:
    rootlesskit = find_program("rootlesskit", environment) or "rootlesskit"
    state = f"--state-dir={runtime}/rootlesskit"
    # In a container with a masked /proc (usual in a pod) nobody can mount /proc again. rootlesskit only warns of that
    # and continues, but steps with process namespaces of their own would fail. So exactly that is tried.
    if accepts((rootlesskit, "--pidns", *_A_STEP), search_path(environment)):
        return Isolation((rootlesskit, "--pidns", state))
    return Isolation((rootlesskit, state), ("--oci-worker-no-process-sandbox",))

"""``python -I -m image_builder_adapters.kaniko.supervisor ORDER command …``: run a command in a root of its own.

The command gets new user, mount, process, IPC, host-name and cgroup namespaces and a root that shows what ``ORDER``
lists and nothing else. It shares the network, because base images may come from a registry on loopback. It ends when
this process ends. Its root stays until the caller has shut down its end of ``janitor`` or has ended, even by SIGKILL.

Three processes: this one waits. The janitor, in a session of its own, removes the folder as soon as it reads the end of
``janitor``. The command is the first process of its process namespace, so the kernel ends with it everything that it
started.

runc is not used: users who have only kaniko's executor would have to install it, a killed ``runc run`` leaves its
container running, and with ``no_new_privs`` a step could not use ``sudo``.

Exit code: the command's. The descriptor ``report`` gets ``refused REASON`` if the root cannot be made (the command was
not run), else ``ended ROOT``, a newline and the content of the file ``result`` inside the root.
"""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypedDict

from image_builder_adapters.kaniko import namespaces


class Order(TypedDict):
    """The first argument, as JSON."""

    place: str
    """The folder in which a folder for the root is made and removed."""
    binds: Sequence[tuple[str, str, bool]]
    """Source outside, target inside, whether it is writable."""
    users: Sequence[tuple[int, int, int]]
    """Lines of ``uid_map``: first inside, first outside, count."""
    groups: Sequence[tuple[int, int, int]]
    helpers: tuple[str, str] | None
    """Paths of newuidmap and newgidmap. None if this process may write the maps itself."""
    report: int
    """A descriptor."""
    janitor: int
    """A descriptor: one end of a pair of sockets, whose other end the caller keeps as long as it needs the root."""
    result: str
    """A path inside the root."""
    login: int
    """A descriptor of the content of Docker's ``config.json``."""
    login_file: str
    """The path of that file inside the root."""


_REFUSED: Final = 125
_LONGEST_RESULT: Final = 1024
_LARGEST_LOGIN: Final = 4 << 20
_REMOVE_WITHIN: Final = 60.0


def main(order: Order, command: list[str]) -> int:
    """Run the command, see above, and return its exit code."""
    parent, folder = os.getppid(), ""
    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal reaches the whole group. The command ends by it, and this process must stay to clean up.
        signal.signal(number, signal.SIG_IGN)
    try:
        _become_root_of_a_user_namespace(order)
        namespaces.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            return _REFUSED
        folder = _make_folder(order["place"])
        _start_janitor(order, folder)
        namespaces.unshare(namespaces.NEW_PID)
        child = _start(order, f"{folder}/root", command)
    except (OSError, subprocess.SubprocessError) as error:
        _report(order, f"refused {_reason(error)}")
        shutil.rmtree(folder, ignore_errors=True)
        return _REFUSED
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if os.lseek(order["report"], 0, os.SEEK_CUR) == 0:
        _report(order, f"ended {folder}/root\n{_result(f'{folder}/root', order['result'])}")
    return code if code >= 0 else 128 - code


def _become_root_of_a_user_namespace(order: Order) -> None:
    """Let a helper process outside write the identity maps: a process itself may map only its own single identity."""
    outside, ready = os.pipe()
    process = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(ready)
        _exit_after(lambda: _write_maps(order, process) if os.read(outside, 1) else None)
    os.close(outside)
    try:
        namespaces.unshare(namespaces.NEW_USER)
        os.write(ready, b"!")
    except OSError as error:
        raise OSError(f"this machine grants no user namespace ({_reason(error)})") from error
    finally:
        os.close(ready)
        _, status = os.waitpid(helper, 0)
    if status != 0:
        raise OSError("the identities of the user namespace could not be mapped")
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _write_maps(order: Order, process: int) -> None:
    helpers = order["helpers"] or (None, None)
    for name, helper, lines in zip(("uid_map", "gid_map"), helpers, (order["users"], order["groups"]), strict=True):
        if helper is not None:
            numbers = [str(number) for line in lines for number in line]
            subprocess.run([helper, str(process), *numbers], check=True, timeout=10)
            continue
        with open(f"/proc/{process}/{name}", "w", encoding="ascii") as file:
            file.write("".join(f"{inside} {outside} {count}\n" for inside, outside, count in lines))


def _make_folder(place: str) -> str:
    """A private folder with the empty root. Made here, because a killed parent would leave it behind."""
    folder = tempfile.mkdtemp(prefix="image-builder-", dir=place)
    os.mkdir(f"{folder}/root")
    os.chmod(f"{folder}/root", 0o755)  # noqa: S103 (a step may run as any user; the folder around it is private)
    return folder


def _start_janitor(order: Order, folder: str) -> None:
    """Start it before the mounts, which it must not see."""
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        _exit_after(lambda: _remove(folder) if os.read(order["janitor"], 1) == b"" else None)
    os.close(order["janitor"])


def _remove(folder: str) -> None:
    """Repeat until it is gone: a process that uses it may still be ending."""
    end = time.monotonic() + _REMOVE_WITHIN
    while os.path.lexists(folder) and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


def _start(order: Order, root: str, command: list[str]) -> int:
    watch, hold = os.pipe()
    child = os.fork()
    if child != 0:
        os.close(watch)
        return child  # `hold` stays open until this process ends
    os.close(hold)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        namespaces.die_with_parent(signal.SIGKILL)
        _exit_if_closed(watch)
        login = os.pread(order["login"], _LARGEST_LOGIN, 0)
        namespaces.enter_root(root, order["binds"], (order["login_file"], login))
        os.set_inheritable(order["report"], False)
        os.set_inheritable(order["login"], False)
        _become(command)
    except OSError as error:
        _report(order, f"refused {_reason(error)}")
    os._exit(_REFUSED)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execv(command[0], command)  # noqa: S606 (nothing of this process stays in the root)
    except OSError as error:
        what = f"the executor cannot be run in it ({error.strerror}); a script, or a program with libraries, cannot"
        raise OSError(what) from error


def _exit_if_closed(watch: int) -> None:
    """Exit if the parent ended before this process asked for a signal at its end."""
    os.set_blocking(watch, False)
    try:
        os.read(watch, 1)
    except BlockingIOError:
        os.close(watch)
        return
    os._exit(_REFUSED)


def _result(root: str, path: str) -> str:
    """The file's text, empty without it. The command is not trusted, so no link is followed and no read can block."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    *folders, name = path.strip("/").split("/")
    try:
        for part in folders:
            folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return ""
        return os.read(file, _LONGEST_RESULT).decode("ascii", "replace")
    except OSError:
        return ""


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.strerror} {error.filename}" if error.filename else error.strerror


def _report(order: Order, text: str) -> None:
    os.write(order["report"], text.encode("utf-8", "replace"))


def _exit_after(work: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))

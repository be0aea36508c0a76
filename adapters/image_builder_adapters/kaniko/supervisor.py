"""``python -I -m image_builder_adapters.kaniko.supervisor ORDER command …``: run a command in a root of its own.

The command gets user, mount, process, IPC, host-name and cgroup namespaces of its own and a root that holds what
``ORDER`` names and nothing else. It ends with us, however we end, and its root is removed after it, even when we are
killed. It shares the network: the registry may be on loopback.

Three processes: we wait; the janitor, in a session of its own, removes the folder as soon as we are gone; the command
is the first process of its process namespace, so the kernel ends with it everything that it started.

Exit code: the command's. What became of it is written to the descriptor ``report``: ``refused REASON`` when the root
cannot be had (nothing was run), else ``ended TEXT`` with the content of the file ``result`` inside the root.
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
from typing import Any, Final, NoReturn, TypeAlias

from image_builder_adapters.kaniko import kernel
from image_builder_adapters.kaniko.root import build_root

Order: TypeAlias = dict[str, Any]
"""JSON: ``place`` (where a folder for the root is made and removed), ``binds`` ([source, target, is writable]),
``users`` and ``groups`` (identity maps, [inside, outside, count]), ``helpers`` (paths of newuidmap and newgidmap, or
null when we may write the maps ourselves), ``report`` (a descriptor), ``result`` (a path in the root)."""

_REFUSED: Final = 125
_LONGEST_RESULT: Final = 1024
_REMOVE_WITHIN: Final = 60.0


def main(order: Order, command: list[str]) -> int:
    """The exit code, see above."""
    parent = os.getppid()
    for number in (signal.SIGINT, signal.SIGTERM):
        # The whole group is signalled; the command ends by it, and we stay to see to that.
        signal.signal(number, signal.SIG_IGN)
    try:
        _become_root_of_a_user_namespace(order)
        kernel.die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            return _REFUSED
        folder = order["folder"] = _make_folder(order["place"])
        alive = _start_janitor(folder)
        kernel.unshare(kernel.NEW_PID)
        child = _start(order, command, alive)
    except (OSError, subprocess.SubprocessError) as error:
        return _refuse(order, _words(error))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if os.lseek(order["report"], 0, os.SEEK_CUR) == 0:
        _report(order, f"ended {_result(order)}")
    os.close(alive)
    os.wait()  # the janitor
    return code if code >= 0 else 128 - code


def _become_root_of_a_user_namespace(order: Order) -> None:
    """A helper that stays outside writes our identity maps: no process may write more than its own single one."""
    outside, ready = os.pipe()
    me = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(ready)
        _exit_with(lambda: _write_maps(order, me) if os.read(outside, 1) else None)
    os.close(outside)
    try:
        kernel.unshare(kernel.NEW_USER)
        os.write(ready, b"!")
    except OSError as error:
        raise OSError(f"this machine grants no user namespace ({_words(error)})") from error
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
    """A private folder with the empty root in it. Not made by who starts us: killed meanwhile, it would leave it."""
    folder = tempfile.mkdtemp(prefix="image-builder-", dir=place)
    root = os.path.join(folder, "root")
    os.mkdir(root)
    os.chmod(root, 0o755)  # noqa: S103 (a step may run as any user; the folder around it is private)
    return folder


def _start_janitor(folder: str) -> int:
    """Start it; the descriptor that it waits for to be closed. It must not see what is mounted into the root."""
    gone, alive = os.pipe()
    if os.fork() == 0:
        os.close(alive)
        _clean_up_when(gone, folder)
    os.close(gone)
    return alive


def _clean_up_when(gone: int, folder: str) -> NoReturn:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    _exit_with(lambda: _remove(folder) if os.read(gone, 1) == b"" else None)


def _remove(folder: str) -> None:
    """Until it is gone: the last of its users may still be dying."""
    end = time.monotonic() + _REMOVE_WITHIN
    while os.path.lexists(folder) and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.01)


def _start(order: Order, command: list[str], alive: int) -> int:
    watch, hold = os.pipe()
    child = os.fork()
    if child != 0:
        os.close(watch)
        return child  # `hold` stays open for as long as we live
    os.close(hold)
    os.close(alive)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        kernel.die_with_parent(signal.SIGKILL)
        _exit_if_closed(watch)
        build_root(os.path.join(order["folder"], "root"), order["binds"])
        os.set_inheritable(order["report"], False)
        _become(command)
    except OSError as error:
        _report(order, f"refused {_words(error)}")
    os._exit(_REFUSED)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execv(command[0], command)  # noqa: S606 (replaced by it: nothing of ours stays in the root)
    except OSError as error:
        what = f"the executor cannot be run in it ({error.strerror}); a script, or a program with libraries, cannot"
        raise OSError(what) from error


def _exit_if_closed(watch: int) -> None:
    """Whoever should have told us that it died may have died before we asked to be told."""
    os.set_blocking(watch, False)
    try:
        os.read(watch, 1)
    except BlockingIOError:
        os.close(watch)
        return
    os._exit(_REFUSED)


def _result(order: Order) -> str:
    """The file's text; what the command left behind is not trusted: no link is followed, nothing is waited for."""
    here = os.open(os.path.join(order["folder"], "root"), os.O_RDONLY | os.O_DIRECTORY)
    *folders, name = order["result"].strip("/").split("/")
    try:
        for folder in folders:
            here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return ""
        return os.read(file, _LONGEST_RESULT).decode("ascii", "replace")
    except OSError:
        return ""


def _refuse(order: Order, reason: str) -> int:
    _report(order, f"refused {reason}")
    shutil.rmtree(order.get("folder", ""), ignore_errors=True)
    return _REFUSED


def _words(error: Exception) -> str:
    told = isinstance(error, OSError) and error.strerror
    place = f" {error.filename}" if isinstance(error, OSError) and error.filename else ""
    return f"{told}{place}" if told else str(error)


def _report(order: Order, text: str) -> None:
    os.write(order["report"], text.encode("utf-8", "replace"))


def _exit_with(work: Any) -> NoReturn:
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1]), sys.argv[2:]))

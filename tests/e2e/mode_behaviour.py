"""What every mode must do alike, tried in one mode after the other: refusals, interruptions, outputs that are lost.

A behaviour runs one mode in a fresh world and gives a sentence of what can be seen from outside, which the table
``modes/behaviours.yaml`` expects.
"""

import base64
import fcntl
import json
import os
import re
import shlex
import signal
import socket
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.fault import Stall

from tests.e2e.mode_given import add_pipeline
from tests.e2e.mode_trial import MODES, REPORT_FLAG, SOURCE, TooSlowError, Trial
from tests.e2e.observation import wait_until
from tests.e2e.remote_world import succeeds
from tests.e2e.run import Process
from tests.git_repository import BASE_COMMIT, check_out
from tests.programs import install_script

_PATIENCE: Final = 60.0
_SMALLEST_PIPE: Final = 4096

# Holds a process whose exit code is settled, so that a signal meets it then. Python imports this before everything.
_HOLD: Final = """
import atexit, os, time
folder, process, leave = os.environ["HOLD_AT_END"], os.getpid(), os._exit
def hold():
    if os.getpid() == process:
        open(os.path.join(folder, "held"), "w").close()
        while not os.path.exists(os.path.join(folder, "go")):
            time.sleep(0.01)
def held(code):
    hold()
    leave(code)
os._exit = held
atexit.register(hold)
"""
_NEVER_ANSWERS: Final = "exec {python} -S -X utf8 -c {code}"
"""The path of our Python may hold a blank, which a first line with ``#!`` cannot, or letters beyond ASCII, on which the
module ``site`` fails under ``LC_ALL=C``.
"""


def _wrong_configuration(trial: Trial) -> str:
    trial.world.config["regstry"] = "x"
    return trial.run()


def _json_logs(trial: Trial, *flags: str) -> str:
    """What the tool itself says while it works; the summary at the end is for people in any format."""
    trial.world.config["log-format"] = "json"
    seen = trial.run(*shlex.split(trial.mode.log_flags), *flags)
    kinds = {
        "JSON": re.search(r'^\{.*"level":', trial.err, re.MULTILINE),
        "text": re.search(r"^(debug|warning|error|ERROR): ", trial.err, re.MULTILINE),
    }
    return f"{seen.split(',')[0]}, logs {' and '.join(kind for kind, found in kinds.items() if found) or 'nothing'}"


@contextmanager
def _waiting(trial: Trial) -> Iterator[Process]:
    """A process that waits for an answer which does not come."""
    with ExitStack() as stack:
        waits = _KEEPERS[trial.mode.waits_for](trial, stack)
        process = trial.start()
        stack.callback(process.kill)
        wait_until(lambda: waits(process) or process.poll() is not None, _PATIENCE)
        if process.poll() is not None:
            trial.world.finished(process)
            raise TooSlowError
        yield process


def _silent_host(stack: ExitStack) -> tuple[str, Callable[[object], bool]]:
    """A server that takes connections and never answers; and whether anybody came."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.setblocking(False)

    def has_come(_: object) -> bool:
        with suppress(BlockingIOError):
            stack.enter_context(listener.accept()[0])
            return True
        return False

    return "{}:{}".format(*listener.getsockname()), has_come


def _silent_registry(trial: Trial, stack: ExitStack) -> Callable[[Any], bool]:
    host, has_come = _silent_host(stack)
    world, known = trial.world, trial.world.registry.host_port
    world.config = json.loads(json.dumps(world.config).replace(known, host))
    given = world.folder / "job" / "given.json"
    given.write_text(given.read_text().replace(known, host))
    trial.registry = host
    return has_come


def _silent_azure(trial: Trial, stack: ExitStack) -> Callable[[Any], bool]:
    host, has_come = _silent_host(stack)
    trial.world.config["ado-config"]["ado-organization-url"] = f"http://{host}/example-org"
    return has_come


def _silent_issuer(trial: Trial, stack: ExitStack) -> Callable[[Any], bool]:
    host, has_come = _silent_host(stack)
    head, nothing = (
        base64.urlsafe_b64encode(text).decode().rstrip("=") for text in (b'{"alg":"RS256","kid":"1"}', b"{}")
    )
    trial.world.environment |= {"OIDC_ISSUER": f"https://{host}", "AUTHORIZATION": f"{head}.{nothing}.{nothing}"}
    return has_come


def _endless_run(trial: Trial, _: ExitStack) -> Callable[[Any], bool]:
    add_pipeline(trial.world, lambda run: "canceled" if run.canceled.wait(_PATIENCE) else "failed")
    return lambda _: trial.world.service.count(Operation.GET_RUN) > 0


def _silent_git(trial: Trial, _: ExitStack) -> Callable[[Any], bool]:
    trial.world.become("laptop")  # where git is asked
    check_out(trial.world.folder / "job", BASE_COMMIT)  # a build elsewhere has no context here
    mark, git = trial.world.folder / "programs" / "started", trial.world.folder / "programs" / "git"
    git.unlink()
    code = f"import time; open({str(mark)!r}, 'w').close(); time.sleep(600)"
    install_script(
        git.parent, git.name, _NEVER_ANSWERS.format(python=shlex.quote(sys.executable), code=shlex.quote(code))
    )
    return lambda _: mark.exists()


def _no_reader(trial: Trial, _: ExitStack) -> Callable[[Any], bool]:
    trial.pipe_size = _SMALLEST_PIPE
    held = bytearray(4)

    def is_full(process: Process) -> bool:
        assert process.stdout is not None
        fcntl.ioctl(process.stdout, termios.FIONREAD, held)
        return int.from_bytes(held, sys.byteorder) >= _SMALLEST_PIPE

    return is_full


_KEEPERS: Final[Mapping[str, Callable[[Trial, ExitStack], Callable[[Any], bool]]]] = {
    "registry": _silent_registry,
    "azure": _silent_azure,
    "issuer": _silent_issuer,
    "run": _endless_run,
    "git": _silent_git,
    "output": _no_reader,
}


def _stopped(trial: Trial, number: signal.Signals) -> str:
    with _waiting(trial) as process:
        process.send_signal(number)
        return f"{trial.end(process)}, {_named(number.name, trial)}"


def _named(word: str, trial: Trial) -> str:
    return f"says {word}" if word.lower() in trial.err.lower() else "does not say why"


def _stopped_late(trial: Trial) -> str:
    folder = trial.world.folder / "plugins"
    (folder / "sitecustomize.py").write_text(_HOLD)
    process = trial.start(HOLD_AT_END=str(folder))
    wait_until((folder / "held").exists, _PATIENCE)
    process.send_signal(signal.SIGTERM)
    (folder / "go").touch()
    return trial.end(process)


def _late(trial: Trial) -> str:
    trial.flags = ["--timeout", f"{trial.seconds}s"]
    with _waiting(trial) as process:
        return f"{trial.end(process)}, {_named('deadline', trial)}"


def _full(trial: Trial, *flags: str) -> str:
    trial.flags += flags
    with open("/dev/full", "w") as full:
        return trial.end(trial.start(out=full))


def _full_without_file(trial: Trial) -> str:
    trial.asks_for_file = False
    return _full(trial)


def _unread(trial: Trial) -> str:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as out:
        return trial.end(trial.start(out=out))


def _blocked(trial: Trial) -> str:
    trial.output = "given.json/output"
    return trial.run()


def _blocked_late(trial: Trial, path: str) -> str:
    """The file becomes a folder while the run waits for the signing service, or for the pipeline."""
    file, report = trial.world.folder / path, trial.world.folder / "job" / trial.output

    def block() -> None:
        file.unlink(missing_ok=True)
        file.mkdir()

    def work(run: Run) -> str:
        block()
        return succeeds(run)

    if trial.mode.waits_for == "run":
        add_pipeline(trial.world, work)
        return trial.run()
    trial.world.signing.fail_next(Stall(2.0))
    process = trial.start()
    begun = trial.world.folder / "artifacts" / "build_app.log" if trial.mode.words.endswith(SOURCE) else report
    wait_until(lambda: b"running" in report.read_bytes() and begun.exists(), _PATIENCE)
    block()
    return trial.end(process)


BEHAVIOURS: Final[Mapping[str, Callable[[Trial], str]]] = {
    "a run that succeeds": lambda trial: trial.run(),
    "--output json": lambda trial: trial.run("--output", "json"),
    "log-format json": _json_logs,
    "log-format json, a refusal": lambda trial: _json_logs(trial, "--tga", "x"),
    "a flag that is not known": lambda trial: trial.run("--tga", "x"),
    "a flag of another mode": lambda trial: trial.run(*shlex.split(trial.mode.foreign)),
    "a wrong configuration": _wrong_configuration,
    "--dry-run": lambda trial: trial.run("--dry-run"),
    "SIGTERM while it waits": lambda trial: _stopped(trial, signal.SIGTERM),
    "SIGINT while it waits": lambda trial: _stopped(trial, signal.SIGINT),
    "SIGTERM after the outcome": _stopped_late,
    "--timeout before it begins": lambda trial: f"{trial.run('--timeout', '1ms')}, {_named('deadline', trial)}",
    "--timeout while it waits": _late,
    "standard output cannot be written": _full,
    "standard output cannot be written, --output json": lambda trial: _full(trial, "--output", "json"),
    "standard output cannot be written, without its file": _full_without_file,
    "standard output has no reader": _unread,
    "its file cannot be written": _blocked,
    "its file can no longer be written": lambda trial: _blocked_late(trial, "job/output"),
    "metadata.json can no longer be written": lambda trial: _blocked_late(trial, "artifacts/metadata.json"),
}


def is_tried(behaviour: str, mode: str) -> bool:
    """Whether there is a cell: some modes have no file, and some cannot be kept waiting."""
    tried = {
        "its file cannot be written": bool(MODES[mode].file),
        "standard output cannot be written, without its file": MODES[mode].file not in ("", REPORT_FLAG),
        "its file can no longer be written": MODES[mode].file == REPORT_FLAG,
        "metadata.json can no longer be written": mode in ("build", "remote build"),
        "--timeout while it waits": MODES[mode].waits_for != "output",
    }
    return tried.get(behaviour, True) and behaviour in (MODES[mode].only or BEHAVIOURS)

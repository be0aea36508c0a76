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
import subprocess
import sys
import termios
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO, final

from image_builder_stand_ins.azure_devops.request import Operation
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.signing_fault import Stall

from tests.e2e.mode_given import add_pipeline
from tests.e2e.mode_world import ModeWorld
from tests.e2e.office import succeeds
from tests.e2e.outside import wait_until
from tests.git_repository import BASE_COMMIT, check_out

_EARLIER: Final = "from an earlier run\n"
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
_NEVER_ANSWERS: Final = """#!{python}
import time
open({mark!r}, "w").close()
time.sleep(600)
"""
_REPORT: Final = {
    "status": "success",
    "exit_code": 0,
    "pushed": False,
    "signed": True,
    "not_signed": "",
    "trust": None,
    "checkout": None,
    "image_name": None,
    "images_list": ["{registry}/prod/app:v1"],
    "tags": [],
    "repository_path": ["{registry}/prod/app"],
    "digest": "DIGEST",
    "architectures": [],
    "interrupted": None,
    "not_written": [],
    "images": [
        {
            "variant": None,
            "reference": "{registry}/prod/app@DIGEST",
            "digest": "DIGEST",
            "size": 260,
            "media_type": "application/vnd.oci.image.manifest.v1+json",
            "platforms": [],
            "destinations": [{"reference": "{registry}/prod/app:v1", "holds_digest": True, "reason": ""}],
            "signatures": [
                {
                    "signer": "local",
                    "reference": "{registry}/prod/app:v1",
                    "digest": "DIGEST",
                    "status": "accepted",
                    "attempts": 1,
                    "duration_seconds": 0.1,
                    "reason": "",
                    "note": "",
                }
            ],
            "failure": None,
            "log": None,
            "duration_seconds": 0.1,
        }
    ],
}
_PIPELINE: Final = """
parameters:
- {name: RepoName, type: string}
- {name: RepoOwner, type: string}
- {name: JobType, type: string}
- {name: PullBaseSHA, type: string}
- {name: Name, type: string}
- {name: Dockerfile, type: string}
- {name: Context, type: string}
- {name: ExportTags, type: string}
- {name: BaseRef, type: string}
- {name: BuildEngine, type: string}
steps:
- bash: echo ${{ parameters.Name }}
"""


@final
@dataclass(frozen=True, slots=True)
class Mode:
    """``file`` is the flag that names what the mode writes; ``foreign`` a flag that has no meaning for it.

    ``waits_for`` keeps it waiting: the ``registry``, ``azure`` (DevOps), a ``run`` of the pipeline, ``git``, or
    ``output``: the reader of what it prints, or the ``issuer`` of a token. ``log_flags`` let the mode say something
    while it works. ``only`` are the behaviours that have a meaning for it (none: all).
    """

    words: str
    file: str = ""
    foreign: str = "--report x"
    waits_for: str = "registry"
    log_flags: str = "--debug"
    job: str = "prow postsubmit"
    environment: Mapping[str, str] = field(default_factory=dict)
    only: Collection[str] = ()


_SOURCE: Final = "--config ../config.yaml --context ../context --name app --backend tar"
_REMOTE: Final = "--config ../config.yaml --build-in-ado --name app"
_REPORT_FLAG: Final = "--build-report-path"
_WARNED: Final = "--tag 'x={{ .Env \"UNSET\" }}y'"
_OF_HELP: Final = (
    "a run that succeeds",
    "a flag that is not known",
    "SIGTERM when all is told",
    "standard output cannot be written",
    "standard output has no reader",
)
_OF_ADMISSION: Final = (*_OF_HELP, "SIGTERM while it waits", "SIGINT while it waits")
MODES: Final = {
    "build": Mode(f"image-builder {_SOURCE}", _REPORT_FLAG),
    "remote build": Mode(f"image-builder {_REMOTE}", _REPORT_FLAG, waits_for="run"),
    "plan": Mode(f"image-builder plan {_SOURCE}", waits_for="git", log_flags=_WARNED),
    "remote plan": Mode(f"image-builder plan {_REMOTE}", waits_for="git"),
    "tags": Mode(
        "image-builder tags --config ../config.yaml --context ../context",
        "--tags-output-file",
        waits_for="git",
        log_flags=_WARNED,
    ),
    "sign": Mode(
        "image-builder sign --config ../config.yaml --images-to-sign {registry}/prod/app:v1", _REPORT_FLAG, "--tag x"
    ),
    "verify": Mode("image-builder verify --config ../config.yaml --report given.json", foreign="--tag x"),
    "preview": Mode(
        "image-builder preview --config ../config.yaml --ado-preview-run-yaml-path pipeline.yaml",
        "--ado-preview-output",
        waits_for="azure",
    ),
    "doctor": Mode(f"image-builder doctor {_SOURCE}"),
    "schema": Mode("image-builder schema", waits_for="output"),
    "help": Mode("image-builder --help", only=_OF_HELP),
    "admission": Mode(
        "image-builder-admission",
        waits_for="issuer",
        job="prow presubmit",
        environment={"PRODUCTION_REFS": "{acme/demo: [main]}", "UNMERGED_WITHOUT_AUTHORIZATION": "true"},
        only=_OF_ADMISSION,
    ),
}


@final
class TooSlowError(Exception):
    """The deadline passed before the run waited for anything."""


@final
class Trial:
    """One mode in a world that has all it needs, as a postsubmit of Prow; and what is seen of it.

    ``seconds`` is the deadline of a run that waits.
    """

    def __init__(self, world: ModeWorld, mode: Mode, seconds: float = 0.0) -> None:
        self.world = world
        self.mode = mode
        self.seconds = seconds
        self.flags: list[str] = []
        self.output = "output"
        self.registry = world.registry.host_port
        self.pipe_size = -1
        self.err = ""
        world.become(mode.job)
        world.environment |= mode.environment
        digest = world.push("prod/app", "v1")
        world.write("job/given.json", json.dumps(_REPORT).replace("DIGEST", digest))
        world.write("job/pipeline.yaml", _PIPELINE)
        add_pipeline(world, succeeds)
        if mode.file:
            world.write(f"job/{self.output}", _EARLIER)
        self._before: dict[str, bytes] = {}
        self._asked = len(world.registry.requests)

    def start(self, out: TextIO | None = None, **environment: str) -> "subprocess.Popen[str]":
        """Start the mode."""
        self._before = self.world.files()
        words = shlex.split(self.mode.words.replace("{registry}", self.registry))
        file = (self.mode.file, self.output) if self.mode.file else ()
        return self.world.start([*words, *file, *self.flags], out=out, pipe_size=self.pipe_size, **environment)

    def run(self, *flags: str) -> str:
        """Run the mode to its end; what is seen then."""
        self.flags += flags
        return self.end(self.start())

    def end(self, process: "subprocess.Popen[str]") -> str:
        """Wait for the end; the exit code, what was printed, who was asked, and every file."""
        ended = self.world.end(process)
        self.err = ended.err
        return f"{_code(ended.code)}, prints {_kind(ended.out)}, asks {self._who()}, {self._files()}"

    def _who(self) -> str:
        world = self.world
        asked = {
            "the registry": len(world.registry.requests) > self._asked,
            "the signing service": bool(world.signing.requests),
            "Azure DevOps": bool(world.service.requests),
        }
        return " and ".join(name for name, is_asked in asked.items() if is_asked) or "nobody"

    def _files(self) -> str:
        found = self.world.files()
        new = [path for path in found if found[path] != self._before.get(path) and path != f"job/{self.output}"]
        layouts = [path for path in new if path.startswith("layouts/")]
        told = [Path(path).name for path in new if path not in layouts] + (["an image"] if layouts else [])
        also = f", leaves {', '.join(told)}" if told else ""
        if not self.mode.file:
            return f"has no file{also}"
        return f"its file {_content(found.get(f'job/{self.output}'))}{also}"


def _code(code: int) -> str:
    return f"exit {code}" if code >= 0 else f"is killed by {signal.Signals(-code).name}"


def _kind(text: str) -> str:
    if not text:
        return "nothing"
    with suppress(ValueError):
        json.loads(text)
        return "JSON" if text.count("\n") == 1 else "JSON on several lines"
    return "text"


def _content(content: bytes | None) -> str:
    if content is None:
        return "is not there"
    if content == _EARLIER.encode():
        return "is the earlier one"
    try:
        found = json.loads(content)
    except ValueError:
        return "is a result"
    if not isinstance(found, dict):
        return "is a result"
    interrupted = f" {found['interrupted']}" if found.get("interrupted") else ""
    return f"says {found['status']} {found.get('exit_code', 'without a code')}{interrupted}"


# --- behaviours -------------------------------------------------------------------------------------------------------


def _wrong_configuration(trial: Trial) -> str:
    trial.world.config["regstry"] = "x"
    return trial.run()


def _json_logs(trial: Trial, *flags: str) -> str:
    """What the tool itself says while it works; the summary at the end is for people in any format."""
    trial.world.config["log-format"] = "json"
    seen = trial.run(*shlex.split(trial.mode.log_flags), *flags)
    kinds = {
        "JSON": re.search(r'^\{.*"level":', trial.err, re.MULTILINE),
        "text": re.search(r"^(debug|warning|error): ", trial.err, re.MULTILINE),
    }
    return f"{seen.split(',')[0]}, logs {' and '.join(kind for kind, found in kinds.items() if found) or 'nothing'}"


@contextmanager
def _waiting(trial: Trial) -> Iterator["subprocess.Popen[str]"]:
    """A process that waits for an answer which does not come."""
    with ExitStack() as stack:
        waits = _KEEPERS[trial.mode.waits_for](trial, stack)
        process = trial.start()
        stack.callback(process.kill)
        wait_until(lambda: waits(process) or process.poll() is not None, _PATIENCE)
        if process.poll() is not None:
            trial.world.end(process)
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
    git.write_text(_NEVER_ANSWERS.format(python=sys.executable, mark=str(mark)))
    git.chmod(0o755)
    return lambda _: mark.exists()


def _no_reader(trial: Trial, _: ExitStack) -> Callable[[Any], bool]:
    trial.pipe_size = _SMALLEST_PIPE
    held = bytearray(4)

    def is_full(process: "subprocess.Popen[str]") -> bool:
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
    begun = trial.world.folder / "artifacts" / "build_app.log" if trial.mode.words.endswith(_SOURCE) else report
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
    "SIGTERM when all is told": _stopped_late,
    "--timeout before it begins": lambda trial: f"{trial.run('--timeout', '1ms')}, {_named('deadline', trial)}",
    "--timeout while it waits": _late,
    "standard output cannot be written": _full,
    "standard output cannot be written, --output json": lambda trial: _full(trial, "--output", "json"),
    "standard output has no reader": _unread,
    "its file cannot be written": _blocked,
    "its file can no longer be written": lambda trial: _blocked_late(trial, "job/output"),
    "metadata.json can no longer be written": lambda trial: _blocked_late(trial, "artifacts/metadata.json"),
}


def is_tried(behaviour: str, mode: str) -> bool:
    """Whether there is a cell: some modes have no file, and some cannot be kept waiting."""
    tried = {
        "its file cannot be written": bool(MODES[mode].file),
        "its file can no longer be written": MODES[mode].file == _REPORT_FLAG,
        "metadata.json can no longer be written": mode in ("build", "remote build"),
        "--timeout while it waits": MODES[mode].waits_for != "output",
    }
    return tried.get(behaviour, True) and behaviour in (MODES[mode].only or BEHAVIOURS)

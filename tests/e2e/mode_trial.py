"""The modes of the command, and one of them tried in a world that has all it needs."""

import json
import shlex
import signal
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO, final

from image_builder.presenters import prow

from tests.e2e.mode_given import add_pipeline
from tests.e2e.mode_world import ModeWorld
from tests.e2e.remote_world import succeeds
from tests.e2e.run import Process

_GIVEN: Final = Path(__file__).with_name("modes") / "given"
_EARLIER: Final = "from an earlier run\n"
WITH_METADATA: Final = prow.FILES.keys() - {"metadata.json"}
"""What Prow's jobs leave beside ``metadata.json``, always together."""


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


SOURCE: Final = "--config ../config.yaml --context ../context --name app --backend tar"
_REMOTE: Final = "--config ../config.yaml --build-in-ado --name app"
REPORT_FLAG: Final = "--build-report-path"
_WARNED: Final = "--tag 'x={{ .Env \"UNSET\" }}y'"
_OF_HELP: Final = (
    "a run that succeeds",
    "a flag that is not known",
    "SIGTERM after the outcome",
    "standard output cannot be written",
    "standard output has no reader",
)
_OF_ADMISSION: Final = (*_OF_HELP, "SIGTERM while it waits", "SIGINT while it waits")
MODES: Final = {
    "build": Mode(f"image-builder {SOURCE}", REPORT_FLAG),
    "remote build": Mode(f"image-builder {_REMOTE}", REPORT_FLAG, waits_for="run"),
    "plan": Mode(f"image-builder plan {SOURCE}", waits_for="git", log_flags=_WARNED),
    "remote plan": Mode(f"image-builder plan {_REMOTE}", waits_for="git"),
    "tags": Mode(
        "image-builder tags --config ../config.yaml --context ../context",
        "--tags-output-file",
        waits_for="git",
        log_flags=_WARNED,
    ),
    "sign": Mode(
        "image-builder sign --config ../config.yaml --images-to-sign {registry}/prod/app:v1", REPORT_FLAG, "--tag x"
    ),
    "publish": Mode(
        f"image-builder publish {SOURCE} --report given.json", REPORT_FLAG, "--images-to-sign reg.example/a:1"
    ),
    "verify": Mode("image-builder verify --config ../config.yaml --report given.json", foreign="--tag x"),
    "preview": Mode(
        "image-builder preview --config ../config.yaml --ado-preview-run-yaml-path pipeline.yaml",
        "--ado-preview-output",
        waits_for="azure",
    ),
    "doctor": Mode(f"image-builder doctor {SOURCE}"),
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
        self.asks_for_file = True
        self.registry = world.registry.host_port
        self.pipe_size = -1
        self.err = ""
        world.become(mode.job)
        world.environment |= mode.environment
        digest = world.push("prod/app", "v1", world.identity)
        world.write("job/given.json", (_GIVEN / "report.json").read_text().replace("DIGEST", digest))
        world.write("job/pipeline.yaml", (_GIVEN / "pipeline.yaml").read_text())
        add_pipeline(world, succeeds)
        if mode.file:
            world.write(f"job/{self.output}", _EARLIER)
        self._before: dict[str, bytes] = {}
        self._asked = len(world.registry.requests)

    def start(self, out: TextIO | None = None, **environment: str) -> Process:
        """Start the mode."""
        self._before = self.world.files()
        words = shlex.split(self.mode.words.replace("{registry}", self.registry))
        file = (self.mode.file, self.output) if self.mode.file and self.asks_for_file else ()
        return self.world.start([*words, *file, *self.flags], out=out, pipe_size=self.pipe_size, **environment)

    def run(self, *flags: str) -> str:
        """Run the mode to its end; what is seen then."""
        self.flags += flags
        return self.end(self.start())

    def end(self, process: Process) -> str:
        """Wait for the end; the exit code, what was printed, who was asked, and every file."""
        ended = self.world.finished(process)
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
        names = [Path(path).name for path in new if path not in layouts]
        left = [name for name in names if name not in WITH_METADATA] + (["an image"] if layouts else [])
        also = f", leaves {', '.join(left)}" if left else ""
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
    return f"says {found['outcome']} {found.get('exit_code', 'without a code')}{interrupted}"

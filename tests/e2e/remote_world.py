"""The environment of one build in a pipeline: a stand-in Azure DevOps, a configuration, and a job's variables."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import yaml
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run, Writer
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import Pipeline

from tests.e2e import run
from tests.e2e.run import Finished, Process
from tests.e2e.settings import ado_config
from tests.jobs import prow_job

ROOT = Path(__file__).parents[2]
COMMIT, HEAD = "1" * 40, "2" * 40
DIGEST = "sha256:" + "a" * 64
REPORT = {
    "status": "Succeeded",
    "pushed": True,
    "signed": True,
    "image_name": "demo",
    "images_list": ["reg.example/demo:v1"],
    "tags": ["v1"],
    "repository_path": "reg.example",
    "digest": DIGEST,
    "architectures": ["linux/amd64"],
}
HOSTILE = "##vso[task.setvariable variable=PATH]/evil \x1b[2J ##[error]x"
_V1_NAMES = (
    "RepoName RepoOwner JobType PullNumber PullBaseSHA PullPullSHA Name Dockerfile Context "
    "ExportTags BuildArgs Tags UseKanikoConfigFromPR"
)
# What v1 declares; our own pipeline is v2.
V1 = yaml.safe_dump(
    {
        "parameters": [{"name": name, "type": "string", "default": "none"} for name in _V1_NAMES.split()],
        "steps": [{"bash": "echo hello"}],
    }
)


def succeeds(run: Run) -> str:
    """Print something hostile, then the report."""
    with run.job("Build") as job:
        with job.task("build") as task:
            task.write(f"hello {HOSTILE}")
        with job.task("print_image_build_report") as task:
            write_report(task, REPORT)
    return "succeeded"


def write_report(task: Writer, report: dict[str, Any]) -> None:
    """Print a report as the pipeline does."""
    for line in ("---IMAGE BUILD REPORT---", json.dumps(report), "---END OF IMAGE BUILD REPORT---"):
        task.write(line)


def until_canceled(run: Run) -> str:
    """Print a line and wait."""
    with run.job("Build") as job, job.task("build") as task:
        task.write("working")
        return "canceled" if run.canceled.wait(30) else "failed"


@final
@dataclass
class RemoteWorld:
    """Change ``environment``, ``ado`` or ``config`` before a run. The image is called ``demo``."""

    folder: Path
    service: AzureDevOps
    pipeline: Pipeline = field(init=False)
    environment: dict[str, str] = field(default_factory=dict)
    ado: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.artifacts.mkdir()
        self.use(succeeds)
        self.postsubmit()

    @property
    def artifacts(self) -> Path:
        """``$ARTIFACTS``."""
        return self.folder / "artifacts"

    def everything(self, done: Finished) -> str:
        """All output of a run, and the text of every file."""
        files = [path.read_text(errors="replace") for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join((done.out, done.err, *files))

    def use(self, work: Callable[[Run], str], definition: str | None = None) -> None:
        """Let runs of a new pipeline do this."""
        chosen = definition or (ROOT / "pipelines/oci-image-builder.yaml").read_text()
        self.pipeline = self.service.add_pipeline("driven", chosen, work=work)
        self.ado = ado_config(self.service, self.pipeline) | {"parameters": "v1" if definition == V1 else "v2"}

    def postsubmit(self) -> None:
        """Become a Prow postsubmit job."""
        self.environment = {**prow_job("postsubmit", COMMIT), "ADO_PAT": self.service.pat}

    def presubmit(self) -> None:
        """Become a Prow presubmit job of pull request 7."""
        self.environment = {**prow_job("presubmit", COMMIT, (7, HEAD)), "ADO_PAT": self.service.pat}

    def start(self, *arguments: str) -> Process:
        """Start the command."""
        config = self.folder.with_name("administrators.yaml")  # not where the job runs: unmerged code could choose it
        config.write_text(yaml.safe_dump({**self.config, "ado-config": self.ado}))
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "ARTIFACTS": str(self.artifacts),
            "CI": "false",  # tests outside CI may run in a container without a terminal
        }
        words = ("image-builder", *arguments, "--config", str(config))
        return run.start(words, self.folder, {**own, **self.environment})

    def run(self, *arguments: str) -> Finished:
        """Run the command to its end."""
        return run.finished(self.start(*arguments), self.artifacts)

    def build(self, *arguments: str) -> Finished:
        """Build the image ``demo`` in the pipeline."""
        return self.run(*self.building(*arguments))

    def building(self, *arguments: str) -> tuple[str, ...]:
        """The arguments of a build."""
        return ("--build-in-ado", "--name", "demo", "--build-report-path", "artifacts/report.json", *arguments)

    def interrupt(self, number: signal.Signals, *arguments: str) -> tuple[Finished, float]:
        """Send a signal once a run is followed; and after how many seconds it was canceled, or the command gave up."""
        process = self.start(*self.building(*arguments))
        end = time.monotonic() + 20
        while not self.service.count(Operation.GET_RUN):
            assert time.monotonic() < end, "the run is not followed"
            time.sleep(0.02)
        sent = time.monotonic()
        process.send_signal(number)
        while not self.service.count(Operation.CANCEL) and process.poll() is None:
            time.sleep(0.02)
        seconds = time.monotonic() - sent
        return run.finished(process, self.artifacts), seconds

    @property
    def parameters(self) -> dict[str, str]:
        """What the newest run was started with."""
        return {name: str(value) for name, value in self.service.runs[0].parameters.items()}


@contextmanager
def remote_world(folder: Path) -> Iterator[RemoteWorld]:
    """A world in an empty folder."""
    with AzureDevOps.start() as service:
        yield RemoteWorld(folder, service)

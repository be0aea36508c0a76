"""A command whose builds are done elsewhere: a stand-in Azure DevOps, a configuration, and a job's environment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import yaml
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import Pipeline

from tests.jobs import prow_job

ROOT = Path(__file__).parents[2]
COMMIT, HEAD = "1" * 40, "2" * 40
DIGEST = "sha256:" + "a" * 64
REPORT = {
    "status": "success",
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
            for line in ("---IMAGE BUILD REPORT---", json.dumps(REPORT), "---END OF IMAGE BUILD REPORT---"):
                task.write(line)
    return "succeeded"


def until_canceled(run: Run) -> str:
    """Print a line and wait."""
    with run.job("Build") as job, job.task("build") as task:
        task.write("working")
        return "canceled" if run.canceled.wait(30) else "failed"


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        """The build report."""
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    @property
    def log(self) -> str:
        """The log file of the image ``demo``."""
        return (self.folder / "artifacts" / "build_demo.log").read_text()

    @property
    def everything(self) -> str:
        """All output of the command, and the text of every file."""
        files = [path.read_text(errors="replace") for path in self.folder.rglob("*") if path.is_file()]
        return "\n".join((self.out, self.err, *files))


@dataclass
class Office:
    """Change ``environment``, ``ado`` or ``config`` before a run."""

    folder: Path
    service: AzureDevOps
    pipeline: Pipeline = field(init=False)
    environment: dict[str, str] = field(default_factory=dict)
    ado: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "artifacts").mkdir()
        self.use(succeeds)
        self.postsubmit()

    def use(self, work: Callable[[Run], str], definition: str | None = None) -> None:
        """Let runs of a new pipeline do this."""
        chosen = definition or (ROOT / "pipelines/oci-image-builder.yaml").read_text()
        self.pipeline = self.service.add_pipeline("driven", chosen, work=work)
        self.ado = {
            "ado-organization-url": self.service.organization_url,
            "ado-project-name": self.service.project,
            "ado-pipeline-id": self.pipeline.card.id,
            "ado-refresh-interval": "100ms",
            "parameters": "v1" if definition == V1 else "v2",
        }

    def postsubmit(self) -> None:
        """Become a Prow postsubmit job."""
        self.environment = {**prow_job("postsubmit", COMMIT), "ADO_PAT": self.service.pat}

    def presubmit(self) -> None:
        """Become a Prow presubmit job of pull request 7."""
        self.environment = {**prow_job("presubmit", COMMIT, (7, HEAD)), "ADO_PAT": self.service.pat}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start the command; nothing of the tests' own environment is passed on."""
        config = self.folder.with_name("administrators.yaml")  # not where the job runs: unmerged code could choose it
        config.write_text(yaml.safe_dump({**self.config, "ado-config": self.ado}))
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "ARTIFACTS": str(self.folder / "artifacts"),
            "CI": "false",  # tests outside CI may run in a container without a terminal
        }
        return subprocess.Popen(
            [sys.executable, "-m", "image_builder", *arguments, "--config", str(config)],
            env={**own, **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def run(self, *arguments: str) -> Finished:
        """Run the command to its end."""
        return self.end(self.start(*arguments))

    def build(self, *arguments: str) -> Finished:
        """Build the image ``demo`` in the pipeline."""
        return self.run(*self.building(*arguments))

    def building(self, *arguments: str) -> tuple[str, ...]:
        """The words of a build."""
        return ("--build-in-ado", "--name", "demo", "--build-report-path", "report.json", *arguments)

    def end(self, process: "subprocess.Popen[str]") -> Finished:
        """Wait for the end of a command."""
        out, err = process.communicate(timeout=60)
        return Finished(process.returncode, out, err, self.folder)

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
        return self.end(process), seconds

    @property
    def parameters(self) -> dict[str, str]:
        """What the newest run was started with."""
        return {name: str(value) for name, value in self.service.runs[0].parameters.items()}


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    """An office in an empty folder."""
    with AzureDevOps.start() as service:
        yield Office(folder, service)

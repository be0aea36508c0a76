"""How much memory the tool takes while it follows a run of Azure DevOps whose log has 1 GiB."""

import json
from pathlib import Path

from image_builder_stand_ins.azure_devops.run import Run as ServedRun
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import ServiceOptions

from tests.bench.figure import Figure
from tests.bench.installed import Installed
from tests.bench.memory import BYTES, peak_mebibytes
from tests.bench.pairs import Run
from tests.bench.workshop import job

_LINE = b"2026-01-02T03:04:05.1234567Z a line as long as compilers like to print them when they have much to say\n"
_BLOCK = _LINE * 10_000
_PAGE = 8 << 20
_DEFINITION = """\
parameters:
{parameters}
steps:
  - bash: echo hello
"""
_NAMES = (
    "RepoName RepoOwner JobType PullNumber PullBaseSHA PullPullSHA Name Dockerfile Context ExportTags "
    "UseKanikoConfigFromPR"
)


def remote_memory(folder: Path, installed: Installed) -> Figure:
    """The largest resident size of the tool's own process; the service pages as the real one does."""
    folder.mkdir()
    declared = "\n".join(f"  - {{name: {name}, type: string, default: none}}" for name in _NAMES.split())
    with AzureDevOps.start(ServiceOptions(page_bytes=_PAGE, folder=folder)) as service:
        pipeline = service.add_pipeline("loud", _DEFINITION.format(parameters=declared), work=_loud)
        config = folder / "config.yaml"
        ado = {
            "ado-organization-url": service.organization_url,
            "ado-project-name": service.project,
            "ado-pipeline-id": pipeline.card.id,
            "ado-refresh-interval": "500ms",
        }
        config.write_text(json.dumps({"ado-config": ado}))
        arguments = ("--build-in-ado", "--name", "loud", "--config", str(config), "--log-dir", str(folder / "logs"))
        environment = {**job(folder), "ADO_PAT": service.pat}
        environment.pop("USE_BUILDKIT")
        peak = peak_mebibytes(Run((str(installed.command), *arguments), environment))
    printed = (folder / "logs" / "build_loud.log").stat().st_size
    if printed < BYTES:
        raise RuntimeError(f"the log file holds {printed} bytes, fewer than were printed")
    return Figure("memory while a pipeline prints 1 GiB", peak, 100.0, " MiB")


def _loud(run: ServedRun) -> str:
    with run.job("Build") as job_record, job_record.task("build") as task:
        for _ in range(BYTES // len(_BLOCK) + 1):
            task.write_bytes(_BLOCK)
            task.publish()
    return "succeeded"

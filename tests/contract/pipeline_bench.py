"""The Azure DevOps adapter on virtual time, and the stand-in service behind it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_builder_adapters.azure_devops.pipeline import AzureDevOpsPipeline, PipelineSurroundings
from image_builder_adapters.redaction import Redactor
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.remote_pipeline import PipelineBench, RunScript
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.remote_pipeline import Parameter, Run, RunRequest, Verdict
from image_builder_stand_ins.azure_devops.fault import Replace, front_door
from image_builder_stand_ins.azure_devops.message import Operation
from image_builder_stand_ins.azure_devops.run import Run as ServedRun
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import Pipeline, ServiceOptions

DEFINITION = """\
parameters:
  - name: Name
    type: string
    default: none
steps:
  - bash: echo hello
    displayName: say
"""
WORDS = {
    Verdict.SUCCEEDED: "succeeded",
    Verdict.PARTIALLY_SUCCEEDED: "partiallySucceeded",
    Verdict.FAILED: "failed",
    Verdict.CANCELED: "canceled",
}
READS = (Operation.GET_RUN, Operation.GET_BUILD, Operation.TIMELINE, Operation.LIST_LOGS, Operation.GET_LOG)
REQUEST = RunRequest((Parameter.of("Name", "demo"),))


@dataclass
class Stage:
    """A service with one pipeline, whose runs do what ``script`` says, and an adapter that talks to it."""

    service: AzureDevOps
    environment: dict[str, str]
    refresh_seconds: float = 15.0
    pipeline: Pipeline = field(init=False)
    cancellation: ManualCancellation = field(default_factory=ManualCancellation)
    redactor: Redactor = field(init=False)
    reported: list[str] = field(default_factory=list)
    script: RunScript = lambda *_: Verdict.SUCCEEDED
    adapter: AzureDevOpsPipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = self.service.add_pipeline("driven", DEFINITION, work=self.work)
        self.redactor = Redactor(self.environment.values())
        self.adapter = self.open()

    def open(self, **changes: Any) -> AzureDevOpsPipeline:
        settings = {
            "organization_url": self.service.organization_url,
            "project": self.service.project,
            "pipeline_id": self.pipeline.card.id,
            "refresh_seconds": self.refresh_seconds,
        }
        around = PipelineSurroundings(
            self.environment,
            self.redactor.text,
            self.redactor.learn,
            self.reported.append,
            stopwatch=lambda: self.cancellation.elapsed,
            jitter=lambda: 1.0,
        )
        return AzureDevOpsPipeline(AdoSettings(**{**settings, **changes}), around)

    def work(self, run: ServedRun) -> str:
        with run.job("Build") as job, job.task("print_image_build_report") as task:
            return WORDS[self.script(task.write, run.canceled.wait)]

    def start(self) -> Run:
        return self.adapter.start(REQUEST, self.cancellation).unwrap()


@contextmanager
def stage(kind: str = "pat", options: ServiceOptions | None = None, folder: Path = Path()) -> Iterator[Stage]:
    """A service, and an adapter that signs in with a ``pat``, a ``client-secret`` or ``federated``."""
    with AzureDevOps.start(options) as service:
        made = Stage(service, credential(service, kind, folder))
        try:
            yield made
        finally:
            made.adapter.close()


ASSERTION = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl"


def credential(service: AzureDevOps, kind: str, folder: Path) -> dict[str, str]:
    if kind == "pat":
        return {"ADO_PAT": service.pat}
    principal = {
        "AZURE_TENANT_ID": service.principal.tenant,
        "AZURE_CLIENT_ID": service.principal.client,
        "AZURE_AUTHORITY_HOST": service.authority,
    }
    if kind == "client-secret":
        return {**principal, "AZURE_CLIENT_SECRET": service.principal.secret}
    file = folder / "token"
    file.write_text(ASSERTION + "\n")
    return {**principal, "AZURE_FEDERATED_TOKEN_FILE": str(file)}


def bench(made: Stage, secret: str | None = None) -> PipelineBench:
    service = made.service

    def will(script: RunScript) -> None:
        made.script = script

    def started() -> list[Mapping[str, str]]:
        return [{name: str(value) for name, value in run.parameters.items()} for run in service.runs]

    def foreign() -> Run:
        run = service.start_run(
            made.pipeline, {"Name": "x"}, lambda run: "canceled" if run.canceled.wait(20) else "failed"
        )
        return Run(run.id, "https://somewhere")

    return PipelineBench(
        pipeline=made.adapter,
        cancellation=made.cancellation,
        declared="Name",
        will=will,
        started=started,
        requests=lambda: len(service.requests),
        cancels=lambda: service.count(Operation.CANCEL),
        lose_answer=lambda: service.fail("lost-answer"),
        be_down=lambda times: service.inject(Replace(front_door()), on=READS, times=times),
        foreign_run=foreign,
        definition=DEFINITION,
        broken_definition="steps:\n  - banana: 1\n",
        secret=secret or made.environment.get("ADO_PAT") or made.environment["AZURE_CLIENT_SECRET"],
    )


def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for something that other threads do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)

"""Whole conversations with Azure DevOps, pinned byte by byte.

They were recorded from the stand-in service (nothing here has ever met the real one), whose answers are held to those
of the real service elsewhere. Record them anew with ``pytest --record-mode=rewrite`` on this file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.azure_devops.pipeline import AzureDevOpsPipeline, PipelineSurroundings
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.configuration.ado import AdoSettings
from image_builder_domain.remote_pipeline import PipelineRefused, PreviewRequest, Verdict
from image_builder_domain.report.pipeline_log import FIRST_LINE, LAST_LINE, last_report, without_timestamps
from image_builder_stand_ins.azure_devops.run import Run as ServedRun
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import ServiceOptions

from tests.contract.pipeline_bench import DEFINITION, REQUEST, until

FOLDER = Path(__file__).parent / "cassettes" / Path(__file__).stem
ORIGIN = "# Recorded from image_builder_stand_ins.azure_devops, the stand-in, not from the real service.\n"
PAT = "pat-of-the-recordings"
NOBODY = "http://127.0.0.1:1"
LINES = ["hello", FIRST_LINE, '{"status": "ok", "pushed": true, "signed": false}', LAST_LINE]


def work(run: ServedRun) -> str:
    with run.job("Build") as job, job.task("print_image_build_report") as task:
        for line in LINES:
            task.write(line)
        if run.parameters["Name"] == "wait":
            run.canceled.wait(20)
    return "canceled" if run.canceled.is_set() else "succeeded"


class Conversation:
    """The adapter, and in recording the service; in replaying nobody is there."""

    def __init__(self, service: AzureDevOps | None, pat: str) -> None:
        self.service = service
        self.cancellation = ManualCancellation()
        url = service.organization_url if service is not None else f"{NOBODY}/example-org"
        pipeline = service.add_pipeline("recorded", DEFINITION, work=work).card.id if service is not None else 42
        around = PipelineSurroundings(
            {"ADO_PAT": pat},
            stopwatch=lambda: self.cancellation.elapsed,
            jitter=lambda: 1.0,
        )
        self.adapter = AzureDevOpsPipeline(AdoSettings(url, "main", pipeline), around)

    def wait(self) -> None:
        """In recording, let the run end first: how often it is asked depends on nobody's speed."""
        if self.service is not None:
            run = self.service.runs[0]
            until(run.completed.is_set)


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "match_on": ["method", "path", "query", "body"],
        "filter_headers": [("authorization", "HIDDEN"), ("host", "HIDDEN"), ("user-agent", "HIDDEN")],
    }


@pytest.fixture
def talk(request: pytest.FixtureRequest, record_mode: str) -> Iterator[Conversation]:
    pat = getattr(request, "param", PAT)
    if record_mode == "none":
        made = Conversation(None, pat)
        yield made
        made.adapter.close()
        return
    with AzureDevOps.start(ServiceOptions(pat=PAT)) as service:
        made = Conversation(service, pat)
        yield made
        made.adapter.close()


@pytest.mark.vcr
def test_a_run_that_succeeds(talk: Conversation) -> None:
    run = talk.adapter.start(REQUEST, talk.cancellation).unwrap()
    talk.wait()
    blocks = list[bytes]()
    found = talk.adapter.follow(run, blocks.append, talk.cancellation).unwrap()
    assert (run.number, found.verdict) == (901, Verdict.SUCCEEDED)
    lines = without_timestamps(b"".join(blocks)).decode().splitlines()
    assert lines[1:-1] == LINES
    report = last_report(found.report_log).unwrap()
    assert report is not None
    assert report.pushed


@pytest.mark.vcr
def test_a_preview(talk: Conversation) -> None:
    found = talk.adapter.preview(PreviewRequest(REQUEST.parameters, DEFINITION), talk.cancellation).unwrap()
    assert "echo hello" in found


@pytest.mark.vcr
def test_a_run_that_is_canceled(talk: Conversation) -> None:
    request = type(REQUEST)(tuple(type(each).of(each.name, "wait") for each in REQUEST.parameters))
    run = talk.adapter.start(request, talk.cancellation).unwrap()
    talk.adapter.cancel(run).unwrap()
    talk.wait()
    assert talk.adapter.follow(run, lambda _: None, talk.cancellation).unwrap().verdict is Verdict.CANCELED


@pytest.mark.vcr
@pytest.mark.parametrize("talk", ["another-token"], indirect=True)
def test_a_credential_that_is_refused(talk: Conversation) -> None:
    found = talk.adapter.start(REQUEST, talk.cancellation).failure()
    assert isinstance(found, PipelineRefused)
    assert "ADO_PAT is not accepted" in str(found)


@pytest.mark.vcr
def test_a_start_that_is_throttled(talk: Conversation) -> None:
    if talk.service is not None:
        talk.service.fail("throttled-start")
    assert talk.adapter.start(REQUEST, talk.cancellation).unwrap().number == 901
    assert talk.cancellation.waits == [5.0]


def test_every_recording_names_its_source_and_has_no_credential(record_mode: str) -> None:
    files = sorted(FOLDER.glob("*.yaml"))
    if record_mode != "none":
        for file in files:
            file.write_text(ORIGIN + file.read_text().removeprefix(ORIGIN))
    assert len(files) == 5
    for file in files:
        text = file.read_text()
        assert text.startswith(ORIGIN)
        assert PAT not in text
        assert "Basic " not in text.replace("Basic realm", "")

"""Our build reports as a program in Go reads them, with the published types of the nine public members."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import yaml
from image_builder.presenters.github import outputs
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import Manifest
from image_builder_domain.report.build_outcome import Outcome, report
from image_builder_domain.report.outcome import (
    RemoteOutcome,
    SignedImage,
    SigningOutcome,
    remote_report,
    signing_report,
)
from image_builder_domain.report.pipeline_log import FIRST_LINE, LAST_LINE, last_report
from image_builder_domain.report.report import Report

from tests.go_program import compiled, shared_go_cache
from tests.programs import require
from tests.unit.reports import IMAGE, PLAN, REFERENCE, REMOTE_PLAN, SIGN_PLAN, SIGNED, failed, reported

ROOT = Path(__file__).parents[2]
GO_PROGRAM = ROOT / "tests" / "go_report" / "main.go"
PIPELINE = ROOT / "pipelines" / "oci-image-builder.yaml"
MANIFEST = Manifest(IMAGE, None, ("linux/amd64",))
FROM_PIPELINE = last_report(f"{FIRST_LINE}\n{json.dumps(reported().to_json())}\n{LAST_LINE}\n").unwrap()

Read: TypeAlias = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """What Go reads from a text; fails where Go cannot read it."""
    folder = tmp_path_factory.mktemp("go")
    program = compiled(require("go"), GO_PROGRAM, folder, shared_go_cache(tmp_path_factory))

    def ask(text: str) -> dict[str, Any]:
        ended = subprocess.run([program], input=json.dumps(text), capture_output=True, text=True, check=True)
        found = json.loads(ended.stdout)
        assert isinstance(found, dict), found
        return found

    return ask


BUILT = {
    "Status": "Succeeded",
    "Pushed": True,
    "Signed": True,
    "ImageName": "app",
    "ImagesList": ["reg.example/prod/app:v1"],
    "Tags": ["v1"],
    "RepositoryPath": "reg.example/prod",
    "Digest": str(IMAGE.digest),
    "Architectures": ["linux/amd64"],
}
"""What Go reads of a build that succeeded; the other rows say what is different."""
NOTHING = {"ImagesList": [], "Tags": [], "RepositoryPath": "", "Digest": "", "Architectures": []}
UNSIGNED = {"Status": "Failed", "Pushed": False, "Signed": False}


@pytest.mark.parametrize(
    ("made", "different"),
    [
        pytest.param(reported(), {}, id="build"),
        pytest.param(
            report(PLAN, Outcome((failed("x"),), Interruption.SIGTERM, ("log",))),
            {**UNSIGNED, "ImagesList": [], "Digest": ""},
            id="failed-build",
        ),
        pytest.param(
            report(PLAN, Outcome((SIGNED, SIGNED))), {"ImagesList": [str(REFERENCE)] * 2, "Digest": ""}, id="two"
        ),
        pytest.param(
            signing_report(SIGN_PLAN, SigningOutcome((SignedImage(REFERENCE, MANIFEST, "", SIGNED.signatures),))),
            {"Pushed": False, "ImageName": "", "Tags": [], "RepositoryPath": ""},
            id="sign",
        ),
        pytest.param(
            signing_report(SIGN_PLAN, SigningOutcome((SignedImage(REFERENCE, None),))),
            {**UNSIGNED, **NOTHING, "ImageName": ""},
            id="sign-fails",
        ),
        pytest.param(
            remote_report(REMOTE_PLAN, RemoteOutcome(report=FROM_PIPELINE)), {"Status": "Failed"}, id="remote"
        ),
        pytest.param(remote_report(REMOTE_PLAN, RemoteOutcome()), {**UNSIGNED, **NOTHING}, id="no-run"),
        pytest.param(
            Report(outcome="refused", exit_code=2, problems=("x",)),
            {**UNSIGNED, **NOTHING, "ImageName": ""},
            id="refused",
        ),
        pytest.param(
            Report(outcome="running", image_name="app", problems=()),
            {**UNSIGNED, **NOTHING},
            id="running",
        ),
    ],
)
def test_go_reads_every_report_in_the_published_types(read: Read, made: Report, different: dict[str, Any]) -> None:
    """The file, ``--output json`` and GitHub's output hold the same JSON."""
    for text in (json.dumps(made.to_json(), indent=2), outputs(made)["build-report"]):
        assert read(text) == {**BUILT, **different}


@pytest.mark.parametrize(("job", "status"), [("Succeeded", "Succeeded"), ("Failed", "Failed")])
def test_go_reads_the_report_between_the_lines_of_our_pipeline(
    read: Read, tmp_path: Path, job: str, status: str
) -> None:
    """As the step of the shipped pipeline prints it, in a log with other lines."""
    (tmp_path / "report.json").write_text(json.dumps(reported().to_json()))
    script = next(step for step in _steps(yaml.safe_load(PIPELINE.read_text())) if "IMAGE BUILD REPORT" in step)
    environment = {
        "PATH": os.environ["PATH"],
        "REPORT_FILE": str(tmp_path / "report.json"),
        "AGENT_TEMPDIRECTORY": str(tmp_path),
        "AGENT_JOBSTATUS": job,
        "PUBLISH_REPORT_FILE": str(tmp_path / "none.json"),
        "SIGNS": "yes",
    }
    printed = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True).stdout
    assert read(f"before\n{printed}after\n") == {**BUILT, "Status": status, "Signed": False}


def _steps(value: Any) -> list[str]:
    """The scripts of a pipeline, in any depth."""
    if isinstance(value, list):
        return [found for each in value for found in _steps(each)]
    if isinstance(value, dict):
        own = [value["bash"]] if isinstance(value.get("bash"), str) else []
        return own + [found for each in value.values() for found in _steps(each)]
    return []

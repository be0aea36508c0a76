"""The stand-in Azure DevOps as a command: what it says of itself, how it stops, and why it does not start."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from image_builder_stand_ins.azure_devops.__main__ import main
from image_builder_stand_ins.azure_devops.faults import FAULTS
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import ServiceOptions

from tests.azure_devops import Client

DEFINITION = 'variables:\n- group: mine\nsteps:\n- bash: echo "$PLAIN" > {file}; exec sleep 60\n'


@pytest.fixture
def command(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", dict[str, str], Path]]:
    """The process, what it says of itself, and a file that a run's step writes."""
    written = tmp_path / "written"
    (tmp_path / "mine.yaml").write_text(DEFINITION.format(file=written))
    groups = {"mine": {"PLAIN": "from the group", "HIDDEN": {"value": "x", "secret": True}}}
    (tmp_path / "groups.json").write_text(json.dumps(groups))
    ready = tmp_path / "azure" / "ready.json"
    arguments = ["--pipeline", str(tmp_path / "mine.yaml"), "--groups", str(tmp_path / "groups.json")]
    process = subprocess.Popen(
        [sys.executable, "-m", "image_builder_stand_ins.azure_devops", *arguments, "--folder", ready.parent.name],
        stdout=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        for _ in range(200):
            if ready.exists():
                break
            time.sleep(0.05)
        yield process, json.loads(ready.read_text()), written
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_a_pipeline_and_stops_its_steps_on_a_signal(
    command: tuple["subprocess.Popen[bytes]", dict[str, str], Path], number: signal.Signals
) -> None:
    process, facts, written = command
    assert os.stat(facts["pat"]).st_mode & 0o077 == 0
    assert os.stat(facts["client_secret"]).st_mode & 0o077 == 0
    pat = base64.b64encode(b":" + Path(facts["pat"]).read_bytes()).decode()
    url = f"{facts['organization_url']}/{facts['project']}/_apis/pipelines/{facts['pipeline_id']}/runs?api-version=7.1"
    asked = urllib.request.Request(url, b"{}", {"Authorization": f"Basic {pat}", "Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert json.load(answer)["state"] == "inProgress"
    for _ in range(200):
        if written.exists() and written.read_text():
            break
        time.sleep(0.05)
    assert written.read_text() == "from the group\n"
    started = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - started < 15  # its step would sleep for a minute


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        pytest.param([], "--pipeline FILE", id="no-pipeline"),
        pytest.param(["--pipeline", "nowhere.yaml"], "nowhere.yaml", id="no-file"),
    ],
)
def test_the_command_reports_why_it_does_not_start(
    arguments: list[str], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--folder", str(tmp_path / "azure")]) == 2
    assert reported in capsys.readouterr().err


@pytest.mark.parametrize(
    ("groups", "reported"),
    [("[]", "expected an object of groups"), ('{"a": {"B": 1}}', "B must be text"), ("{", "Expecting property name")],
)
def test_bad_groups_are_refused(groups: str, reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definition, file = tmp_path / "a.yaml", tmp_path / "groups.json"
    definition.write_text("steps: []\n")
    file.write_text(groups)
    assert main(["--pipeline", str(definition), "--groups", str(file), "--folder", str(tmp_path / "azure")]) == 2
    assert reported in capsys.readouterr().err


def test_the_faults_can_be_listed() -> None:
    output = io.StringIO()
    assert main(["--list-faults"], output) == 0
    assert [line.split()[0] for line in output.getvalue().splitlines()] == list(FAULTS)


def test_a_service_starts_again_on_its_port_at_once() -> None:
    port = 0
    for _ in range(2):
        with AzureDevOps.start(ServiceOptions(port=port)) as service:
            port = urlsplit(service.authority).port or 0
            assert Client(service).ask("build/builds/7").status == 404


def test_the_command_listens_on_loopback_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--listen", "0.0.0.0:0"])
    assert "loopback" in capsys.readouterr().err

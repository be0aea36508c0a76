"""Reports, logs and what is shown: true and harmless, also after failures."""

import json
import signal
import time
from typing import Any

import pytest
from image_builder_stand_ins.fault import Stall

from tests.e2e.observation import descendants, processes_with, still_there
from tests.e2e.run import read_until
from tests.e2e.world import World

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("flag", ["--build-report-path", "--log-dir"])
def test_evidence_that_cannot_be_written_is_a_refusal_before_anything_starts(world: World, flag: str) -> None:
    (world.folder / "file").write_text("no directory")
    path = f"{world.folder}/file/evidence"
    done = world.run("--log-dir", path) if flag == "--log-dir" else world.run(report=path)
    assert done.code == 2, done.err
    assert f"ERROR: {flag}: {path}: cannot be written: Not a directory" in done.err
    assert world.signing.requests == ()
    assert "building app" not in done.err


@pytest.mark.parametrize("words", [(), ("--output=json",)], ids=["human", "json"])
def test_report_that_can_no_longer_be_written_is_8_after_all_else_was_done(
    world: World, words: tuple[str, ...]
) -> None:
    path = world.artifacts / "report.json"
    world.signing.fail_next(Stall(2.0))
    process = world.start(*words)
    read_until(process.stderr, "^signing sha256:")
    path.unlink()
    path.mkdir()
    done = world.finished(process)
    assert done.code == 8, done.err
    assert str(path) in done.err
    assert len(world.signing.received) == 2
    if words:
        assert json.loads(done.out)["exit_code"] == 8


def test_killed_run_leaves_no_success_of_an_earlier_one(world: World) -> None:
    assert world.run().report["signed"] is True
    world.signing.fail_next(Stall(600.0))
    process = world.start()
    read_until(process.stderr, "^signing sha256:")
    process.kill()
    report = world.finished(process).report
    assert (report["outcome"], report["pushed"], report["signed"]) == ("running", False, False)
    done = world.command("image-builder", "verify", "--report", str(world.artifacts / "report.json"))
    assert done.code == 2
    assert "did not finish" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_signing_reports_what_is_pushed_and_writes_no_tag(
    world: World, number: signal.Signals, code: int
) -> None:
    world.signing.fail_next(Stall(600.0))  # far longer than anybody waits here
    process = world.start("--tag=mine")
    read_until(process.stderr, "^signing sha256:")
    process.send_signal(number)
    done = world.finished(process)
    assert done.code == code, done.out + done.err
    report = done.report
    assert (report["pushed"], report["signed"], report["interrupted"]) == (True, False, number.name)
    assert report["images_list"] == []
    assert {place["reason"] for place in _places(report)} == {"the run was stopped"}


def test_interrupted_build_leaves_no_descendant_not_even_a_background_one(world: World) -> None:
    mark = f"{time.time_ns()}"
    script = f"(/bin/busybox sleep 600; : {mark}) & echo sleeping now; /bin/busybox sleep 601; : {mark}"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "{script}"]')
    process = world.start()
    read_until(process.stdout, " sleeping now$")
    below = descendants(process.pid)
    assert len(below) >= 4, "buildctl, buildkitd, runc's shells"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    done = world.finished(process)
    assert time.monotonic() - started < 8
    assert done.code in {130, 143}, done.out + done.err
    assert still_there(below) == []
    assert processes_with(mark) == []
    assert done.report["exit_code"] == done.code
    assert [place["reason"] for place in _places(done.report)] == ["the build was stopped"] * 2


def test_signal_after_the_outcome_was_told_does_not_contradict_it(world: World) -> None:
    process = world.start()
    read_until(process.stderr, "^  report ")  # the summary's last line
    time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    done = world.finished(process)
    assert done.report["exit_code"] == done.code == 0


def test_failing_step_with_foreign_commands_is_repeated_harmlessly(world: World) -> None:
    words = r"printf '::error::z\n##vso[task.complete result=Failed]\n\033[31mred\n'; exit 1"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "{words}"]'.replace("\\", "\\\\"))
    done = world.run()
    assert done.code == 3, done.err
    shown = done.out + done.err
    assert "the failing step's last lines" in done.err
    assert "red" in done.err
    assert "\x1b" not in shown
    assert "##vso[" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())
    last = done.report["images"][0]["failure"]["last_lines"]
    assert last == ["::error::z", "##vso[task.complete result=Failed]", "\x1b[31mred"]


def test_log_holds_every_line_of_a_silent_build(world: World) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line-$i-end; i=$((i+1)); done"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "{script}"]')
    done = world.run("--silent")
    assert done.code == 0, done.err
    assert done.out == ""
    assert [number for number in range(3000) if f" line-{number}-end\n" not in done.log()] == []


def test_json_report_of_a_failure_is_the_only_thing_on_standard_output(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo on the way; exit 1"]')
    done = world.run("--output=json")
    assert done.code == 3, done.err
    assert json.loads(done.out) == done.report
    assert done.report["outcome"] == "failure"
    assert "on the way" in done.err


def test_closed_standard_output_never_stops_a_build(world: World) -> None:
    process = world.start()
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    done = world.finished(process)
    assert done.code == 0, done.err
    assert len(world.signing.received) == 2


def test_local_build_without_a_repository_is_published_unsigned_and_says_why(world: World) -> None:
    world.environment = {"USE_BUILDKIT": "true", "PULL_BASE_SHA": "1" * 40}
    done = world.run()
    assert done.code == 0, done.err
    assert done.report["images_list"][0].startswith(f"{world.registry.host_port}/dev/app:")
    assert world.signing.requests == ()
    assert "--repo" in done.report["not_signed"]


def _places(report: dict[str, Any]) -> list[dict[str, Any]]:
    places: list[dict[str, Any]] = report["images"][0]["destinations"]
    return places

"""Builds, pushes and signatures that fail, and runs that are interrupted: the right code, the truth in the report."""

import os
import signal
import threading
import time

import pytest
from image_builder_stand_ins.fault import Answer

from tests.e2e.observation import processes_with
from tests.e2e.run import read_until
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
_GONE_WITHIN = 8.0


def test_failing_step_is_3_with_its_last_lines_and_nothing_signed(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo before the end; exit 42"]')
    done = world.run()
    assert done.code == 3
    assert "before the end" in done.err
    assert world.signing.requests == ()
    report = done.report
    assert (report["outcome"], report["pushed"], report["signed"]) == ("failure", False, False)
    assert report["images_list"] == []
    assert report["images"][0]["failure"]["last_lines"] == ["before the end"]


def test_registry_that_goes_away_during_the_push_is_4_and_the_report_says_who_holds_the_image(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sh", "-c", "echo now stop it; /bin/busybox sleep 2"]')
    process = world.start()
    read_until(process.stdout, " now stop it$")
    world.mirror.stop()
    done = world.finished(process)
    assert done.code == 4
    report = done.report
    held = {place["reference"]: place["holds_digest"] for place in report["images"][0]["destinations"]}
    assert not any(holds for reference, holds in held.items() if reference.startswith(world.mirror.host_port))
    for reference in report["images_list"]:
        assert world.manifest(reference) is not None
    assert world.signing.requests == ()


def test_refusing_signing_service_is_5_with_its_reason(world: World) -> None:
    world.signing.fail_next(Answer(403, "this project may not sign"))
    done = world.run()
    assert done.code == 5
    assert "this project may not sign" in done.err
    assert done.report["pushed"] is True
    assert done.report["signed"] is False
    assert all(found["status"] == "failed" for found in done.report["images"][0]["signatures"])


@pytest.mark.parametrize(
    ("signals", "codes"),
    [
        pytest.param((signal.SIGINT,), {130}, id="SIGINT"),
        pytest.param((signal.SIGTERM,), {143}, id="SIGTERM"),
        pytest.param((signal.SIGINT, signal.SIGTERM), {130, 143}, id="both-at-once"),
    ],
)
def test_interrupted_build_leaves_nothing_running(
    world: World, signals: tuple[signal.Signals, ...], codes: set[int]
) -> None:
    mark = f"{600 + os.getpid() % 300}.{time.time_ns() % 10**9}"
    world.dockerfile(f'RUN ["/bin/busybox", "sh", "-c", "echo sleeping now; exec /bin/busybox sleep {mark}"]')
    process = world.start()
    read_until(process.stdout, " sleeping now$")
    started = time.monotonic()
    for number in signals:
        process.send_signal(number)
    done = world.finished(process)
    assert time.monotonic() - started < _GONE_WITHIN
    assert done.code in codes
    assert processes_with(mark) == []
    assert processes_with(str(world.folder / "state")) == []
    report = done.report
    assert report["interrupted"] in {"SIGINT", "SIGTERM"}
    assert (report["pushed"], report["signed"]) == (False, False)
    assert world.signing.requests == ()


def test_deadline_is_7(world: World) -> None:
    world.dockerfile('RUN ["/bin/busybox", "sleep", "600"]')
    started = time.monotonic()
    done = world.run("--timeout", "6s")  # from the start of the process
    assert done.code == 7, done.err
    assert time.monotonic() - started < 6 + _GONE_WITHIN
    assert done.report["interrupted"] == "DEADLINE"


def test_unreachable_buildkit_is_3(world: World) -> None:
    world.environment["BUILDKIT_HOST"] = "tcp://127.0.0.1:1"
    done = world.run()
    assert done.code == 3
    assert "BUILDKIT_HOST" in done.err


def test_link_in_place_of_the_report_is_never_followed(world: World) -> None:
    victim = world.folder / "victim"
    victim.write_text("precious")
    (world.artifacts / "report.json").symlink_to(victim)
    done = world.run()
    assert done.code == 2, done.err
    assert victim.read_text() == "precious"
    assert "report.json" in done.err


def test_two_runs_at_once_both_succeed_with_logs_of_their_own(world: World) -> None:
    world.config["reproducible"] = True  # or each would find the other's digest under its tags
    world.environment["SOURCE_DATE_EPOCH"] = "1700000000"
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(world.run().code)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0, 0]
    assert len(list(world.artifacts.glob("build_app*.log"))) == 2

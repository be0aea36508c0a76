"""Builds with the real kaniko, end to end, outside a container: each in a root of its own."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from image_builder_contracts.image_engine import processes, wait_until

from tests.e2e.private_registry import PASSWORD, assert_hidden, private_registry
from tests.e2e.world import World, run_step
from tests.programs import require

pytestmark = pytest.mark.e2e


@pytest.fixture(name="kaniko")
def kaniko_world(world: World) -> Iterator[World]:
    """The world with kaniko as its engine. At the end nothing must be left of any root."""
    folder = world.folder / "roots"
    folder.mkdir()
    del world.environment["USE_BUILDKIT"]
    world.environment |= {"KANIKO_EXECUTOR": require("executor"), "TMPDIR": str(folder)}
    yield world
    wait_until(lambda: os.listdir(folder) == [], 10)


def signed(world: World) -> set[str]:
    return {str(image.digest) for image in world.signing.received}


def test_postsubmit_publishes_everywhere_and_signs_what_was_built(kaniko: World) -> None:
    kaniko.config |= {"reproducible": True, "log-format": "json"}
    done = kaniko.run("--tag", "latest", "--build-arg", "VERSION=7")
    assert done.code == 0, done.err
    report = done.report
    assert (report["outcome"], report["pushed"], report["signed"]) == ("success", True, True)
    for place in report["images_list"]:
        body = kaniko.manifest(place)
        assert body is not None
        assert len(body) == report["images"][0]["size"]
    assert signed(kaniko) == {report["digest"]}
    assert report["architectures"] == [f"linux/{'arm64' if os.uname().machine == 'aarch64' else 'amd64'}"]
    assert "hello from the RUN step" in done.log()


def test_plan_shows_the_executor_and_hides_secrets(kaniko: World) -> None:
    done = kaniko.run("plan", "--build-arg", "API_TOKEN=abc123secret")
    assert done.code == 0, done.err
    assert "built by kaniko" in done.out
    assert "/.kaniko/executor --force" in done.out
    assert "abc123secret" not in done.out + done.err


def test_code_of_a_failing_step_is_in_the_report_and_not_the_exit_code(kaniko: World) -> None:
    kaniko.dockerfile(run_step("echo last words; exit 77"))
    done = kaniko.run()
    assert done.code == 3, done.err
    assert done.report["images"][0]["failure"]["engine_exit_code"] == 77
    assert "last words" in done.err


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 0), ("wr0ng-pw", 2)])
def test_password_of_a_registry_reaches_only_the_executor(kaniko: World, password: str, code: int) -> None:
    with private_registry(kaniko, password):
        done = kaniko.run("--debug")
    assert done.code == code, done.err
    assert_hidden(done, password, f"builder:{password}")


def test_several_platforms_are_refused(kaniko: World) -> None:
    done = kaniko.run("--platform", "linux/amd64,linux/arm64")
    assert done.code == 2
    assert "kaniko builds one platform" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_build_leaves_nothing(kaniko: World, number: signal.Signals, code: int) -> None:
    asleep = f"sleep 43210.{time.monotonic_ns() % 1_000_000}"
    kaniko.dockerfile(run_step(f"trap '' INT TERM; $b {asleep}"))
    process = kaniko.start()
    wait_until(lambda: processes(asleep) != [] or process.poll() is not None)
    started = time.monotonic()
    process.send_signal(number)
    done = kaniko.finished(process)
    assert (done.code, time.monotonic() - started < 8) == (code, True), done.err
    wait_until(lambda: processes(asleep) == [], 10)


def test_variants_are_built_at_the_same_time_and_never_see_each_others_files(kaniko: World) -> None:
    """Each marks its root, waits until the others have done so too, and fails if it finds another's mark."""
    look = 'test "$(echo /mark-*)" = '
    script = f"{look}'/mark-*' && echo x > /mark-$VERSION && $b sleep 2 && {look}/mark-$VERSION && echo alone"
    kaniko.variants("a", "b", "c")
    kaniko.dockerfile(run_step(script))
    started = time.monotonic()
    done = kaniko.run("--max-parallel", "3")
    assert done.code == 0, done.err
    assert time.monotonic() - started < 3 * 2, "they slept one after another"
    for variant in "abc":
        assert "alone\n" in done.log(f"app_{variant}")
        assert any(line.startswith(f"[{variant}] ") for line in done.out.splitlines())
    digests = {image["digest"] for image in done.report["images"]}
    assert (len(digests), len(kaniko.signing.requests)) == (3, 1)
    assert signed(kaniko) == digests


def test_failed_variant_does_not_stop_the_others(kaniko: World) -> None:
    kaniko.variants("a", "b")
    kaniko.dockerfile(run_step("[ $VERSION != b ]"))
    done = kaniko.run()
    assert done.code == 3, done.err
    assert {image["variant"]: image["failure"] is None for image in done.report["images"]} == {"a": True, "b": False}
    assert {image.tag.rpartition("-")[2] for image in kaniko.signing.received} == {"a"}

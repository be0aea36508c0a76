"""Variants: several builds of one Dockerfile at the same time, and what becomes of them together."""

import json
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.observation import processes_with
from tests.e2e.run import Finished, read_until
from tests.e2e.world import COMMIT, World, run_step

pytestmark = pytest.mark.e2e
_GONE_WITHIN = 8.0
EXAMPLES = Path(__file__).parents[2] / "examples"
# A folder that all builds of one daemon share, so that they can see each other.
SHARED = "--mount=type=cache,target=/shared,sharing=shared"


def images(done: Finished) -> dict[str, dict[str, Any]]:
    return {image["variant"]: image for image in done.report["images"]}


def test_every_variant_is_built_published_and_signed_with_its_own_arguments(world: World) -> None:
    (world.context / "variants.yaml").write_text("main: {VERSION: 1.10}\n'1.23': {VERSION: 010}\n")
    world.dockerfile(run_step("echo version is $VERSION"))
    done = world.run("--tag", "latest", name="team/app")
    assert done.code == 0, done.err
    report = done.report
    assert (report["outcome"], report["pushed"], report["signed"], report["digest"]) == ("success", True, True, "")
    assert list(images(done)) == ["main", "1.23"]
    for variant, version in (("main", "1.10"), ("1.23", "010")):
        log = done.log(f"team-app_{variant}")
        assert f"version is {version}\n" in log
        assert images(done)[variant]["log"].endswith(f"/build_team-app_{variant}.log")
        for host in (world.registry, world.mirror):
            assert world.manifest(f"{host.host_port}/prod/team/app:latest-{variant}") is not None
    assert world.manifest(f"{world.registry.host_port}/prod/team/app:latest") is None
    digests = {variant: image["digest"] for variant, image in images(done).items()}
    assert digests["main"] != digests["1.23"]
    signed = {(image.tag, str(image.digest)) for image in world.signing.received if image.tag.startswith("latest-")}
    assert signed == {(f"latest-{variant}", digest) for variant, digest in digests.items()}
    assert len(world.signing.requests) == 1, "all images go in one request"


def test_lines_in_ci_begin_with_their_variant(world: World) -> None:
    world.variants("a", "b")
    world.dockerfile(run_step("echo version is $VERSION"))
    done = world.run()
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert all(re.match(r"\[[ab]\] ", line) for line in lines)
    assert {line.partition(" ")[0] for line in lines if line.endswith(" version is a")} == {"[a]"}
    assert "[a]" not in done.log("app_a")


def test_variants_are_built_at_the_same_time(world: World) -> None:
    """Each waits for the mark of all others, which they leave in a folder that they share."""
    world.variants("a", "b", "c")
    wait = "i=0; until [ -e /shared/a ] && [ -e /shared/b ] && [ -e /shared/c ]; do i=$((i+1)); "
    wait += "[ $i -lt 300 ] || exit 9; $b sleep 0.1; done; echo met"
    world.dockerfile(run_step(f": >/shared/$VERSION; {wait}", SHARED))
    done = world.run("--max-parallel", "3")
    assert done.code == 0, done.err
    for name in "abc":
        assert "met\n" in done.log(f"app_{name}")


def test_no_more_are_built_at_the_same_time_than_allowed(world: World) -> None:
    world.variants("a", "b", "c", "d")
    count = "set -- /shared/in-*; echo together $#; [ $# -le 2 ]; good=$?; $b sleep 0.5; $b rm /shared/in-$VERSION"
    world.dockerfile(run_step(f": >/shared/in-$VERSION; {count}; exit $good", SHARED))
    done = world.run("--max-parallel", "2")
    assert done.code == 0, done.err
    assert any("together 2" in done.log(f"app_{name}") for name in "abcd")


def test_one_that_fails_stops_nobody_and_only_complete_ones_are_signed(world: World) -> None:
    world.variants("good", "bad", "fine")
    world.dockerfile(run_step("echo at $VERSION; [ $VERSION != bad ]"))
    done = world.run("--tag", "latest")
    assert done.code == 3
    assert (done.report["outcome"], done.report["pushed"], done.report["signed"]) == ("failure", False, False)
    found = images(done)
    for variant in ("good", "fine"):
        assert found[variant]["failure"] is None
        assert all(place["holds_digest"] for place in found[variant]["destinations"])
        assert all(signature["status"] == "accepted" for signature in found[variant]["signatures"])
        assert found[variant]["signatures"]
    assert found["bad"]["failure"]["last_lines"] == ["at bad"]
    assert found["bad"]["signatures"] == []
    assert {image.tag.rpartition("-")[2] for image in world.signing.received} == {"good", "fine"}
    assert world.manifest(f"{world.registry.host_port}/prod/app:latest-bad") is None
    assert "ERROR: [bad] the build failed" in done.err
    assert "    [bad] at bad" in done.err
    assert "2 of 3 published" in done.err


def test_without_keep_going_the_others_are_stopped_and_say_so(world: World) -> None:
    mark = f"611.{time.time_ns() % 10**9}"
    world.variants("slow", "bad", "never")
    fail = "until [ -e /shared/slow ]; do $b sleep 0.1; done; exit 1"
    world.dockerfile(run_step(f"[ $VERSION = slow ] || {{ {fail}; }}; : >/shared/slow; $b sleep {mark}", SHARED))
    done = world.run("--keep-going=false", "--max-parallel", "2")
    assert done.code == 3, done.err
    found = images(done)
    assert found["bad"]["failure"]["engine_exit_code"] == 1
    for variant in ("slow", "never"):
        assert "stopped (another build failed)" in found[variant]["failure"]["reason"]
    assert found["never"]["log"] is None
    assert done.report["interrupted"] is None
    assert processes_with(mark) == []
    assert world.signing.requests == ()


def test_interruption_stops_them_all(world: World) -> None:
    mark = f"612.{time.time_ns() % 10**9}"
    world.variants("a", "b", "c")
    world.dockerfile(run_step(f"echo sleeping now; exec $b sleep {mark}"))
    process = world.start("--max-parallel", "2")
    sleeping: set[str] = set()
    while len(sleeping) < 2:
        sleeping.add(read_until(process.stdout, " sleeping now$").partition(" ")[0])
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    done = world.finished(process)
    assert time.monotonic() - started < _GONE_WITHIN
    assert done.code == 143, done.err
    assert processes_with(mark) == []
    assert processes_with(str(world.folder / "state")) == []
    report = json.loads((world.artifacts / "report.json").read_text())
    assert report["interrupted"] == "SIGTERM"
    assert all("stopped (sigterm)" in image["failure"]["reason"] for image in report["images"])
    assert len(report["images"]) == 3


def test_one_variant_can_be_built_alone(world: World) -> None:
    world.variants("a", "b")
    done = world.run("--variant", "b", "--tag", "latest")
    assert done.code == 0, done.err
    assert list(images(done)) == ["b"]
    assert done.report["digest"] == images(done)["b"]["digest"]
    assert world.manifest(f"{world.registry.host_port}/prod/app:latest-a") is None
    assert world.manifest(f"{world.registry.host_port}/prod/app:latest-b") is not None


def test_each_variant_has_a_cache_of_its_own(world: World) -> None:
    world.config["cache"] = {"enabled": True, "cache-repo": f"{world.registry.host_port}/cache"}
    world.variants("a", "b")
    done = world.run()
    assert done.code == 0, done.err
    for variant in "ab":
        assert world.manifest(f"{world.registry.host_port}/cache/app:buildcache-{variant}") is not None
    assert world.manifest(f"{world.registry.host_port}/cache/app:buildcache") is None


def test_plan_shows_every_variant_and_touches_nothing(world: World) -> None:
    world.variants("a", "b")
    done = world.run("--dry-run", "--output", "json", "--max-parallel", "7", "--keep-going=false")
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assert [build["variant"] for build in plan["builds"]] == ["a", "b"]
    assert [build["arguments"] for build in plan["builds"]] == [["VERSION=a"], ["VERSION=b"]]
    assert (plan["max_parallel"], plan["keep_going"]) == (2, False)
    assert all("build-arg:VERSION=a" in build["command"] for build in plan["builds"][:1])
    text = world.run("plan").out
    assert "  variant   a\n" in text
    assert "2, " in text
    assert list(world.artifacts.iterdir()) == []


def test_arguments_of_every_source_reach_the_build_strongest_first(world: World) -> None:
    names = ("VARIANT", "TAG_latest", "ENV", "FLAG")
    (world.context / "variants.yaml").write_text(
        "a: {VARIANT: variant, TAG_latest: variant, ENV: variant, FLAG: variant}\n"
    )
    (world.context / "build.env").write_text("# comment\nENV=env file\nFLAG=env file\n")
    shown = " ".join(f"{name}=${name}" for name in names)
    world.dockerfile(*(f"ARG {name}" for name in names), run_step(f"echo '<'{shown}'>'"))
    done = world.run("--tag", "latest", "--export-tags", "--env-file", "build.env", "--build-arg", "FLAG=flag")
    assert done.code == 0, done.err
    assert "<VARIANT=variant TAG_latest=latest ENV=env file FLAG=flag>" in done.log("app_a")
    assert "--env-file is deprecated; use --build-arg" in done.err


def test_lines_of_an_env_file_never_reach_our_own_environment(world: World) -> None:
    host = "tcp://127.0.0.1:1"
    (world.context / "build.env").write_text(f"BUILDKIT_HOST={host}\nPATH=/nowhere\nSOURCE_DATE_EPOCH=1\n")
    done = world.run("--env-file", "build.env", "--tag", "time={{ .Date }}")
    assert done.code == 0, done.err
    assert done.report["tags"][0] != "19700101"


def test_encoded_tags_are_tags_like_any_other(world: World) -> None:
    done = world.run("--tag", "one", "--tag-base64", "bGF0ZXN0LHR3bz17eyAuU2hvcnRTSEEgfX0K")
    assert done.code == 0, done.err
    assert done.report["tags"][:3] == ["one", "latest", COMMIT[:8]]


def test_arguments_that_nothing_declares_are_warned_of_with_the_nearest_name(world: World) -> None:
    done = world.run("--build-arg", "VERSIONS=1", "--build-arg", "HTTP_PROXY=http://127.0.0.1:1")
    assert done.code == 0, done.err
    assert "does not declare VERSIONS with ARG, so it has no effect; did you mean 'VERSION'?" in done.err
    assert "HTTP_PROXY" not in done.err


def test_the_example_gives_one_image_for_each_version(world: World) -> None:
    world.config["cache"] = {"enabled": True, "cache-repo": f"{world.registry.host_port}/cache"}
    shutil.copy(EXAMPLES / "base" / "Dockerfile", world.context / "Dockerfile")
    assert world.run("--tag", "base", name="base").code == 0
    for file in (EXAMPLES / "variants").iterdir():
        shutil.copy(file, world.context)
    base = f"{world.registry.host_port}/prod/base:base"
    done = world.run("--tag", "v2", "--build-arg", f"BASE={base}", "--build-arg", "ROWS=10", name="tool")
    assert done.code == 0, done.err
    assert len(images(done)) == 8
    assert len({image["digest"] for image in images(done).values()}) == 8
    for variant in ("main", "1.10", "1.9"):
        assert f"{world.registry.host_port}/prod/tool:v2-{variant}" in done.report["images_list"]
    assert "warning: the build argument" not in done.err
    assert "no effect" not in done.err

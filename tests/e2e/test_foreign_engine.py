"""An engine and a signer of other packages at work in the real command, installed as their users would."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.clean_environment import make_environment, run_tests
from tests.e2e.run import Finished
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parents[2] / "examples"
TAR, JOURNAL = EXAMPLES / "tar-engine", EXAMPLES / "journal-signer"
KEY = "a-key-for-journals-alone"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_environment(tmp_path_factory.mktemp("clean"), TAR, JOURNAL)


@pytest.fixture
def layouts(world: World, python: str) -> Path:
    """Where the engine's layouts go, in a world in which both examples are installed and a tar file is to be built."""
    world.python = python
    del world.environment["USE_BUILDKIT"]
    (world.context / "Dockerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
    with tarfile.open(world.context / "rootfs.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
    (world.folder / "key").write_text(KEY)
    journal = {"journal": str(world.folder / "journal"), "key-file": str(world.folder / "key")}
    signing = world.config["sign-config"]
    signing["signers"].append({"name": "book", "type": "journal", "config": journal})
    signing["enabled-signers"] = {"*": ["local", "book"]}
    world.config["engines"] = {"tar": {"layouts": str(world.folder / "layouts")}}
    return world.folder / "layouts"


def refused(done: Finished, layouts: Path, *words: str) -> None:
    assert done.code == 2, done.err
    assert all(word in done.err for word in words), done.err
    assert not layouts.exists()


def test_it_builds_pushes_and_is_signed_as_ours_are(world: World, layouts: Path) -> None:
    done = world.run("--backend", "tar", "--tag", "latest")
    assert done.code == 0, done.err
    (image,) = done.report["images"]
    index = json.loads((layouts / "app" / "index.json").read_text())
    assert {entry["digest"] for entry in index["manifests"]} == {image["digest"]}
    for host in (world.registry.host_port, world.mirror.host_port):
        assert len(world.manifest(f"{host}/prod/app:latest") or b"") == image["size"]
    assert [one["signer"] for one in image["signatures"] if one["status"] == "failed"] == []
    journal = [json.loads(line) for line in (world.folder / "journal").read_text().splitlines()]
    assert {line["digest"] for line in journal} == {image["digest"]}
    assert f"pushed {world.registry.host_port}/prod/app@{image['digest']}" in done.log()


def test_a_pull_request_publishes_with_it_where_a_pull_request_may(world: World, layouts: Path) -> None:
    world.presubmit()
    del world.environment["USE_BUILDKIT"]
    done = world.run("--backend", "tar")
    assert done.code == 0, done.err
    assert world.manifest(f"{world.registry.host_port}/dev/app:PR-7")
    assert world.manifest(f"{world.registry.host_port}/prod/app:PR-7") is None
    assert not (world.folder / "journal").exists()
    assert layouts.exists()


def test_the_plan_shows_it_and_touches_nothing(world: World, layouts: Path) -> None:
    done = world.run("--backend", "tar", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.startswith("Plan for app, built by tar\n")
    assert f"  command   tar-engine {world.context} to {layouts}/app" in done.out
    assert not layouts.exists()


def test_what_it_cannot_honour_is_refused_before_anything_is_done(world: World, layouts: Path) -> None:
    (world.context / "Dockerfile").write_text("FROM scratch AS x\nADD rootfs.tar /\n")
    refused(
        world.run("--backend", "tar", "--target", "x", "--platform", "linux/arm64"),
        layouts,
        "--backend tar: a tar file has no stages; leave that out, or choose another",
    )


def test_its_settings_are_checked_as_ours_are(world: World, layouts: Path) -> None:
    world.config["engines"] = {"tar": {"layout": "/x", "platform": "Linux"}}
    refused(
        world.run("--backend", "tar"),
        layouts,
        "unknown key 'engines.tar.layout'; did you mean 'layouts'?",
        "engines.tar.layouts is missing",
        "engines.tar.platform",
    )


def test_a_misspelt_engine_is_refused_with_the_nearest(world: World, layouts: Path) -> None:
    refused(world.run("--backend", "tarr"), layouts, "--backend: there is no engine 'tarr'; did you mean 'tar'?")


def test_it_contradicts_an_environment_that_asks_for_another(world: World, layouts: Path) -> None:
    world.environment["USE_BUILDKIT"] = "true"
    refused(world.run("--backend", "tar"), layouts, "tar contradicts USE_BUILDKIT=true")


def test_a_folder_that_cannot_be_written_is_found_before_the_build(world: World, layouts: Path) -> None:
    world.config["engines"] = {"tar": {"layouts": "/dev/null/layouts"}}
    refused(world.run("--backend", "tar"), layouts, "/dev/null/layouts cannot be written; name another folder")


def test_a_file_that_it_cannot_build_is_a_failed_build(world: World, layouts: Path) -> None:
    world.dockerfile()
    done = world.run("--backend", "tar")
    assert done.code == 3, done.err
    assert "ARG VERSION" in done.err
    assert not layouts.exists()


def test_doctor_and_the_schema_know_it(world: World, layouts: Path) -> None:
    config = world.config_file()
    place = ("--config", config, "--context", str(world.context))
    done = world.command("image-builder", "doctor", *place, "--backend", "tar")
    assert done.code == 0, done.out
    assert "Engine tar\n  ok       ready: yes" in done.out
    del world.config["engines"]
    unused = world.command("image-builder", "doctor", "--config", world.config_file())
    assert "  -        settings: engines.tar.layouts is missing" in unused.out
    schema = json.loads(world.command("image-builder", "schema").out)
    assert schema["properties"]["engines"]["properties"]["tar"]["required"] == ["layouts"]
    assert not layouts.exists()


@pytest.mark.parametrize("example", [TAR, JOURNAL], ids=lambda example: example.name)
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
def test_the_suites_pass_on_it_with_plain_pytest(python: str, example: Path, workers: tuple[str, ...]) -> None:
    done = run_tests(python, example / "tests", *workers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_a_clause_that_is_not_kept_is_reported_in_words(python: str, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from test_tar_engine import TestTarEngine as _Good\n"
        "from tar_engine.engine import TarEngine\n"
        "from returns.result import Failure\n"
        "class TestMine(_Good):\n"
        "    def test_check_passes_where_the_engine_is_installed(self, engine, monkeypatch):\n"
        "        monkeypatch.setattr(TarEngine, 'check', lambda self: Failure('it is not'))\n"
        "        super().test_check_passes_where_the_engine_is_installed(engine)\n"
    )
    (tmp_path / "test_tar_engine.py").write_text((TAR / "tests" / "test_tar_engine.py").read_text())
    done = run_tests(python, tmp_path, "-k", "TestMine and check_passes")
    assert done.returncode == 1, done.stdout
    assert "<Failure: it is not> == <Success: None>" in done.stdout
    assert "This clause of the port ImageEngine is not kept: check passes where the engine is installed" in done.stdout

"""Bad input: exit 2, one message each with place and remedy, and nothing done."""

import os
from pathlib import Path

import pytest

from tests.e2e.world import Finished, World

pytestmark = pytest.mark.e2e


@pytest.fixture
def marked(world: World) -> Path:
    """A mark that every engine program leaves when it is started."""
    mark, programs = world.folder / "started", world.folder / "programs"
    programs.mkdir()
    for name in ("buildctl", "buildkitd", "runc"):
        script = programs / name
        script.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
        script.chmod(0o755)
    world.environment["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return mark


def assert_refused(done: Finished, world: World, mark: Path, *words: str) -> None:
    assert done.code == 2, done.err
    for word in words:
        assert word in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not mark.exists()
    assert world.signing.requests == ()
    assert not (done.artifacts / "report.json").exists()


def test_missing_configuration_file_is_refused(world: World, marked: Path) -> None:
    assert_refused(world.run(config="/nowhere/config.yaml"), world, marked, "/nowhere/config.yaml", "--config")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--tga", "x"], ["--tga", "did you mean 'tag'?"], id="unknown-flag"),
        pytest.param(["--output", "xml"], ["--output", "'xml'", "human, json"], id="unknown-choice"),
        pytest.param(["stray"], ["'stray'"], id="stray-word"),
        pytest.param(["--tag", "a=-x"], ["--tag", "'-x' is no tag"], id="invalid-tag"),
        pytest.param(["--tag", "a={{ .Nope }}"], ["no field .Nope", "^", ".ShortSHA"], id="unknown-field"),
        pytest.param(["--tag", "a=1", "--tag", "a=2"], ["two values"], id="two-values-for-a-name"),
        pytest.param(["--platform", "amd64"], ["--platform", "os/arch"], id="invalid-platform"),
        pytest.param(["--build-arg", "NOT_SET_ANYWHERE"], ["--build-arg", "NOT_SET_ANYWHERE"], id="unset-argument"),
        pytest.param(["--dockerfile", "../Dockerfile"], ["--dockerfile", "context"], id="dockerfile-outside"),
        pytest.param(["--repo", "other/repo"], ["--repo", "acme/demo"], id="another-repository"),
        pytest.param(["--variant", "x"], ["--variant", "not supported yet"], id="variant"),
        pytest.param(["--build-in-ado"], ["--build-in-ado", "not supported yet"], id="azure-devops"),
        pytest.param(["--backend", "kaniko"], ["kaniko", "USE_BUILDKIT"], id="contradicting-backend"),
    ],
)
def test_wrong_command_line_is_refused(world: World, marked: Path, arguments: list[str], words: list[str]) -> None:
    assert_refused(world.run(*arguments), world, marked, *words)


@pytest.mark.parametrize("verb", ["sign", "verify", "preview", "doctor", "schema"])
def test_mode_of_a_later_version_is_refused_by_name(world: World, marked: Path, verb: str) -> None:
    assert_refused(world.run(verb), world, marked, verb, "not supported yet", "README")


def test_invalid_name_is_refused(world: World, marked: Path) -> None:
    assert_refused(world.run(name="../prod/Evil"), world, marked, "--name", "choose another name")


def test_missing_dockerfile_is_refused(world: World, marked: Path) -> None:
    (world.context / "Dockerfile").unlink()
    assert_refused(world.run(), world, marked, "--dockerfile", "neither a Dockerfile nor a dockerfile")


def test_variants_file_is_refused_until_variants_are_built(world: World, marked: Path) -> None:
    (world.context / "variants.yaml").write_text("main: {VERSION: '1'}\n")
    assert_refused(world.run(), world, marked, "variants.yaml", "not supported yet")


def test_unknown_configuration_key_is_refused_with_its_place(world: World, marked: Path) -> None:
    world.config["regstry"] = "x"
    assert_refused(world.run(), world, marked, "config.yaml:18:1", "'regstry'", "did you mean 'registry'?")


def test_wrong_type_in_the_configuration_is_refused(world: World, marked: Path) -> None:
    world.config["reproducible"] = "perhaps"
    assert_refused(world.run(), world, marked, "config.yaml:", "reproducible must be true or false", "'perhaps'")


@pytest.mark.parametrize(
    "variable", ["REPO_OWNER", "REPO_NAME", "PULL_BASE_SHA", "PULL_NUMBER", "PULL_PULL_SHA", "JOB_TYPE"]
)
def test_missing_variable_of_the_job_is_refused_by_name(world: World, marked: Path, variable: str) -> None:
    world.presubmit()
    del world.environment[variable]
    assert_refused(world.run(), world, marked, f"{variable}: this variable of the Prow job is not set")


def test_presubmit_without_development_registry_is_refused(world: World, marked: Path) -> None:
    world.presubmit()
    del world.config["dev-registry"]
    assert_refused(world.run(), world, marked, "dev-registry is missing")


def test_broken_secret_is_refused_before_the_build(world: World, marked: Path) -> None:
    world.secret.write_text("no json")
    assert_refused(world.run(), world, marked, "sign-config", str(world.secret))


def test_many_problems_are_told_in_one_run(world: World, marked: Path) -> None:
    (world.context / "Dockerfile").unlink()
    world.config["regstry"] = "x"
    del world.environment["REPO_OWNER"]
    done = world.run("--foo", "--platform", "amd64", name="UP")
    assert_refused(done, world, marked, "--foo", "'regstry'", "REPO_OWNER", "--platform", "--name", "--dockerfile")


def test_missing_engine_is_refused_with_what_to_install(world: World, tmp_path: Path) -> None:
    world.environment["PATH"] = str(tmp_path)
    done = world.run()
    assert done.code == 2, done.err
    assert "buildctl is not installed" in done.err
    assert "BUILDKIT_HOST" in done.err

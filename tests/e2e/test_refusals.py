"""Bad input: exit 2, one message each with place and remedy, and nothing done."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest
from image_builder.presenters import prow

from tests.e2e.observation import Tripwire
from tests.e2e.run import Finished
from tests.e2e.world import World

pytestmark = pytest.mark.e2e
PROGRAMS = ("buildctl", "buildkitd", "buildctl-daemonless.sh", "runc", "rootlesskit", "docker", "kubectl")


@final
@dataclass(frozen=True, slots=True)
class Watch:
    """``mark`` is the file that tells which programs were started."""

    mark: Path
    wires: tuple[Tripwire, ...]

    def assert_nothing_happened(self) -> None:
        """No process was started that could change anything (git is asked what is checked out), no byte was sent."""
        assert not self.mark.exists(), f"started: {self.mark.read_text()}"
        assert not any(wire.was_touched() for wire in self.wires)


@pytest.fixture
def marked(world: World) -> Iterator[Watch]:
    """A job whose registries and signing service are tripwires, and whose programs only leave a mark."""
    with ExitStack() as stack:
        watch = Watch(world.folder / "started", tuple(stack.enter_context(Tripwire()) for _ in range(4)))
        one, two, three, four = (wire.address for wire in watch.wires)
        world.config |= {"registry": [f"{one}/prod", f"{two}/prod"], "dev-registry": f"{three}/dev"}
        world.config["sign-config"]["signers"][0]["config"]["endpoint"] = f"https://{four}/sign"
        programs = world.folder / "programs"
        programs.mkdir()
        for name in PROGRAMS:
            (programs / name).write_text(f'#!/bin/sh\necho "$0 $*" >>{watch.mark}\nexit 1\n')
            (programs / name).chmod(0o755)
        world.path = f"{programs}{os.pathsep}{world.path}"
        yield watch


def assert_refused(done: Finished, world: World, watch: Watch, *words: str) -> None:
    assert done.code == 2, done.err
    for word in words:
        assert word in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    watch.assert_nothing_happened()
    assert {file.name for file in done.artifacts.iterdir()} <= {"report.json", *prow.FILES}
    report = done.report
    assert (report["outcome"], report["exit_code"], report["pushed"], report["signed"]) == ("refused", 2, False, False)
    assert [problem for problem in report["problems"] if f"error: {problem}\n".lower() not in done.err.lower()] == []
    assert not (world.folder / "state").exists()


def test_missing_configuration_file_is_refused(world: World, marked: Watch) -> None:
    assert_refused(world.run(config="/nowhere/config.yaml"), world, marked, "/nowhere/config.yaml", "--config")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--tga", "x"], ["--tga", "did you mean --tag?"], id="unknown-flag"),
        pytest.param(["--output", "xml"], ["--output", "'xml'", "human, json"], id="unknown-choice"),
        pytest.param(["stray"], ["'stray'"], id="stray-word"),
        pytest.param(["--tag", "a=-x"], ["--tag", "'-x' is not a tag"], id="invalid-tag"),
        pytest.param(["--tag", "a={{ .Nope }}"], ["unknown field .Nope", "^", ".ShortSHA"], id="unknown-field"),
        pytest.param(["--tag", "a=1", "--tag", "a=2"], ["two values"], id="two-values-for-a-name"),
        pytest.param(["--platform", "amd64"], ["--platform", "os/arch"], id="invalid-platform"),
        pytest.param(["--build-arg", "NOT_SET_ANYWHERE"], ["--build-arg", "NOT_SET_ANYWHERE"], id="unset-argument"),
        pytest.param(["--dockerfile", "../Dockerfile"], ["--dockerfile", "context"], id="dockerfile-outside"),
        pytest.param(["--repo", "other/repo"], ["--repo", "acme/demo"], id="another-repository"),
        pytest.param(["--variant", "x"], ["--variant", "no variants.yaml beside the Dockerfile"], id="variant"),
        pytest.param(["--build-in-ado"], ["ado-config is missing"], id="azure-devops"),
        pytest.param(["--test-kaniko-build-config"], ["--build-in-ado"], id="kaniko-config-of-a-local-build"),
        pytest.param(["--tag", 'a={{ .Env "ADO_PAT" }}'], ["--tag", "ADO_PAT"], id="secret-in-a-tag"),
        pytest.param(["--timeout", "soon"], ["--timeout", "'soon'", "5m"], id="no-duration"),
        pytest.param(["--silent=perhaps"], ["--silent", "'perhaps'"], id="no-boolean"),
        pytest.param(["--env-file", "none.env"], ["none.env", "does not exist", "--env-file"], id="env-file"),
        pytest.param(["--tag-base64", "a=1"], ["--tag-base64", "not base64"], id="tag-base64"),
        pytest.param(["--backend", "kaniko"], ["kaniko", "USE_BUILDKIT"], id="contradicting-backend"),
    ],
)
def test_wrong_command_line_is_refused(world: World, marked: Watch, arguments: list[str], words: list[str]) -> None:
    assert_refused(world.run(*arguments), world, marked, *words)


def test_invalid_name_is_refused(world: World, marked: Watch) -> None:
    assert_refused(world.run(name="../prod/Evil"), world, marked, "--name", "choose another name")


def test_missing_context_is_refused(world: World, marked: Watch) -> None:
    world.context.rename(world.folder / "elsewhere")
    assert_refused(world.run(), world, marked, "--context", "No such file or directory")


def test_missing_dockerfile_is_refused(world: World, marked: Watch) -> None:
    (world.context / "Dockerfile").unlink()
    assert_refused(world.run(), world, marked, "--dockerfile", "neither a Dockerfile nor a dockerfile")


@pytest.mark.parametrize(
    ("variants", "arguments", "words"),
    [
        pytest.param("a: {VERSOIN: 1}", [], ["variants.yaml:1:5", "did you mean 'VERSION'?"], id="unknown-key"),
        pytest.param("a: {VERSION: [1]}", [], ["variants.yaml:1:14", "one value"], id="no-value"),
        pytest.param("a: {VERSION: 1", [], ["variants.yaml:", "not valid YAML"], id="syntax"),
        pytest.param("", [], ["variants.yaml", "the file is empty"], id="empty"),
        pytest.param("a: {}\nb: {}", ["--variant", "c"], ["--variant", "variants.yaml has a, b"], id="unknown-variant"),
        pytest.param("a-b: {}\nb: {}", ["--tag", "x", "--tag", "x-a"], ["both be pushed to", "x-a-b"], id="collision"),
        pytest.param("a/b: {}", [], ["variants.yaml:1:1", "'a/b' is not a valid variant name"], id="name"),
    ],
)
def test_wrong_variants_are_refused_before_anything_starts(
    world: World, marked: Watch, variants: str, arguments: list[str], words: list[str]
) -> None:
    (world.context / "variants.yaml").write_text(variants)
    assert_refused(world.run(*arguments), world, marked, *words)


def test_malformed_lines_of_an_env_file_are_refused_with_their_numbers(world: World, marked: Watch) -> None:
    (world.context / "build.env").write_text("A=1\nhunter22\n\n=hunter22\n")
    done = world.run("--env-file", "build.env")
    assert_refused(done, world, marked, "build.env:2: the line has no '='", "build.env:4: ")
    assert "hunter22" not in done.err


def test_unknown_configuration_key_is_refused_with_its_place(world: World, marked: Watch) -> None:
    world.config["regstry"] = "x"
    assert_refused(world.run(), world, marked, "config.yaml:18:1", "'regstry'", "did you mean 'registry'?")


def test_wrong_type_in_the_configuration_is_refused(world: World, marked: Watch) -> None:
    world.config["reproducible"] = "perhaps"
    assert_refused(world.run(), world, marked, "config.yaml:", "reproducible must be true or false", "'perhaps'")


@pytest.mark.parametrize(
    "variable", ["REPO_OWNER", "REPO_NAME", "PULL_BASE_SHA", "PULL_NUMBER", "PULL_PULL_SHA", "JOB_TYPE"]
)
def test_missing_variable_of_the_job_is_refused_by_name(world: World, marked: Watch, variable: str) -> None:
    world.presubmit()
    del world.environment[variable]
    assert_refused(world.run(), world, marked, f"{variable}: this variable of the Prow job is not set")


def test_presubmit_without_development_registry_is_refused(world: World, marked: Watch) -> None:
    world.presubmit()
    del world.config["dev-registry"]
    assert_refused(world.run(), world, marked, "dev-registry is missing")


def test_broken_secret_is_refused_before_the_build(world: World, marked: Watch) -> None:
    world.secret.write_text("no json")
    assert_refused(world.run(), world, marked, "sign-config", str(world.secret))


def test_many_problems_are_told_in_one_run(world: World, marked: Watch) -> None:
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


def test_kaniko_is_what_an_environment_without_a_backend_asks_for(world: World, marked: Watch) -> None:
    del world.environment["USE_BUILDKIT"]
    world.environment["KANIKO_EXECUTOR"] = "/nowhere/executor"
    assert_refused(world.run(), world, marked, "/nowhere/executor is not installed", "KANIKO_EXECUTOR")


def test_ci_without_a_known_system_is_never_taken_for_a_laptop(world: World, marked: Watch) -> None:
    world.environment = {name: world.environment[name] for name in ("CI", "USE_BUILDKIT")}
    assert_refused(world.run(), world, marked, "CI=true", "REPO_OWNER")


def test_contradicting_pull_request_variables_are_refused(world: World, marked: Watch) -> None:
    world.environment["PULL_NUMBER"] = "7"
    assert_refused(world.run(), world, marked, "PULL_NUMBER", "postsubmit")


def test_missing_name_is_refused(world: World, marked: Watch) -> None:
    assert_refused(world.run(name=None), world, marked, "--name", "missing")


@pytest.mark.parametrize("words", [("plan",), ("--dry-run",), ("plan", "--output=json"), ("--parse-tags-only",)])
def test_modes_that_only_tell_start_nothing_and_ask_nobody(world: World, marked: Watch, words: tuple[str, ...]) -> None:
    done = world.run(*words)
    assert done.code == 0, done.err
    marked.assert_nothing_happened()
    assert list(done.artifacts.iterdir()) == []


def test_several_platforms_under_a_signer_that_cannot_sign_an_index_are_refused(world: World, marked: Watch) -> None:
    world.config["sign-config"]["signers"][0]["config"]["secret"]["type"] = "token"
    done = world.run("--platform=linux/amd64,linux/386")
    assert_refused(done, world, marked, "'local' cannot sign an image of several platforms", "mtls")


def test_secret_never_goes_to_a_signing_service_without_encryption(world: World, marked: Watch) -> None:
    settings = world.config["sign-config"]["signers"][0]["config"]
    settings |= {"endpoint": "http://signing.example/sign"}
    settings["secret"]["type"] = "token"
    assert_refused(world.run(), world, marked, "http://signing.example/sign", "https")


def test_user_tags_of_a_pull_request_never_reach_the_only_registry(world: World, marked: Watch) -> None:
    world.presubmit()
    del world.config["dev-registry"]
    world.config["pr-tags-in-registry"] = True
    assert_refused(world.run("--tag=latest"), world, marked, "--tag", "pr-tags-in-registry")


def test_development_registry_below_the_production_registry_is_refused(world: World, marked: Watch) -> None:
    world.config["dev-registry"] = f"{world.config['registry'][0]}/dev"
    assert_refused(world.run(), world, marked, "config.yaml", "overlap")


def test_broken_docker_configuration_is_refused_before_the_build(world: World, marked: Watch) -> None:
    (world.folder / "config.json").write_text("{")
    world.environment["DOCKER_CONFIG"] = str(world.folder)
    # The programs that are only marks stand for an installed engine.
    assert_refused(world.run(), world, marked, str(world.folder / "config.json"), "fix it")

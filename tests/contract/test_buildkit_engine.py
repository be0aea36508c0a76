"""The image engine contracts, kept by the real BuildKit reached in each of its three ways."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.daemon import PrivateDaemon as PrivateBuildkitd
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.buildkit.host import BuildkitHost
from image_builder_adapters.buildkit.state import lock_script
from image_builder_contracts.dockerfile_engine import (
    CachingEngineContract,
    DockerfileEngineContract,
    DockerfileEngineFixtures,
    ManyPlatformsContract,
    RequestFactory,
)
from image_builder_contracts.image_engine import EngineFactory
from image_builder_contracts.image_engine_probe import Switch, attempt, built, manifest, reference, step
from image_builder_domain.build import BuildFailed, EngineMissing, EngineUnavailable, PushFailed
from image_builder_domain.ports import ImageEngine
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.trust.job import Side

from tests.buildkit import PrivateDaemon, SettingsFactory, daemons, engines
from tests.programs import require


class TestPrivateDaemon(PrivateDaemon, DockerfileEngineContract, CachingEngineContract, ManyPlatformsContract):
    """All clauses, with a ``buildkitd`` that the engine starts."""

    def test_localhost_by_name_is_reached_over_plain_http(self, engine: ImageEngine, ask: RequestFactory) -> None:
        request = ask("")
        named = reference(str(request.destinations[0]).replace("127.0.0.1", "localhost"))
        descriptor = built(engine, replace(request, destinations=(named,))).descriptor
        held = manifest(request.destinations[0])
        assert held is not None
        assert held[0] == str(descriptor.digest)

    def test_an_image_that_was_pushed_without_a_word_on_it_is_asked_for_by_its_digest(
        self, settings: SettingsFactory, tmp_path: Path, ask: RequestFactory
    ) -> None:
        """As where there is no room for the metadata file: nobody may say that nothing was published."""
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "buildctl").write_text(f'#!/bin/sh\nexec {require("buildctl")} "$@" --metadata-file /none/at/all\n')
        (tools / "buildctl").chmod(0o755)
        usual = settings("mute")
        environment = {**usual.environment, "PATH": f"{tools}:{usual.environment['PATH']}"}
        request = ask("")
        with engines(lambda _: replace(usual, environment=environment)) as make:
            outcome = attempt(make("mute"), request).outcome
        held = manifest(request.destinations[0])
        assert isinstance(outcome, PushFailed)
        assert held is not None
        assert held[0] == str(outcome.digest)
        assert "/none/at/" in outcome.reason


class TestBuildkitHost(PrivateDaemon, DockerfileEngineContract):
    """A daemon that is there already."""

    @pytest.fixture
    def make_engine(self, settings: SettingsFactory) -> Iterator[EngineFactory]:
        with ExitStack() as stack:

            def at_host(name: str) -> BuildkitSettings:
                private = settings(name)
                daemon = PrivateBuildkitd(
                    private.environment, private.state_directory, private.daemon_log, private.user
                )
                stack.callback(daemon.close)
                host = daemon.address(Switch()).unwrap()
                # No buildkitd on this PATH: the engine must not need one.
                return replace(
                    private, environment={**only_buildctl(Path(private.state_directory)), "BUILDKIT_HOST": host}
                )

            with engines(at_host) as make:
                yield make


class TestDaemonlessScript(PrivateDaemon, DockerfileEngineContract):
    """``buildctl-daemonless.sh`` of BuildKit itself."""

    @pytest.fixture
    def daemonless(self, settings: SettingsFactory, tmp_path: Path) -> SettingsFactory:
        """Makes settings with the script on ``PATH``, and its root below the test's own folder."""
        script = daemonless_script()
        tools = tmp_path / "tools"
        tools.mkdir()
        shutil.copy(script, tools / "buildctl-daemonless.sh")
        (tools / "buildctl-daemonless.sh").chmod(0o755)

        def one_build(name: str) -> BuildkitSettings:
            private = settings(name)
            environment = {
                **private.environment,
                "PATH": f"{tools}:{private.environment['PATH']}",
                "BUILDKITD_FLAGS": f"--root={private.state_directory} --oci-worker=true --containerd-worker=false",
            }
            return replace(private, environment=environment, single_build=True)

        return one_build

    @pytest.fixture
    def make_engine(self, daemonless: SettingsFactory) -> Iterator[EngineFactory]:
        with engines(daemonless) as make:
            yield make

    def test_production_does_not_read_what_unmerged_code_left_in_the_root(
        self, daemonless: SettingsFactory, ask: RequestFactory
    ) -> None:
        usual, mount = daemonless("kept"), "RUN --mount=type=cache,id=gocache,target=/cache "
        plant = step("echo planted > /cache/tool").replace("RUN ", mount)
        take = step("echo it is $(/bin/busybox cat /cache/tool || echo clean)").replace("RUN ", mount)

        def printed(side: Side, steps: str) -> str:
            with engines(lambda _: replace(usual, host=BuildkitHost(None, "", side))) as make:
                return attempt(make("kept"), ask(steps)).printed

        printed(Side.UNMERGED, plant)
        assert "it is planted" in printed(Side.UNMERGED, take)  # the root is kept
        assert "it is clean" in printed(Side.PRODUCTION, take)

    def test_where_no_step_can_have_a_process_namespace_the_script_is_told(
        self, settings: SettingsFactory, tmp_path: Path, ask: RequestFactory
    ) -> None:
        """As in a container: rootlesskit starts all the same, but nobody can mount /proc."""
        tools = tmp_path / "stand-ins"
        tools.mkdir()
        for name, script in (
            ("buildctl-daemonless.sh", 'echo "flags: $BUILDKITD_FLAGS"; echo "by: $ROOTLESSKIT"; exit 1'),
            ("rootlesskit", 'while [ "${1#-}" != "$1" ]; do shift; done; "$@"'),
            ("unshare", "exit 1"),
        ):
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        usual = settings("rootless")
        environment = {**usual.environment, "PATH": f"{tools}:{usual.environment['PATH']}"}
        ordinary = replace(usual, environment=environment, single_build=True, user=1000)
        with engines(lambda _: ordinary) as make:
            printed = attempt(make("rootless"), ask("")).printed
        assert "flags: --oci-worker-no-process-sandbox\n" in printed
        assert "--pidns" not in printed

    def test_a_build_beside_another_one_gets_a_private_daemon(
        self, make_engine: EngineFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        """The script has one socket and one root for all its daemons."""
        (tmp_path / "tools" / "buildctl-daemonless.sh").write_text("#!/bin/sh\nexit 9\n")
        with lock_script(os.geteuid()) as lock:
            assert lock is not None
            built(make_engine("beside"), ask(""))
        alone = attempt(make_engine("alone"), ask("")).outcome
        assert isinstance(alone, BuildFailed)
        assert alone.engine_code == 9


def only_buildctl(folder: Path) -> dict[str, str]:
    tools = folder / "only-buildctl"
    tools.mkdir(parents=True, exist_ok=True)
    (tools / "buildctl").unlink(missing_ok=True)
    (tools / "buildctl").symlink_to(require("buildctl"))
    return {"PATH": str(tools), "HOME": str(folder)}


def daemonless_script() -> str:
    """Upstream's script, which lies on PATH under another name."""
    return require("daemonless-script")


class TestHostThatIsAway(PrivateDaemon, DockerfileEngineFixtures):
    """``BUILDKIT_HOST`` without a BuildKit behind it."""

    @pytest.mark.parametrize("host", ["unix:///no/such/socket", "tcp://127.0.0.1:9"])
    def test_unreachable_host_is_told_at_once(self, host: str, settings: SettingsFactory, ask: RequestFactory) -> None:
        usual = settings("away")
        engine = BuildkitEngine(replace(usual, environment={**usual.environment, "BUILDKIT_HOST": host}))
        start = time.monotonic()
        failure = attempt(engine, ask("")).outcome
        assert time.monotonic() - start < 5
        assert isinstance(failure, EngineUnavailable)
        assert failure.where == host
        assert "BUILDKIT_HOST" in failure.remedy

    def test_bytes_that_are_no_utf8_are_refused_before_anything_starts(
        self, engine: ImageEngine, ask: RequestFactory
    ) -> None:
        request = replace(ask(""), arguments=(BuildArgument("ODD", "\udcff"),))
        failure = attempt(engine, request).outcome
        assert isinstance(failure, BuildFailed)
        assert "ODD" in failure.reason
        assert daemons() == []


class TestWithoutBuildkit:
    """What happens where BuildKit is not."""

    @pytest.mark.parametrize("present", [(), ("buildctl",), ("buildctl", "buildkitd")])
    def test_missing_program_is_named_and_nothing_is_started(self, present: tuple[str, ...], tmp_path: Path) -> None:
        for program in present:
            (tmp_path / program).write_text("#!/bin/sh\ntouch started\n")
            (tmp_path / program).chmod(0o755)
        engine = BuildkitEngine(
            BuildkitSettings({"PATH": str(tmp_path)}, str(tmp_path), "log", single_build=True, user=0)
        )
        missing = engine.check().failure()
        assert isinstance(missing, EngineMissing)
        assert missing.program == ("buildctl", "buildkitd", "runc")[len(present)]
        assert "BUILDKIT_HOST" in missing.remedy

    @pytest.mark.parametrize(
        ("host", "program"), [("docker-container://builder", "docker"), ("kube-pod://builder?namespace=ci", "kubectl")]
    )
    def test_program_that_leads_to_the_host_is_needed(self, host: str, program: str, tmp_path: Path) -> None:
        (tmp_path / "buildctl").write_text("#!/bin/sh\n")
        (tmp_path / "buildctl").chmod(0o755)
        environment = {"PATH": str(tmp_path), "BUILDKIT_HOST": host}
        engine = BuildkitEngine(BuildkitSettings(environment, str(tmp_path), "log", single_build=True, user=1000))
        assert engine.check().failure().program == program

    def test_ordinary_user_needs_rootlesskit_and_uidmap(self, tmp_path: Path) -> None:
        for program in ("buildctl", "buildkitd", "runc"):
            (tmp_path / program).write_text("#!/bin/sh\n")
            (tmp_path / program).chmod(0o755)
        engine = BuildkitEngine(
            BuildkitSettings({"PATH": str(tmp_path)}, str(tmp_path), "log", single_build=True, user=1000)
        )
        missing = engine.check().failure()
        assert missing.program == "rootlesskit, newuidmap, newgidmap"
        assert "install rootlesskit and uidmap" in missing.remedy

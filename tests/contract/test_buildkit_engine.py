"""The image engine contracts, with the real BuildKit and each of its three kinds of daemon."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.daemonless import lock_script
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.buildkit.host import BuildkitHost
from image_builder_contracts.dockerfile_engine import (
    CachingEngineContract,
    DockerfileEngineContract,
    DockerfileEngineFixtures,
    ManyPlatformsContract,
    RequestFactory,
)
from image_builder_contracts.image_engine import EngineFactory, attempt, built, manifest, repository, step
from image_builder_domain.build import BuildFailed, EngineUnavailable, PushFailed
from image_builder_domain.ports import ImageEngine
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.trust.side import Side

from tests.buildkit import PrivateDaemon, SettingsFactory, daemons, engines, running_daemon, with_tools
from tests.programs import install_script, require

MOUNT = "RUN --mount=type=cache,id=gocache,target=/cache "
SCRIPT = "buildctl-daemonless.sh"


class TestPrivateDaemon(PrivateDaemon, DockerfileEngineContract, CachingEngineContract, ManyPlatformsContract):
    """All clauses, with a ``buildkitd`` that the engine starts."""

    def test_localhost_by_name_is_reached_over_plain_http(self, engine: ImageEngine, ask: RequestFactory) -> None:
        request = ask("")
        named = repository(str(request.repositories[0]).replace("127.0.0.1", "localhost"))
        descriptor = built(engine, replace(request, repositories=(named,))).descriptor
        assert manifest(request.repositories[0], descriptor.digest) is not None

    def test_image_that_was_pushed_without_metadata_is_a_failed_push_with_its_digest(
        self, settings: SettingsFactory, tmp_path: Path, ask: RequestFactory
    ) -> None:
        """As on a full disk: the report must not say that nothing was published."""
        tools = tmp_path / "tools"
        install_script(tools, "buildctl", f'exec {require("buildctl")} "$@" --metadata-file /none/at/all')
        request = ask("")
        with engines(lambda name: with_tools(settings(name), tools)) as make:
            outcome = attempt(make("mute"), request).outcome
        assert isinstance(outcome, PushFailed)
        assert outcome.digest is not None
        assert manifest(request.repositories[0], outcome.digest) is not None
        assert "/none/at/" in outcome.reason


class TestBuildkitHost(PrivateDaemon, DockerfileEngineContract):
    """A running daemon, with only ``buildctl`` on ``PATH``."""

    @pytest.fixture
    def make_engine(self, settings: SettingsFactory, tmp_path: Path) -> Iterator[EngineFactory]:
        tools = tmp_path / "only-buildctl"
        tools.mkdir()
        (tools / "buildctl").symlink_to(require("buildctl"))
        with ExitStack() as stack:

            def at_host(name: str) -> BuildkitSettings:
                host = stack.enter_context(running_daemon(tmp_path / f"daemon-{name}"))
                environment = {"PATH": str(tools), "HOME": str(tools), "BUILDKIT_HOST": host}
                return replace(settings(name), environment=environment)

            yield stack.enter_context(engines(at_host))


class TestDaemonlessScript(PrivateDaemon, DockerfileEngineContract):
    """``buildctl-daemonless.sh`` of BuildKit itself."""

    @pytest.fixture
    def daemonless(self, settings: SettingsFactory, tmp_path: Path) -> SettingsFactory:
        """Makes settings with the script on ``PATH``, and its root below the test's own folder."""
        tools = tmp_path / "tools"
        tools.mkdir()
        # Upstream's script is on PATH under another name.
        shutil.copy(require("daemonless-script"), tools / SCRIPT)
        (tools / SCRIPT).chmod(0o755)

        def one_build(name: str) -> BuildkitSettings:
            usual = settings(name)
            flags = f"--root={usual.state_directory} --oci-worker=true --containerd-worker=false"
            return replace(with_tools(usual, tools, BUILDKITD_FLAGS=flags), single_build=True)

        return one_build

    @pytest.fixture
    def make_engine(self, daemonless: SettingsFactory) -> Iterator[EngineFactory]:
        with engines(daemonless) as make:
            yield make

    def test_production_does_not_read_what_unmerged_code_left_in_the_root(
        self, daemonless: SettingsFactory, ask: RequestFactory
    ) -> None:
        usual = daemonless("kept")
        plant = step("echo planted > /cache/tool").replace("RUN ", MOUNT)
        take = step("echo it is $(/bin/busybox cat /cache/tool || echo clean)").replace("RUN ", MOUNT)

        def printed(side: Side, steps: str) -> str:
            with engines(lambda _: replace(usual, host=BuildkitHost(None, "", side))) as make:
                return attempt(make("kept"), ask(steps)).printed

        printed(Side.UNMERGED, plant)
        assert "it is planted" in printed(Side.UNMERGED, take)  # the root is kept
        assert "it is clean" in printed(Side.PRODUCTION, take)

    def test_build_beside_another_one_gets_a_private_daemon(
        self, make_engine: EngineFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        """The script has one socket and one root for all its daemons."""
        install_script(tmp_path / "tools", SCRIPT, "exit 9")
        with lock_script(os.geteuid()) as lock:
            assert lock is not None
            built(make_engine("beside"), ask(""))
        alone = attempt(make_engine("alone"), ask("")).outcome
        assert isinstance(alone, BuildFailed)
        assert alone.engine_code == 9


class TestRefusals(PrivateDaemon, DockerfileEngineFixtures):
    """Builds that fail before a step runs."""

    @pytest.mark.parametrize("host", ["unix:///no/such/socket", "tcp://127.0.0.1:9"])
    def test_unreachable_host_fails_within_5_seconds(
        self, host: str, settings: SettingsFactory, ask: RequestFactory
    ) -> None:
        usual = settings("away")
        engine = BuildkitEngine(replace(usual, environment={**usual.environment, "BUILDKIT_HOST": host}))
        start = time.monotonic()
        failure = attempt(engine, ask("")).outcome
        assert time.monotonic() - start < 5
        assert isinstance(failure, EngineUnavailable)
        assert failure.where == host
        assert "BUILDKIT_HOST" in failure.remedy

    def test_bytes_that_are_not_utf_8_are_refused_before_anything_starts(
        self, engine: ImageEngine, ask: RequestFactory
    ) -> None:
        failure = attempt(engine, replace(ask(""), arguments=(BuildArgument("ODD", "\udcff"),))).outcome
        assert isinstance(failure, BuildFailed)
        assert "ODD" in failure.reason
        assert daemons() == []

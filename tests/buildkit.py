"""Fixtures and builders for tests with the real BuildKit, whose settings leave nothing behind."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.daemon import PrivateDaemon as Daemon
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.image_engine import EngineFactory

from tests.e2e.observation import descendants
from tests.oci_registry import start_registry
from tests.programs import require, require_buildkit

ONE_PUSH = RetryPolicy(attempts=1)
"""Push once: BuildKit's own attempts at a registry that does not answer take 7 s."""

SettingsFactory = Callable[[str], BuildkitSettings]


def minimal_environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment whose home and registry credentials are below ``folder``."""
    require_buildkit()
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "DOCKER_CONFIG": str(home), **more}


def with_tools(settings: BuildkitSettings, folder: Path, **more: str) -> BuildkitSettings:
    """The same with ``folder`` before all others on ``PATH``, and more variables."""
    path = {"PATH": f"{folder}:{settings.environment['PATH']}"}
    return replace(settings, environment={**settings.environment, **path, **more})


@contextmanager
def engines(settings: SettingsFactory) -> Iterator[EngineFactory]:
    """Makes engines, which are closed at the end."""
    with ExitStack() as stack:

        def make(name: str) -> BuildkitEngine:
            engine = BuildkitEngine(settings(name))
            stack.callback(engine.close)
            return engine

        yield make


@contextmanager
def running_daemon(folder: Path) -> Iterator[str]:
    """The address of a new BuildKit, for root and for an ordinary user."""
    folder.mkdir(exist_ok=True)
    daemon = Daemon(minimal_environment(folder), str(folder / "state"), str(folder / "buildkitd.log"), os.geteuid())
    try:
        yield daemon.address(ManualCancellation()).unwrap()
    finally:
        daemon.close()


class RealTools:
    """Fixtures that every engine contract needs: a real registry and a static busybox."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[str]:
        with start_registry(tmp_path / "registry") as running:
            yield running.host_port

    @pytest.fixture
    def busybox(self) -> str:
        return require("busybox")


class PrivateDaemon(RealTools):
    """Fixtures for the contracts: engines with private daemons."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> SettingsFactory:
        """Makes settings for a private daemon with a state folder of that name."""

        def make(name: str) -> BuildkitSettings:
            environment, log = minimal_environment(tmp_path), str(tmp_path / f"{name}.log")
            settings = BuildkitSettings(environment, str(tmp_path / name), log, single_build=False, user=os.geteuid())
            return replace(settings, push_policy=ONE_PUSH)

        return make

    @pytest.fixture
    def make_engine(self, settings: SettingsFactory) -> Iterator[EngineFactory]:
        with engines(settings) as make:
            yield make


def daemons() -> list[int]:
    """Process numbers of the private daemons below this process."""
    return [process for process in descendants(os.getpid()) if _name(process) == "buildkitd"]


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""

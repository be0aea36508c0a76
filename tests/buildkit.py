"""What tests with the real BuildKit share: a registry, settings that leave nothing behind, our daemons."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.daemon import PrivateDaemon as Daemon
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.image_engine import EngineFactory
from image_builder_contracts.image_engine_probe import wait_until

from tests.programs import require, require_buildkit

SettingsFactory = Callable[[str], BuildkitSettings]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_registry(folder: Path) -> Iterator[str]:
    """A real registry on loopback; gives ``host:port``."""
    address = f"127.0.0.1:{free_port()}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '{address}'}}\n"
    )
    command = [require("registry"), "serve", str(folder / "config.yml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: connects(address))
            yield address
        finally:
            process.terminate()


def connects(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def minimal_environment(tmp_path: Path, **more: str) -> dict[str, str]:
    require_buildkit()
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "DOCKER_CONFIG": str(folder), **more}


@contextmanager
def engines(settings: SettingsFactory) -> Iterator[EngineFactory]:
    with ExitStack() as stack:

        def make(name: str) -> BuildkitEngine:
            engine = BuildkitEngine(settings(name))
            stack.callback(engine.close)
            return engine

        yield make


@contextmanager
def running_daemon(folder: Path) -> Iterator[str]:
    """A BuildKit of this test's own, for root and for an ordinary user; gives its address."""
    folder.mkdir(exist_ok=True)
    daemon = Daemon(minimal_environment(folder), str(folder / "state"), str(folder / "buildkitd.log"), os.geteuid())
    try:
        yield daemon.address(ManualCancellation()).unwrap()
    finally:
        daemon.close()


class PrivateDaemon:
    """Fixtures for the contracts: engines with private daemons, all below the test's own folder."""

    @pytest.fixture
    def registry(self, tmp_path: Path) -> Iterator[str]:
        with running_registry(tmp_path) as address:
            yield address

    @pytest.fixture
    def busybox(self) -> str:
        return require("busybox")

    @pytest.fixture
    def settings(self, tmp_path: Path) -> SettingsFactory:
        """Makes settings for a private daemon with a state folder of that name."""

        def make(name: str) -> BuildkitSettings:
            environment, log = minimal_environment(tmp_path), str(tmp_path / f"{name}.log")
            return BuildkitSettings(environment, str(tmp_path / name), log, single_build=False, user=os.geteuid())

        return make

    @pytest.fixture
    def make_engine(self, settings: SettingsFactory) -> Iterator[EngineFactory]:
        with engines(settings) as make:
            yield make


def daemons() -> list[int]:
    """Private daemons of this process: children of ours, or of the wrapper that we started."""
    ours, found = os.getpid(), []
    parents = {int(entry.name): parent(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    for pid in parents:
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        ancestor = pid
        while ancestor not in (0, ours):
            ancestor = parents.get(ancestor, 0)
        if name == "buildkitd" and ancestor == ours:
            found.append(pid)
    return found


def parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0

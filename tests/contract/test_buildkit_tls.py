"""A remote BuildKit behind mutual TLS: ``BUILDKIT_HOST=tcp://…`` with ``BUILDKIT_TLS_DIR``."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from image_builder_adapters.buildkit.engine import BuildkitEngine
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine import attempt, built, step, wait_until
from image_builder_domain.build import EngineUnavailable
from image_builder_stand_ins.certificates import Authority, KeyPair

from tests.buildkit import PrivateDaemon, SettingsFactory
from tests.programs import require, require_root

EngineAt = Callable[[str, Path | None], BuildkitEngine]
"""An engine for this address with this ``BUILDKIT_TLS_DIR``."""


def write_pair(folder: Path, authority: Authority, pair: KeyPair) -> Path:
    """The files that ``buildctl --tlsdir`` reads."""
    folder.mkdir()
    for name, content in (("ca", authority.certificate), ("cert", pair.certificate), ("key", pair.private_key)):
        (folder / f"{name}.pem").write_bytes(content)
    return folder


def connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class TestMutualTls(PrivateDaemon, DockerfileEngineFixtures):
    @pytest.fixture
    def authority(self) -> Authority:
        return Authority.create()

    @pytest.fixture
    def engine_at(self, settings: SettingsFactory) -> EngineAt:
        def make(host: str, files: Path | None) -> BuildkitEngine:
            usual = settings("x")
            tls = {} if files is None else {"BUILDKIT_TLS_DIR": str(files)}
            return BuildkitEngine(replace(usual, environment={**usual.environment, "BUILDKIT_HOST": host, **tls}))

        return make

    @pytest.fixture
    def host(self, tmp_path: Path, authority: Authority, settings: SettingsFactory) -> Iterator[str]:
        require_root("the remote daemon of this test is root's")
        files = write_pair(tmp_path / "server", authority, authority.issue_server(("127.0.0.1",)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        command = (
            *(require("unshare"), "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
            *(require("buildkitd"), f"--root={tmp_path}/remote", f"--addr=tcp://127.0.0.1:{port}"),
            *("--containerd-worker=false", f"--tlscacert={files}/ca.pem"),
            *(f"--tlscert={files}/cert.pem", f"--tlskey={files}/key.pem"),
        )
        null, environment = subprocess.DEVNULL, settings("remote").environment
        with subprocess.Popen(command, env=environment, stdout=null, stderr=null) as daemon:
            try:
                wait_until(lambda: connects(port))
                yield f"tcp://127.0.0.1:{port}"
            finally:
                daemon.kill()

    def test_client_with_a_certificate_of_the_same_authority_builds(
        self, host: str, authority: Authority, engine_at: EngineAt, ask: RequestFactory, tmp_path: Path
    ) -> None:
        files = write_pair(tmp_path / "client", authority, authority.issue_client())
        built(engine_at(host, files), ask(step("true")))

    def test_client_of_another_authority_is_refused(
        self, host: str, engine_at: EngineAt, ask: RequestFactory, tmp_path: Path
    ) -> None:
        other = Authority.create()
        files = write_pair(tmp_path / "stranger", other, other.issue_client())
        failure = attempt(engine_at(host, files), ask("")).outcome
        assert isinstance(failure, EngineUnavailable)
        assert "certificate" in failure.reason
        assert "BUILDKIT_TLS_DIR" in failure.remedy

    def test_client_without_a_certificate_is_refused(self, host: str, engine_at: EngineAt, ask: RequestFactory) -> None:
        assert isinstance(attempt(engine_at(host, None), ask("")).outcome, EngineUnavailable)

    def test_folder_without_certificates_is_named(
        self, engine_at: EngineAt, ask: RequestFactory, tmp_path: Path
    ) -> None:
        assert "ca.pem" in str(attempt(engine_at("tcp://127.0.0.1:9", tmp_path), ask("")).outcome)

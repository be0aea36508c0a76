"""A remote BuildKit behind mutual TLS: ``BUILDKIT_HOST=tcp://…`` with ``BUILDKIT_TLS_DIR``."""

import datetime
import ipaddress
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from image_builder_adapters.buildkit.engine import BuildkitEngine, BuildkitSettings
from image_builder_contracts.dockerfile_engine import DockerfileEngineFixtures, RequestFactory
from image_builder_contracts.image_engine_probe import attempt, built, step, wait_until
from image_builder_domain.build import EngineUnavailable

from tests.buildkit import PrivateDaemon, SettingsFactory, connects, free_port
from tests.programs import require, require_root


class Authority:
    """Signs certificates for one test."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self._certificate = self._sign(
            self._name, self._key.public_key(), x509.BasicConstraints(ca=True, path_length=0)
        )

    def write(self, folder: Path) -> Path:
        """A key pair for 127.0.0.1 with the authority's certificate, named as ``buildctl --tlsdir`` wants them."""
        folder.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = self._sign(name, key.public_key(), address)
        (folder / "ca.pem").write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return folder

    def _sign(self, name: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )


class TestMutualTls(PrivateDaemon, DockerfileEngineFixtures):
    @pytest.fixture
    def authority(self) -> Authority:
        return Authority()

    @pytest.fixture
    def host(self, tmp_path: Path, authority: Authority, settings: SettingsFactory) -> Iterator[str]:
        require_root("the remote daemon of this test is root's")
        files, address = authority.write(tmp_path / "server"), f"127.0.0.1:{free_port()}"
        command = (
            *(require("unshare"), "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"),
            *(
                require("buildkitd"),
                f"--root={tmp_path}/remote",
                f"--addr=tcp://{address}",
                "--containerd-worker=false",
            ),
            *(f"--tlscacert={files}/ca.pem", f"--tlscert={files}/cert.pem", f"--tlskey={files}/key.pem"),
        )
        null = subprocess.DEVNULL
        environment = settings("remote").environment
        with ExitStack() as stack:
            daemon = stack.enter_context(subprocess.Popen(command, env=environment, stdout=null, stderr=null))
            stack.callback(daemon.kill)
            wait_until(lambda: connects(address))
            yield f"tcp://{address}"

    def settings_for(self, usual: BuildkitSettings, host: str, files: Path | None) -> BuildkitSettings:
        tls = {} if files is None else {"BUILDKIT_TLS_DIR": str(files)}
        return replace(usual, environment={**usual.environment, "BUILDKIT_HOST": host, **tls})

    def test_client_with_a_certificate_of_the_same_authority_builds(
        self, host: str, authority: Authority, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        files = authority.write(tmp_path / "client")
        built(BuildkitEngine(self.settings_for(settings("x"), host, files)), ask(step("true")))

    def test_client_of_another_authority_is_refused(
        self, host: str, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        files = Authority().write(tmp_path / "stranger")
        failure = attempt(BuildkitEngine(self.settings_for(settings("x"), host, files)), ask("")).outcome
        assert isinstance(failure, EngineUnavailable)
        assert "certificate" in failure.reason
        assert "BUILDKIT_TLS_DIR" in failure.remedy

    def test_client_without_a_certificate_is_refused(
        self, host: str, settings: SettingsFactory, ask: RequestFactory
    ) -> None:
        failure = attempt(BuildkitEngine(self.settings_for(settings("x"), host, None)), ask("")).outcome
        assert isinstance(failure, EngineUnavailable)

    def test_folder_that_holds_no_certificates_is_named(
        self, settings: SettingsFactory, ask: RequestFactory, tmp_path: Path
    ) -> None:
        engine = BuildkitEngine(self.settings_for(settings("x"), "tcp://127.0.0.1:9", tmp_path))
        failure = attempt(engine, ask("")).outcome
        assert "ca.pem" in str(failure)

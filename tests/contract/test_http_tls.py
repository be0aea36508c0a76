"""TLS of the HTTP client: trusted authorities, client certificates, and refusals."""

import ssl
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from image_builder_adapters.http.client import HttpAnswer, HttpClient, HttpFailure, HttpRequest, NoAnswer, NoAnswerKind
from image_builder_adapters.http.tls import (
    ClientCertificate,
    UnusableTlsMaterial,
    load_client,
    shared_trust,
    system_trust,
)
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_stand_ins.certificates import Authority, MutualTls, mutual_tls
from returns.methods import unwrap_or_failure
from returns.result import Failure

from tests.raw_server import answer, raw_server, says


@pytest.fixture(scope="module")
def ours() -> MutualTls:
    return mutual_tls()


@pytest.fixture(scope="module")
def certificate(ours: MutualTls) -> ClientCertificate:
    pair = ours.authority.issue_client()
    return ClientCertificate(pair.certificate, pair.private_key)


def client(ours: MutualTls, certificate: ClientCertificate) -> ssl.SSLContext:
    return load_client(ssl.create_default_context(cadata=ours.authority.certificate.decode()), certificate).unwrap()


def ask(server_tls: ssl.SSLContext, tls: ssl.SSLContext | None) -> HttpAnswer | HttpFailure:
    with raw_server(says(answer("200 OK")), server_tls) as server, closing(HttpClient(tls)) as client:
        request = HttpRequest("GET", f"https://{server.host}/")
        return unwrap_or_failure(client.send(request, ManualCancellation(), 100))


def test_client_with_a_certificate_of_the_authority_gets_in(ours: MutualTls, certificate: ClientCertificate) -> None:
    tls = client(ours, certificate)
    assert isinstance(ask(ours.server_context, tls), HttpAnswer)


def test_a_server_of_an_unknown_authority_is_a_certificate_problem(ours: MutualTls) -> None:
    found = ask(ours.server_context, None)
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.CERTIFICATE
    assert "certificate" in found.reason


def test_server_under_another_name_is_a_certificate_problem(ours: MutualTls, certificate: ClientCertificate) -> None:
    tls = client(ours, certificate)
    pair = ours.authority.issue_server(("somewhere.example",))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(server, pair.certificate, pair.private_key)
    found = ask(server, tls)
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.CERTIFICATE


def test_refused_client_certificate_is_a_certificate_problem(ours: MutualTls) -> None:
    stranger = Authority.create("Somebody else").issue_client()
    tls = client(ours, ClientCertificate(stranger.certificate, stranger.private_key))
    found = ask(ours.server_context, tls)
    assert isinstance(found, NoAnswer)
    assert found.kind is NoAnswerKind.CERTIFICATE


def test_ssl_cert_file_replaces_the_systems_authorities(
    ours: MutualTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ca.pem").write_bytes(ours.authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = ours.authority.issue_server()
    load(server, pair.certificate, pair.private_key)
    assert isinstance(ask(server, None), HttpAnswer)
    assert len(system_trust().unwrap().get_ca_certs()) == 1


def test_the_system_trust_is_shared_until_the_environment_names_another(
    ours: MutualTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shared_trust().unwrap()
    assert shared_trust().unwrap() is before
    (tmp_path / "ca.pem").write_bytes(ours.authority.certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert shared_trust().unwrap() is not before


def test_key_of_another_certificate_is_refused(ours: MutualTls, certificate: ClientCertificate) -> None:
    other = ClientCertificate(certificate.certificate_pem, ours.authority.issue_client().private_key)
    assert load_client(system_trust().unwrap(), other) == Failure(
        UnusableTlsMaterial("the private key does not belong to the certificate")
    )


def test_an_encrypted_key_is_refused_without_a_prompt(certificate: ClientCertificate) -> None:
    key = load_pem_private_key(certificate.private_key_pem, None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    found = unwrap_or_failure(
        load_client(system_trust().unwrap(), ClientCertificate(certificate.certificate_pem, locked))
    )
    assert isinstance(found, UnusableTlsMaterial)


def test_old_tls_is_not_spoken() -> None:
    assert system_trust().unwrap().minimum_version is ssl.TLSVersion.TLSv1_2


def test_repr_shows_no_key(certificate: ClientCertificate) -> None:
    assert repr(certificate) == "ClientCertificate()"


def load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(file.name)


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "SSL_CERT_FILE is '/nowhere/ca.pem', which is not a file"),
        ("SSL_CERT_FILE", __file__, "it holds no PEM certificate"),
        ("SSL_CERT_DIR", "/nowhere:/neither", "SSL_CERT_DIR is '/nowhere:/neither', which is not a folder"),
    ],
)
def test_authorities_that_cannot_be_loaded_are_an_error_and_needed_for_tls_only(
    monkeypatch: pytest.MonkeyPatch, ours: MutualTls, variable: str, value: str, word: str
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    found = ask(ours.server_context, None)
    assert isinstance(found, NoAnswer)
    assert (found.kind, word in found.reason) == (NoAnswerKind.CERTIFICATE, True)
    with raw_server(says(answer("200 OK"))) as server, closing(HttpClient()) as plain:
        assert unwrap_or_failure(plain.send(HttpRequest("GET", server.url), ManualCancellation(), 9)) == HttpAnswer(
            200, (("Content-Length", "0"), ("Connection", "close")), b""
        )


def test_a_folder_of_certificates_without_hashed_names_is_read(
    ours: MutualTls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "our-authority.crt").write_bytes(ours.authority.certificate)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere:{tmp_path}")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = ours.authority.issue_server()
    load(server, pair.certificate, pair.private_key)
    assert isinstance(ask(server, None), HttpAnswer)

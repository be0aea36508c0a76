"""Secret files are checked before the build, and no message quotes them."""

import base64
import json
import logging
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from image_builder_adapters.files import LARGEST_FILE
from image_builder_adapters.http.tls import ClientCertificate
from image_builder_adapters.notary.certificate import validity
from image_builder_adapters.notary.secret import Credential, Token, read_credential
from image_builder_adapters.notary.settings import SecretKind, SignerSecret
from image_builder_adapters.notary.signify import Signify
from image_builder_stand_ins.certificates import Authority, KeyPair
from returns.pipeline import is_successful
from returns.result import Result, Success

NOW = datetime.now(UTC)
SECRET_WORD = "hunter2hunter2"


def write(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def read(path: str, kind: SecretKind, now: datetime = NOW) -> Result[Credential, str]:
    return read_credential(SignerSecret(path, kind), now.timestamp)


def token_problem(path: str) -> str:
    return read(path, SecretKind.TOKEN).failure()


def mtls_problem(path: str, now: datetime = NOW) -> str:
    return read(path, SecretKind.MTLS, now).failure()


def mtls(**values: object) -> bytes:
    return json.dumps(values).encode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"abc", id="plain"),
        pytest.param(b"abc\n", id="newline"),
        pytest.param(b" \tabc\r\n\n", id="white-space-around"),
        pytest.param(b"\xef\xbb\xbfabc", id="byte-order-mark"),
    ],
)
def test_a_token_is_trimmed(content: bytes, tmp_path: Path) -> None:
    assert read(write(tmp_path, content), SecretKind.TOKEN) == Success(Token("abc"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \n", "empty", id="blank"),
        pytest.param(f"{SECRET_WORD}\n{SECRET_WORD}".encode(), "line break", id="newline-inside"),
        pytest.param(f"{SECRET_WORD}\r{SECRET_WORD}".encode(), "line break", id="carriage-return-inside"),
        pytest.param(f"{SECRET_WORD}é".encode(), "character", id="not-ascii"),
        pytest.param(f"{SECRET_WORD}\xff".encode("latin-1"), "UTF-8", id="not-utf-8"),
        pytest.param(b"a" * (LARGEST_FILE + 1), "1 MiB", id="too-large"),
    ],
)
def test_a_token_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    problem = token_problem(write(tmp_path, content))
    assert reason in problem
    assert SECRET_WORD not in problem


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    assert token_problem(str(tmp_path / "none")) == "does not exist"


def test_a_directory_is_not_a_secret(tmp_path: Path) -> None:
    assert token_problem(str(tmp_path)) == "is not a regular file"


def test_a_pipe_is_not_a_secret_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert token_problem(str(tmp_path / "pipe")) == "is not a regular file"


def test_a_link_to_a_secret_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(write(tmp_path, b"abc"))
    assert is_successful(read(str(link), SecretKind.TOKEN))


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_secret_that_others_can_read_is_warned_of(
    mode: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, SECRET_WORD.encode(), mode)
    with caplog.at_level(logging.WARNING):
        read(path, SecretKind.TOKEN)
    assert (path in caplog.text) is warned
    assert SECRET_WORD not in caplog.text


def signify(text: str) -> bytes:
    return f"endpoint: https://token.example/get\n{text}\n".encode()


PAYLOAD = '{"client_secret": "hunter2hunter2"}'


@pytest.mark.parametrize(
    ("content", "payload"),
    [
        pytest.param(signify(f"payload: '{PAYLOAD}'"), PAYLOAD, id="quoted"),
        pytest.param(signify(f"payload: |\n  {PAYLOAD}"), f"{PAYLOAD}\n", id="block"),
        pytest.param(signify(f"payload: |-\n  {PAYLOAD}").replace(b"\n", b"\r\n"), PAYLOAD, id="crlf"),
        pytest.param(b"\xef\xbb\xbf" + signify(f"payload: '{PAYLOAD}'"), PAYLOAD, id="byte-order-mark"),
        pytest.param(signify(f"payload: '{PAYLOAD}'\nowner: me"), PAYLOAD, id="keys-of-others"),
    ],
)
def test_a_signify_secret_keeps_its_payload_as_written(content: bytes, payload: str, tmp_path: Path) -> None:
    assert read(write(tmp_path, content), SecretKind.SIGNIFY) == Success(Signify("https://token.example/get", payload))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not valid YAML", id="empty"),
        pytest.param(SECRET_WORD.encode(), "'endpoint' is missing", id="no-mapping"),
        pytest.param(b"endpoint: [\n" + SECRET_WORD.encode(), "not valid YAML, see 3:1", id="broken"),
        pytest.param(signify(f"{SECRET_WORD}: 1\n{SECRET_WORD}: 2"), "not valid YAML, see 3:1", id="duplicate-key"),
        pytest.param(signify("payload:"), "'payload' is missing", id="payload-without-value"),
        pytest.param(
            signify(f"payload: {{client_secret: {SECRET_WORD}}}"), "'payload' is missing or not text", id="object"
        ),
        pytest.param(signify(f"payload: {SECRET_WORD}"), "'payload' is not JSON", id="no-json"),
        pytest.param(f"payload: '{PAYLOAD}'".encode(), "'endpoint' is missing", id="no-endpoint"),
        pytest.param(
            f"endpoint: http://{SECRET_WORD}.example\npayload: '{{}}'".encode(), "without encryption", id="in-the-clear"
        ),
        pytest.param(f"endpoint: {SECRET_WORD}\npayload: '{{}}'".encode(), "'endpoint' is not an http", id="no-url"),
    ],
)
def test_a_signify_secret_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    problem = read(write(tmp_path, content), SecretKind.SIGNIFY).failure()
    assert reason in problem
    assert SECRET_WORD not in problem


def test_the_texts_in_a_signify_payload_are_secrets_too() -> None:
    nested = json.dumps({"a": [{"password": SECRET_WORD}], "b": 1, "c": "short"})
    assert Signify("https://token.example", nested).secrets() == (nested, SECRET_WORD)
    assert SECRET_WORD not in repr(Signify("https://token.example", nested))


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create()


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    return authority.issue_client()


def test_a_client_certificate_is_read(pair: KeyPair, tmp_path: Path) -> None:
    assert read(write(tmp_path, pair.as_secret()), SecretKind.MTLS) == Success(
        ClientCertificate(pair.certificate, pair.private_key)
    )


def test_a_chain_with_text_around_it_is_read(authority: Authority, pair: KeyPair, tmp_path: Path) -> None:
    chain = b"subject: me\n" + pair.certificate + authority.certificate
    assert is_successful(read(write(tmp_path, KeyPair(chain, pair.private_key).as_secret()), SecretKind.MTLS))


CERTIFICATE_TEXT = encoded("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
KEY_TEXT = encoded("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(SECRET_WORD.encode(), "not JSON", id="no-json"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(mtls(certData=CERTIFICATE_TEXT), "'privateKeyData' is missing", id="no-key"),
        pytest.param(mtls(certData=7, privateKeyData=KEY_TEXT), "'certData' is missing", id="number"),
        pytest.param(mtls(certData=SECRET_WORD + "?", privateKeyData=KEY_TEXT), "not base64", id="no-base64"),
        pytest.param(
            mtls(certData=encoded(SECRET_WORD), privateKeyData=KEY_TEXT), "not contain a PEM block", id="no-pem"
        ),
        pytest.param(mtls(certData=KEY_TEXT, privateKeyData=KEY_TEXT), "'CERTIFICATE'", id="key-for-certificate"),
        pytest.param(mtls(certData=CERTIFICATE_TEXT, privateKeyData=KEY_TEXT), "cannot be loaded", id="empty-pem"),
    ],
)
def test_a_client_certificate_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    problem = mtls_problem(write(tmp_path, content))
    assert reason in problem
    assert SECRET_WORD not in problem


def test_a_key_of_another_certificate_is_refused(authority: Authority, pair: KeyPair, tmp_path: Path) -> None:
    other = authority.issue_client()
    path = write(tmp_path, KeyPair(pair.certificate, other.private_key).as_secret())
    assert mtls_problem(path) == "'certData' and 'privateKeyData': the private key does not belong to the certificate"


def test_an_encrypted_key_is_refused_without_a_prompt(pair: KeyPair, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem

    key = pem.load_pem_private_key(pair.private_key, None)
    encrypted = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"x"))
    path = write(tmp_path, KeyPair(pair.certificate, encrypted).as_secret())
    assert "unencrypted private key" in mtls_problem(path)


def test_a_certificate_out_of_its_time_is_refused(authority: Authority, tmp_path: Path) -> None:
    start = NOW.replace(microsecond=0)
    end = start + timedelta(days=1)
    path = write(tmp_path, authority.issue_client((start, end)).as_secret())
    assert "is not valid before" in mtls_problem(path, start - timedelta(seconds=1))
    assert f"expired on {end:%Y-%m-%d %H:%M:%S} UTC" in mtls_problem(path, end + timedelta(seconds=1))
    assert is_successful(read(path, SecretKind.MTLS, end))


@pytest.mark.parametrize("year", [1950, 1999, 2049, 2050, 9999])
def test_dates_of_every_century_are_read(year: int, authority: Authority) -> None:
    start, end = datetime(1950, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    der = ssl.PEM_cert_to_DER_cert(authority.issue_client((start, end)).certificate.decode())
    assert validity(der) == Success((start, end))


@pytest.mark.parametrize("kept", [0, 1, 2, 5, 40, 100])
def test_a_truncated_certificate_has_no_dates(kept: int, pair: KeyPair) -> None:
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.decode())
    assert not is_successful(validity(der[:kept]))


@pytest.mark.parametrize("kind", [SecretKind.TOKEN, SecretKind.SIGNIFY])
def test_a_client_certificate_under_another_type_is_named(kind: SecretKind, tmp_path: Path) -> None:
    reason = read(write(tmp_path, mtls(certData="", privateKeyData="")), kind).failure()
    assert reason == "holds a client certificate, which is a secret of type mtls; write 'type: mtls'"

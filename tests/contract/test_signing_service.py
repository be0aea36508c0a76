"""The stand-in signing service is as strict as it says, with both protocols, and as a command."""

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from image_builder_domain.image.reference import Digest
from image_builder_stand_ins.certificates import mutual_tls
from image_builder_stand_ins.fault import Answer, HangUp, Stall, busy, proxy_page
from image_builder_stand_ins.fixtures import (
    SecuredService,
    mtls_signing_service,
    signing_service,
    token_signing_service,
)
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.__main__ import main
from image_builder_stand_ins.signing_service.protocol import Protocol, SignedImage, parse_body

__all__ = ["mtls_signing_service", "signing_service", "token_signing_service"]

HEX = "0123456789abcdef" * 4
V1 = {"notaryGun": "reg.example/dev/demo", "sha256": HEX, "byteSize": 1187, "version": "v1"}
TARGET = {"name": "v1", "byteSize": 524, "digest": HEX}
COLLECTION = {"gun": "reg.example/dev/demo", "targets": [TARGET]}
JSON = {"Content-Type": "application/json"}


def v1(**changes: object) -> bytes:
    return json.dumps([{**V1, **changes}]).encode()


def v2(collection: object = None, target: object = None) -> bytes:
    chosen = collection or {**COLLECTION, "targets": [{**TARGET, **(target if isinstance(target, dict) else {})}]}
    return json.dumps({"trustedCollections": [chosen]}).encode()


def send(
    url: str,
    body: bytes,
    headers: dict[str, str] | None = None,
    method: str = "POST",
    path: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> tuple[int, str]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection = (
        http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        if tls is None
        else http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=tls)
    )
    try:
        connection.request(method, parts.path if path is None else path, body, JSON if headers is None else headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def without(entry: dict[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in entry.items() if key != name}


def wait_until(holds: Callable[[], bool]) -> None:
    """The service counts after the client has its answer, so the client may look too early."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.02)
    pytest.fail("it did not come true within 4 s")


def test_v1_keeps_what_it_was_told(signing_service: SigningService) -> None:
    assert send(signing_service.url, v1()) == (200, "")
    assert signing_service.received == (SignedImage("reg.example/dev/demo", "v1", Digest(f"sha256:{HEX}"), 1187),)


def test_the_control_port_shows_what_was_accepted(signing_service: SigningService) -> None:
    send(signing_service.url, v1())
    send(signing_service.url, b"nonsense")
    with urlopen(signing_service.control_url, timeout=10) as answer:
        shown = json.load(answer)
    image = {"gun": "reg.example/dev/demo", "tag": "v1", "digest": f"sha256:{HEX}", "size": 1187}
    assert shown == [{"protocol": "v1", "status": 200, "images": [image]}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"\xff", "not JSON", id="not-utf-8"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested-too-deep"),
        pytest.param(b"{}", "must be a list", id="object"),
        pytest.param(b"[]", "not empty", id="no-images"),
        pytest.param(b"[1]", "[0] must be an object", id="number-instead-of-image"),
        pytest.param(v1(more=1), "[0].more is unknown", id="unknown-key"),
        pytest.param(json.dumps([without(V1, "byteSize")]).encode(), "[0].byteSize is missing", id="missing-key"),
        pytest.param(v1().replace(b'"version"', b'"sha256":"","version"'), "twice", id="duplicate-key"),
        pytest.param(v1(notaryGun="reg.example/dev/demo:v1"), "[0].notaryGun is not a repository", id="gun-with-tag"),
        pytest.param(v1(notaryGun=7), "[0].notaryGun must be a string", id="gun-no-string"),
        pytest.param(v1(version=""), "[0].version is not a tag", id="empty-tag"),
        pytest.param(v1(version=None), "[0].version must be a string", id="tag-null"),
        pytest.param(v1(sha256=f"sha256:{HEX}"), "[0].sha256 must be 64", id="digest-with-prefix"),
        pytest.param(v1(sha256=HEX.upper()), "[0].sha256 must be 64", id="digest-upper-case"),
        pytest.param(v1(byteSize=0), "[0].byteSize must be", id="size-zero"),
        pytest.param(v1(byteSize=-1), "[0].byteSize must be", id="size-negative"),
        pytest.param(v1(byteSize=1.0), "[0].byteSize must be", id="size-fraction"),
        pytest.param(v1(byteSize=True), "[0].byteSize must be", id="size-boolean"),
        pytest.param(v1(byteSize="1187"), "[0].byteSize must be", id="size-text"),
    ],
)
def test_v1_refuses(body: bytes, reason: str, signing_service: SigningService) -> None:
    status, said = send(signing_service.url, body)
    assert (status, reason in said) == (400, True), said
    assert signing_service.received == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"[]", "body must be an object", id="list"),
        pytest.param(b'{"trustedCollections":[]}', "trustedCollections must be a list that is not empty", id="empty"),
        pytest.param(b'{"gunTargets":[]}', "body.trustedCollections is missing", id="name-of-a-former-draft"),
        pytest.param(v2({**COLLECTION, "more": 1}), "trustedCollections[0].more is unknown", id="unknown-key"),
        pytest.param(v2({**COLLECTION, "targets": []}), "trustedCollections[0].targets must be", id="no-targets"),
        pytest.param(v2({**COLLECTION, "gun": "alpine"}), "is not normalised", id="gun-not-normalised"),
        pytest.param(v2({**COLLECTION, "gun": "docker.io/library/alpine"}), "is not normalised", id="gun-alias"),
        pytest.param(v2(target={"more": 1}), "targets[0].more is unknown", id="unknown-key-in-target"),
        pytest.param(v2(target={"digest": f"sha256:{HEX}"}), "targets[0].digest must be 64", id="digest-with-prefix"),
        pytest.param(v2(target={"byteSize": "1"}), "targets[0].byteSize must be", id="size-text"),
        pytest.param(v2(target={"name": "-x"}), "targets[0].name is not a tag", id="bad-tag"),
    ],
)
def test_v2_refuses(body: bytes, reason: str) -> None:
    assert reason in parse_body(Protocol.V2, body).failure()


@pytest.mark.parametrize(
    ("method", "path", "headers", "reason"),
    [
        pytest.param("PUT", "/sign", JSON, "method", id="method"),
        pytest.param("GET", "/sign", JSON, "method", id="get"),
        pytest.param("POST", "/sign/", JSON, "path", id="path"),
        pytest.param("POST", "/sign?x=1", JSON, "path", id="query"),
        pytest.param("POST", "/sign", {}, "Content-Type", id="no-content-type"),
        pytest.param("POST", "/sign", {"Content-Type": "text/json"}, "Content-Type", id="content-type"),
        pytest.param("POST", "/sign", {**JSON, "Authorization": "Token x"}, "Authorization", id="needless-token"),
        pytest.param("POST", "/sign", {**JSON, "Content-Length": "x"}, "Content-Length", id="length-no-number"),
        pytest.param("POST", "/sign", {**JSON, "Content-Length": "99999999"}, "larger than", id="length-too-large"),
        pytest.param("POST", "/sign", {**JSON, "Transfer-Encoding": "gzip"}, "Transfer-Encoding", id="encoding"),
    ],
)
def test_a_request_must_be_right_in_every_part(
    method: str, path: str, headers: dict[str, str], reason: str, signing_service: SigningService
) -> None:
    status, said = send(signing_service.url, v1(), headers, method, path)
    assert (status, reason in said) == (400, True), said
    assert signing_service.received == ()


@pytest.mark.parametrize("header", [None, "Token wrong", "Bearer a-token-for-tests", "Token a-token-for-tests x"])
def test_a_wrong_token_is_refused(header: str | None, token_signing_service: SecuredService) -> None:
    headers = JSON if header is None else {**JSON, "Authorization": header}
    assert send(token_signing_service.service.url, v1(), headers)[0] == 401
    assert token_signing_service.service.received == ()


def test_the_right_token_is_let_in(token_signing_service: SecuredService) -> None:
    token = token_signing_service.secret.read_text().strip()
    headers = {**JSON, "Authorization": f"Token {token}"}
    assert send(token_signing_service.service.url, v1(), headers) == (200, "")


def client_context(ca: Path | None, secret: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if secret is not None:
        context.load_cert_chain(secret)
    return context


def test_v2_accepts_its_own_clients(mtls_signing_service: SecuredService, tmp_path: Path) -> None:
    values = json.loads(mtls_signing_service.secret.read_text())
    pem = tmp_path / "client.pem"
    pem.write_bytes(b"".join(base64.b64decode(values[name]) for name in ("certData", "privateKeyData")))
    context = client_context(mtls_signing_service.ca, pem)
    assert send(mtls_signing_service.service.url, v2(), tls=context) == (202, "")
    assert mtls_signing_service.service.received[0].size == 524


def test_v2_refuses_a_client_without_a_certificate(mtls_signing_service: SecuredService) -> None:
    context = client_context(mtls_signing_service.ca, None)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        send(mtls_signing_service.service.url, v2(), tls=context)
    wait_until(lambda: mtls_signing_service.service.refused_connections == 1)
    assert mtls_signing_service.service.requests == ()


def test_v2_refuses_a_client_of_another_authority(mtls_signing_service: SecuredService, tmp_path: Path) -> None:
    stranger = mutual_tls().authority.issue_client()
    pem = tmp_path / "stranger.pem"
    pem.write_bytes(stranger.certificate + stranger.private_key)
    context = client_context(mtls_signing_service.ca, pem)
    with pytest.raises(ssl.SSLError, match="UNKNOWN_CA"):
        send(mtls_signing_service.service.url, v2(), tls=context)
    wait_until(lambda: mtls_signing_service.service.refused_connections == 1)
    assert mtls_signing_service.service.requests == ()


def test_v2_speaks_tls_1_2_at_least() -> None:
    assert mutual_tls().server_context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_faults_come_in_order_then_work_goes_on(signing_service: SigningService) -> None:
    signing_service.fail_next(Answer(500, "broken"), proxy_page(), busy(3), HangUp())
    assert send(signing_service.url, v1()) == (500, "broken")
    assert send(signing_service.url, v1())[1].startswith("<!doctype html>")
    assert send(signing_service.url, v1()) == (503, "busy")
    with pytest.raises(http.client.RemoteDisconnected):
        send(signing_service.url, v1())
    assert send(signing_service.url, v1()) == (200, "")
    assert [request.status for request in signing_service.requests] == [500, 200, 503, None, 200]
    assert len(signing_service.received) == 1


def test_a_stalled_service_answers_late(signing_service: SigningService) -> None:
    signing_service.fail_next(Stall(0.3))
    start = time.monotonic()
    assert send(signing_service.url, v1()) == (200, "")
    assert time.monotonic() - start >= 0.3


def test_stopping_the_service_ends_a_stall() -> None:
    with SigningService.start() as service:
        service.fail_next(Stall(60))
        client = threading.Thread(target=send, args=(service.url, v1()))
        client.start()
        time.sleep(0.2)
        start = time.monotonic()
    client.join()
    assert time.monotonic() - start < 5


@pytest.fixture(params=["v1", "v2"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    arguments = ["--protocol", str(request.param), "--folder", str(tmp_path / "signing")]
    process = subprocess.Popen(
        [sys.executable, "-m", "image_builder_stand_ins.signing_service", *arguments], stdout=subprocess.DEVNULL
    )
    ready = tmp_path / "signing" / "ready.json"
    try:
        for _ in range(200):
            if ready.exists():
                break
            time.sleep(0.05)
        yield process, ready
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_when_told(command: tuple["subprocess.Popen[bytes]", Path], number: signal.Signals) -> None:
    process, ready = command
    facts = json.loads(ready.read_text())
    assert os.stat(facts["secret"]).st_mode & 0o077 == 0
    with urlopen(facts["control_url"], timeout=10) as answer:
        assert json.load(answer) == []
    process.send_signal(number)
    assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("address", ["0.0.0.0:0", "example.org:80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"])
def test_the_command_listens_on_loopback_only(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--listen", address])
    assert "--listen" in capsys.readouterr().err


def test_the_command_says_when_it_cannot_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "token"
    empty.write_text("\n")
    assert main(["--folder", str(tmp_path / "signing"), "--token-file", str(empty)]) == 2
    assert str(empty) in capsys.readouterr().err

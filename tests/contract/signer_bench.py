"""Notary signers in front of the stand-in service, one for each way to authenticate."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from image_builder_adapters.notary import NotarySigner
from image_builder_contracts.servers.signing_command import signify_secret
from image_builder_contracts.servers.signing_fault import Answer, HangUp, busy
from image_builder_contracts.servers.signing_protocol import Protocol
from image_builder_contracts.servers.signing_service import SigningService
from image_builder_contracts.servers.signing_state import ServiceOptions
from image_builder_contracts.servers.tls import mutual_tls
from image_builder_contracts.signer import SignerBench
from image_builder_domain.ports import Signer
from image_builder_domain.signer_settings import NotarySettings, SecretKind, SignerSecret

TOKEN = "correct-horse-battery"
PAYLOAD = '{"client": "image-builder", "client_secret": "a-password-for-tests"}'


def secret_file(folder: Path, content: bytes) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def bench(service: SigningService, signer: Signer, *, signs_config: bool) -> SignerBench:
    return SignerBench(
        signer,
        bodies=lambda: [request.body for request in service.requests],
        accepted=lambda: [(image.digest, image.size) for image in service.received],
        refuse=lambda reason: service.fail_next(Answer(400, reason)),
        be_busy=lambda seconds: service.fail_next(Answer(503, "busy") if seconds is None else busy(seconds)),
        hang_up=lambda: service.fail_next(HangUp()),
        signs_config=signs_config,
    )


@contextlib.contextmanager
def v1_without_secret(_: Path) -> Iterator[SignerBench]:
    with SigningService.start() as service:
        yield bench(service, NotarySigner("notary", NotarySettings(service.url)), signs_config=True)


@contextlib.contextmanager
def v1_with_token(folder: Path) -> Iterator[SignerBench]:
    secret = SignerSecret(secret_file(folder, f"{TOKEN}\n".encode()), SecretKind.TOKEN)
    with SigningService.start(ServiceOptions(token=TOKEN)) as service:
        signer = NotarySigner("notary", NotarySettings(service.url, secret=secret))
        yield replace(bench(service, signer, signs_config=True), secret=TOKEN, echo=TOKEN)


@contextlib.contextmanager
def v1_with_signify(folder: Path) -> Iterator[SignerBench]:
    with SigningService.start(ServiceOptions(token=TOKEN, payload=PAYLOAD)) as service:
        secret = SignerSecret(secret_file(folder, signify_secret(service.token_url, PAYLOAD)), SecretKind.SIGNIFY)
        signer = NotarySigner("notary", NotarySettings(service.url, secret=secret))
        yield replace(bench(service, signer, signs_config=True), secret=TOKEN, echo=TOKEN)


@contextlib.contextmanager
def v2_with_client_certificate(folder: Path) -> Iterator[SignerBench]:
    tls = mutual_tls()
    ca = folder / "ca.pem"
    ca.write_bytes(tls.authority.certificate)
    pair = tls.authority.issue_client()
    secret = SignerSecret(secret_file(folder, pair.as_secret()), SecretKind.MTLS)
    with SigningService.start(ServiceOptions(Protocol.V2, tls=tls.server_context)) as service:
        signer = NotarySigner("notary", NotarySettings(service.url, secret=secret), ca_file=str(ca))
        key_line = pair.private_key.decode().splitlines()[1]
        yield replace(bench(service, signer, signs_config=False), secret=key_line)

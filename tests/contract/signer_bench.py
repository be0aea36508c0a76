"""Notary signers in front of the stand-in service, one for each way to authenticate; a cosign signer and a registry."""

import contextlib
import shutil
import ssl
from collections.abc import Iterator
from pathlib import Path

from image_builder_adapters.cosign.settings import CosignSettings
from image_builder_adapters.cosign.signer import CosignSigner
from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_adapters.notary.signer import NotarySigner
from image_builder_contracts.signer import ServiceBench, SignerBench
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Signer
from image_builder_domain.signing import ImageToSign
from image_builder_stand_ins.certificates import mutual_tls
from image_builder_stand_ins.fault import Answer, HangUp, busy
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.__main__ import signify_secret
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests.cosign import PASSWORD, environment, key_pair, signed_subjects
from tests.oci_registry import push_image, start_registry

TOKEN = "correct-horse-battery"
PAYLOAD = '{"client": "image-builder", "client_secret": "a-password-for-tests"}'


def secret_file(folder: Path, content: bytes) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


def bench(
    service: SigningService, signer: Signer, *, signs_config: bool, secret: str | None = None, echo: str = ""
) -> ServiceBench:
    own = SignerBench(
        signer,
        reached=lambda: len(service.requests) + len(service.token_requests),
        accepted=lambda: [(image.digest, image.size) for image in service.received],
        spoil=lambda: service.fail_next(*[Answer(403, f"not for {echo}")] * 9),
        secret=secret,
        signs_config=signs_config,
    )
    return ServiceBench(
        own,
        bodies=lambda: [request.body for request in service.requests],
        refuse=lambda reason: service.fail_next(Answer(400, reason)),
        be_busy=lambda seconds: service.fail_next(Answer(503, "busy") if seconds is None else busy(seconds)),
        hang_up=lambda: service.fail_next(HangUp()),
        echo=echo,
    )


@contextlib.contextmanager
def v1_without_secret(_: Path) -> Iterator[ServiceBench]:
    with SigningService.start() as service:
        yield bench(service, NotarySigner("notary", NotarySettings(service.url)), signs_config=True)


@contextlib.contextmanager
def v1_with_token(folder: Path) -> Iterator[ServiceBench]:
    secret = SignerSecret(secret_file(folder, f"{TOKEN}\n".encode()), SecretKind.TOKEN)
    with SigningService.start(ServiceOptions(token=TOKEN)) as service:
        signer = NotarySigner("notary", NotarySettings(service.url, secret=secret))
        yield bench(service, signer, signs_config=True, secret=TOKEN, echo=TOKEN)


@contextlib.contextmanager
def v1_with_signify(folder: Path) -> Iterator[ServiceBench]:
    with SigningService.start(ServiceOptions(token=TOKEN, payload=PAYLOAD)) as service:
        secret = SignerSecret(secret_file(folder, signify_secret(service.token_url, PAYLOAD)), SecretKind.SIGNIFY)
        signer = NotarySigner("notary", NotarySettings(service.url, secret=secret))
        yield bench(service, signer, signs_config=True, secret=TOKEN, echo=TOKEN)


@contextlib.contextmanager
def v2_with_client_certificate(folder: Path) -> Iterator[ServiceBench]:
    tls = mutual_tls()
    ca = folder / "ca.pem"
    ca.write_bytes(tls.authority.certificate)
    pair = tls.authority.issue_client()
    secret = SignerSecret(secret_file(folder, pair.as_secret()), SecretKind.MTLS)
    with SigningService.start(ServiceOptions(Protocol.V2, tls=tls.server_context)) as service:
        signer = NotarySigner(
            "notary", NotarySettings(service.url, secret=secret), trust=lambda: ssl.create_default_context(cafile=ca)
        )
        key_line = pair.private_key.decode().splitlines()[1]
        yield bench(service, signer, signs_config=False, secret=key_line)


@contextlib.contextmanager
def cosign_with_key(folder: Path) -> Iterator[SignerBench]:
    (folder / "keys").mkdir()
    keys = key_pair(folder / "keys")
    with start_registry(folder / "registry") as registry:
        images = tuple(_pushed(registry.host_port, name, tag) for name, tag in NAMES)
        settings = CosignSettings(key=keys.private, public_key=keys.public, transparency_log=False)
        before = _requests(folder)
        yield SignerBench(
            CosignSigner("cosign", settings, environment(folder)),
            reached=lambda: _requests(folder) - before,
            accepted=lambda: _signed(registry.host_port, images),
            spoil=lambda: shutil.rmtree(folder / "registry" / "data"),
            images=images,
            secret=PASSWORD,
            once_per_digest=True,
        )


NAMES = (("dev/zebra", "v1"), ("dev/ant", "v1"), ("dev/ant", "latest"))


def _pushed(host_port: str, repository: str, tag: str) -> ImageToSign:
    pushed = push_image(host_port, repository, tag, marker=repository)
    reference = ImageReference.parse(f"{host_port}/{repository}:{tag}").unwrap()
    return ImageToSign(reference, pushed.descriptor, pushed.config)


def _requests(folder: Path) -> int:
    """How many requests the registry has written down."""
    return (folder / "registry" / "registry.log").read_text(errors="replace").count("response completed")


def _signed(host_port: str, images: tuple[ImageToSign, ...]) -> list[tuple[Digest, int]]:
    found = dict.fromkeys((image.reference.repository.path, image.descriptor.digest) for image in images)
    subjects = [one for path, digest in found for one in signed_subjects(host_port, path, digest)]
    return [(one.digest, one.size) for one in subjects]

"""Pytest fixtures for the stand-in servers. Not loaded by itself: import the fixtures you want, or say
``pytest_plugins = ["image_builder_stand_ins.fixtures"]`` in your top-level ``conftest.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest

from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.certificates import mutual_tls
from image_builder_stand_ins.identity_issuer import IdentityIssuer
from image_builder_stand_ins.registry import Registry
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions


@final
@dataclass(frozen=True, slots=True)
class SecuredService:
    """A service that asks who you are. ``secret`` is the secret file; ``ca`` (mutual TLS only) whom to trust."""

    service: SigningService
    secret: Path
    ca: Path | None = None


@pytest.fixture
def signing_service() -> Iterator[SigningService]:
    """Protocol v1, open to everybody."""
    with SigningService.start() as service:
        yield service


@pytest.fixture
def token_signing_service(tmp_path: Path) -> Iterator[SecuredService]:
    """Protocol v1 with a token."""
    secret = _write(tmp_path / "signing-token", b"a-token-for-tests\n")
    with SigningService.start(ServiceOptions(token="a-token-for-tests")) as service:
        yield SecuredService(service, secret)


@pytest.fixture
def mtls_signing_service(tmp_path: Path) -> Iterator[SecuredService]:
    """Protocol v2 with mutual TLS."""
    tls = mutual_tls()
    secret = _write(tmp_path / "signing-client.json", tls.authority.issue_client().as_secret())
    ca = _write(tmp_path / "signing-ca.pem", tls.authority.certificate)
    with SigningService.start(ServiceOptions(Protocol.V2, tls=tls.server_context)) as service:
        yield SecuredService(service, secret, ca)


@pytest.fixture
def identity_issuer() -> Iterator[IdentityIssuer]:
    """An issuer with one key; ``authority`` is the one that clients must trust."""
    with IdentityIssuer.start() as issuer:
        yield issuer


@pytest.fixture
def stand_in_registry() -> Iterator[Registry]:
    """An empty registry, open to everybody."""
    with Registry.start() as registry:
        yield registry


@pytest.fixture
def azure_devops() -> Iterator[AzureDevOps]:
    """An organization with one project and no pipeline yet."""
    with AzureDevOps.start() as service:
        yield service


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path

"""TLS contexts: the system's trust, an extra authority, and client certificates that never touch the disk.

TLS 1.2 or newer; names and chains are always verified (RFC 9525, RFC 5280).
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import final

from returns.result import Failure, Result, Success


@final
@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate (chain) and its private key, both PEM; the key stays out of ``repr``."""

    certificate_pem: bytes = field(repr=False)
    private_key_pem: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class UnusableTlsMaterial:
    """Certificates or a key that OpenSSL does not take. Never holds their content."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def system_trust() -> ssl.SSLContext:
    """The system's authorities; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace them, as OpenSSL itself has it.

    A Python that knows no system store (neither file nor folder is there) uses the bundle that comes with httpx.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    replaced = os.environ.get(paths.openssl_cafile_env) or os.environ.get(paths.openssl_capath_env)
    if paths.cafile is None and paths.capath is None and not replaced:
        import certifi

        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_context(
    extra_authorities_pem: bytes | None = None, client: ClientCertificate | None = None
) -> Result[ssl.SSLContext, UnusableTlsMaterial]:
    """:func:`system_trust`, with more authorities and a client certificate when given."""
    context = system_trust()
    try:
        if extra_authorities_pem is not None:
            context.load_verify_locations(cadata=extra_authorities_pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return Failure(UnusableTlsMaterial("the extra authorities are no PEM certificates"))
    try:
        if client is not None:
            _load_client(context, client)
    except (ssl.SSLError, ValueError):
        reason = "the client certificate and its key are no unencrypted PEM, or do not belong together"
        return Failure(UnusableTlsMaterial(reason))
    return Success(context)


def _load_client(context: ssl.SSLContext, client: ClientCertificate) -> None:
    with _in_memory(client.certificate_pem) as certificate, _in_memory(client.private_key_pem) as key:
        # Without a password OpenSSL would ask on the terminal for an encrypted key's.
        context.load_cert_chain(certificate, key, password="")


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A path to an anonymous file in memory: OpenSSL takes a client's key by path only."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

"""TLS contexts: the system's trust, and client certificates that never touch the disk.

TLS 1.2 or newer; names and chains are always verified (RFC 9525, RFC 5280).
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
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


def shared_trust() -> ssl.SSLContext:
    """The same :func:`system_trust` for all who add nothing to it: reading the authorities takes 20 ms."""
    return _shared(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _shared(*_: str | None) -> ssl.SSLContext:
    return system_trust()


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


def load_client(context: ssl.SSLContext, client: ClientCertificate) -> Result[ssl.SSLContext, UnusableTlsMaterial]:
    """Give ``context`` the certificate that it shows to servers."""
    try:
        with _in_memory(client.certificate_pem) as certificate, _in_memory(client.private_key_pem) as key:
            # Without a password OpenSSL would ask on the terminal for an encrypted key's.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            return Failure(UnusableTlsMaterial("the private key is not the certificate's"))
        return Failure(UnusableTlsMaterial("they cannot be loaded as certificate and unencrypted private key"))
    return Success(context)


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

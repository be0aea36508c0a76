"""TLS contexts: the system's certificate authorities, and client certificates that are never written to disk.

TLS 1.2 or newer. Host names and certificate chains are always verified (RFC 9525, RFC 5280).
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
    """A client certificate (or chain) and its private key, both PEM; neither is in ``repr``."""

    certificate_pem: bytes = field(repr=False)
    private_key_pem: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class UnusableTlsMaterial:
    """A certificate or key that OpenSSL refuses. ``reason`` does not quote either."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def shared_trust() -> ssl.SSLContext:
    """A shared :func:`system_trust`, not to be changed: reading the authorities takes 20 ms."""
    return _shared(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _shared(*_: str | None) -> ssl.SSLContext:
    return system_trust()


def system_trust() -> ssl.SSLContext:
    """A context with the system's authorities; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace them, as in OpenSSL.

    If Python finds no system store (neither the file nor the folder exists), httpx's bundle ``certifi`` is used.
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
    """Add to ``context`` the certificate that it presents to servers."""
    try:
        with _in_memory(client.certificate_pem) as certificate, _in_memory(client.private_key_pem) as key:
            # Without a password argument OpenSSL would ask on the terminal for an encrypted key's password.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            return Failure(UnusableTlsMaterial("the private key does not belong to the certificate"))
        return Failure(UnusableTlsMaterial("cannot be loaded as a certificate and an unencrypted private key"))
    return Success(context)


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """The path of an anonymous file in memory: OpenSSL loads a client's key from a path only."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

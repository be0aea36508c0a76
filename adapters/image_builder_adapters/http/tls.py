"""TLS contexts: the system's certificate authorities, and client certificates that are never written to disk.

TLS 1.2 or newer. Host names and certificate chains are always verified (RFC 9525, RFC 5280).
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, final

from returns.result import Failure, Result, Success

FILE_VARIABLE: Final = "SSL_CERT_FILE"
FOLDER_VARIABLE: Final = "SSL_CERT_DIR"
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")


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


def shared_trust() -> Result[ssl.SSLContext, UnusableTlsMaterial]:
    """A shared :func:`system_trust`, not to be changed: reading the authorities takes 20 ms."""
    return _shared(*map(os.environ.get, (FILE_VARIABLE, FOLDER_VARIABLE)))


@cache
def _shared(*_: str | None) -> Result[ssl.SSLContext, UnusableTlsMaterial]:
    return system_trust()


def system_trust() -> Result[ssl.SSLContext, UnusableTlsMaterial]:
    """A context with the system's authorities; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace them, as in OpenSSL.

    A file that cannot be loaded is a failure. Of the folders (separated by colons) at least one must exist, unless
    there is a file, too; they may hold files without OpenSSL's hashed names, as for Go. If Python finds no system
    store (neither the file nor the folder exists), httpx's bundle ``certifi`` is used.
    """
    file, folders = os.environ.get(FILE_VARIABLE, ""), os.environ.get(FOLDER_VARIABLE, "")
    if file and not os.path.isfile(file):
        return Failure(UnusableTlsMaterial(f"{FILE_VARIABLE} is {file!r}, which is not a file"))
    if folders and not file and not any(map(os.path.isdir, folders.split(":"))):
        return Failure(UnusableTlsMaterial(f"{FOLDER_VARIABLE} is {folders!r}, which is not a folder"))
    paths = ssl.get_default_verify_paths()
    try:
        context = (
            ssl.create_default_context(cafile=file, capath=folders or paths.capath)
            if file
            else ssl.create_default_context()
        )
        for path in _plain_certificates(folders):
            context.load_verify_locations(path)
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no PEM certificate"
        return Failure(UnusableTlsMaterial(f"{FILE_VARIABLE} is {file!r}, which cannot be loaded: {reason}"))
    if paths.cafile is None and paths.capath is None and not file and not folders:
        import certifi

        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return Success(context)


def no_trust() -> ssl.SSLContext:
    """A context that trusts nobody, for requests without TLS: it reads no authorities."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _plain_certificates(folders: str) -> Iterator[str]:
    """The certificates in folders that OpenSSL would not find, because nobody ran ``c_rehash``."""
    for folder in filter(os.path.isdir, filter(None, folders.split(":"))):
        names = sorted(os.listdir(folder))
        if not any(_HASHED.fullmatch(name) for name in names):
            yield from (os.path.join(folder, name) for name in names if name.endswith((".pem", ".crt", ".cer")))


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

"""Mutual TLS for stand-in servers."""

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

from image_builder_stand_ins.certificates import Authority


@final
@dataclass(frozen=True, slots=True)
class MutualTls:
    """An authority, and a server context that only lets in clients with a certificate of that authority."""

    authority: Authority
    server_context: ssl.SSLContext


def mutual_tls() -> MutualTls:
    """Make a new authority and a server context for loopback, TLS 1.2 or newer."""
    authority = Authority.create()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.certificate.decode())
    pair = authority.issue_server()
    with tempfile.NamedTemporaryFile(prefix="signing-", suffix=".pem") as file:
        Path(file.name).write_bytes(pair.certificate + pair.private_key)
        context.load_cert_chain(file.name)
    return MutualTls(authority, context)

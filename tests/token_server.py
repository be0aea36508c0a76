"""A token service as registries name it in their challenge: it checks the user, and signs what the registry trusts."""

import base64
import datetime
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

SERVICE, ISSUER = "test-registry", "test-issuer"


@dataclass
class TokenServer:
    """Grants what is asked for to ``user:password``, and to a refresh token when one is set.

    ``life_seconds`` is what it says of its tokens; the registry takes them for a minute. Nobody may push to the
    repositories in ``read_only``, or use those in ``hidden``.
    """

    user: str
    password: str
    folder: Path
    refresh_token: str | None = None
    life_seconds: int = 60
    read_only: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    origin: str = "http://localhost"
    _key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    @property
    def realm(self) -> str:
        """The URL that the registry names."""
        return f"{self.origin}:{self.port}/token"

    def auth_section(self) -> dict[str, object]:
        """The registry's configuration that trusts this service."""
        bundle = self.folder / "token-root.pem"
        bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        section = {"realm": self.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)}
        return {"token": section}

    def token(self, *scopes: str) -> str:
        """A signed token for each ``repository:path:actions``."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": self.user,
            "aud": SERVICE,
            "exp": now + 60,
            "nbf": now - 10,
            "iat": now,
            "jti": "1",
            "access": [self._granted(*scope.split(":")) for scope in scopes],
        }
        chain = [base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()]
        signed = f"{_part({'typ': 'JWT', 'alg': 'RS256', 'x5c': chain})}.{_part(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def _granted(self, kind: str, name: str, actions: str) -> dict[str, object]:
        allowed = () if name in self.hidden else ("pull",) if name in self.read_only else ("pull", "push", "delete")
        wanted = [action for action in actions.split(",") if action in allowed]
        return {"type": kind, "name": name, "actions": wanted}

    @cached_property
    def _certificate(self) -> x509.Certificate:
        """One certificate for bundle and tokens: of two with the same key a registry trusts neither chain."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "token")])
        now = datetime.datetime.now(datetime.UTC)
        serial = int.from_bytes(hashlib.sha256(str(self.port).encode()).digest()[:8], "big")
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(serial)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def grant(self, authorization: str, method: str, query: str, form: str) -> str | None:
        """The token, None when the asker is not known."""
        self.requests.append(f"{method} {query}")
        if method == "POST":
            fields = parse_qs(form)
            known = self.refresh_token is not None and fields.get("refresh_token") == [self.refresh_token]
            return self.token(*fields["scope"][0].split()) if known else None
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return self.token(*parse_qs(query)["scope"]) if authorization == f"Basic {pair}" else None


def _part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@contextmanager
def token_server(
    folder: Path,
    user: str,
    password: str,
    refresh_token: str | None = None,
    life_seconds: int = 60,
    secure: tuple[str, ssl.SSLContext] | None = None,
) -> Iterator[TokenServer]:
    """Serve on loopback until the block ends, over TLS with ``secure``, which is a host name and a context."""
    state = TokenServer(user, password, folder, refresh_token, life_seconds)
    if secure is not None:
        state.origin = f"https://{secure[0]}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            query = urlsplit(self.path).query
            if self.command == "POST" and state.refresh_token is None:
                self.send_error(404)
                return
            token = state.grant(self.headers.get("Authorization", ""), self.command, query, form)
            granted = {"token": token, "access_token": token, "expires_in": state.life_seconds}
            body = json.dumps(granted).encode() if token else b"{}"
            self.send_response(200 if token else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if secure is not None:
        server.socket = secure[1].wrap_socket(server.socket, server_side=True)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()

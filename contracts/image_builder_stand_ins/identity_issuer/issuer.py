"""The issuer as a server: discovery, keys, and a token for each job that it knows."""

import contextlib
import hmac
import json
import secrets
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self, final
from urllib.parse import parse_qs, urlsplit

from image_builder_stand_ins.certificates import Authority
from image_builder_stand_ins.identity_issuer.signing_key import SigningKey
from image_builder_stand_ins.identity_issuer.token import github_claims, signed
from image_builder_stand_ins.signing_fault import Answer, Fault, HangUp, Stall
from image_builder_stand_ins.stand_in_server import LONGEST_SILENCE_SECONDS, StandInServer, serving

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/.well-known/jwks"
_TOKENS = "/jobs/"
_JSON = "application/json"


@final
class IdentityIssuer:
    """A running issuer; made by :meth:`start`. Thread-safe.

    ``keys`` are those that it publishes, ``key`` the one that signs; ``jobs`` has claims for each job that may ask for
    a token, beside or in place of the usual ones. ``requests`` are the paths that were asked for.
    """

    def __init__(self, host: str, port: int) -> None:
        self.authority = Authority.create("Local identity issuer")
        self.keys: list[SigningKey] = [SigningKey.rsa("first")]
        self.jobs: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self._faults: dict[str, list[Fault]] = {}
        self._login = secrets.token_urlsafe(24)
        self._stopping = threading.Event()
        self._server = _Server((host, port), self._answer, self._stopping, _server_context(self.authority))

    @classmethod
    @contextlib.contextmanager
    def start(cls, host: str = "127.0.0.1", port: int = 0) -> Iterator[Self]:
        """Listen (port 0: any free one) until the block ends. Raises ``OSError`` when the port is taken."""
        issuer = cls(host, port)
        with serving(issuer._server, issuer._stopping.set):
            yield issuer

    @property
    def url(self) -> str:
        """The issuer's name: the claim ``iss``."""
        return f"https://localhost:{self._server.server_address[1]}"

    @property
    def key(self) -> SigningKey:
        """The key that signs now: the newest."""
        return self.keys[-1]

    def rotate(self, key: SigningKey, *, keep: int = 0) -> None:
        """Sign with a new key, and publish only so many old ones."""
        self.keys = [*self.keys[len(self.keys) - keep :], key]

    def fail_next(self, path: str, *faults: Fault) -> None:
        """Do these instead of the work, one for each request of ``path`` to come."""
        self._faults.setdefault(path, []).extend(faults)

    def token(self, repository: str, ref: str, sha: str, event: str = "push", **changed: Any) -> str:
        """A good token of a GitHub job, but for the claims that are ``changed`` (None: left out)."""
        claims = github_claims(self.url, repository, ref, sha, event) | changed
        return signed(self.key, {name: value for name, value in claims.items() if value is not None})

    def variables(self, job: str) -> dict[str, str]:
        """What GitHub sets in a job that may ask for a token."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}{_TOKENS}{job}?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._login,
        }

    def _answer(self, path: str, query: str, authorization: str) -> Fault:
        self.requests.append(path)
        waiting = self._faults.get(path)
        if waiting:
            return waiting.pop(0)
        if path == DISCOVERY:
            document = {
                "issuer": self.url,
                "jwks_uri": self.url + KEYS,
                "subject_types_supported": ["public", "pairwise"],
            }
            return _json(document)
        if path == KEYS:
            return _json({"keys": [key.jwk() for key in self.keys]})
        return self._token_answer(path.removeprefix(_TOKENS), query, authorization)

    def _token_answer(self, job: str, query: str, authorization: str) -> Answer:
        if not hmac.compare_digest(authorization.lower().encode(), f"bearer {self._login}".lower().encode()):
            return _json({"message": "Unauthorized"}, 401)
        if job not in self.jobs:
            return _json({"message": "Not Found"}, 404)
        audience = parse_qs(query).get("audience", [f"{self.url}/default"])[0]
        claims = github_claims(self.url, "acme/demo", "refs/heads/main", "0" * 40, audience=audience) | self.jobs[job]
        return _json({"count": 1, "value": signed(self.key, claims)})


def _json(value: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value), f"{_JSON}; charset=utf-8")


def _server_context(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    pair = authority.issue_server()
    with tempfile.NamedTemporaryFile(prefix="issuer-", suffix=".pem") as file:
        Path(file.name).write_bytes(pair.certificate + pair.private_key)
        context.load_cert_chain(file.name)
    return context


@final
class _Server(StandInServer):
    """The handshake happens in the connection's own thread, so nobody can block the others."""

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[str, str, str], Fault],
        stopping: threading.Event,
        tls: ssl.SSLContext,
    ) -> None:
        self.answer, self.stopping, self._tls = answer, stopping, tls
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Secure the connection, then handle it."""
        request.settimeout(LONGEST_SILENCE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False) as secured:
            secured.do_handshake()
            super().finish_request(secured, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "identity-issuer"
    sys_version = ""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: tests read ``requests``."""

    def do_GET(self) -> None:
        """Answer one request and end the connection."""
        server: _Server = self.server  # type: ignore[assignment] # our own server class
        parts = urlsplit(self.path)
        fault = server.answer(parts.path, parts.query, self.headers.get("Authorization", ""))
        self.close_connection = True
        if isinstance(fault, Stall):
            server.stopping.wait(fault.seconds)
            fault = server.answer(parts.path, parts.query, self.headers.get("Authorization", ""))
        if isinstance(fault, Answer):
            fault.send(self)
        else:
            assert isinstance(fault, (HangUp, Stall))

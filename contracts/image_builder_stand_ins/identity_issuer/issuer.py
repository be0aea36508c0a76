"""The issuer as a server: discovery, keys, and a token for each job that it knows."""

import contextlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Self, final
from urllib.parse import parse_qs, urlsplit

from image_builder_stand_ins.certificates import Authority, server_context
from image_builder_stand_ins.fault import Answer, Fault, Stall
from image_builder_stand_ins.http_server import StandInHandler, StandInServer, serving
from image_builder_stand_ins.identity_issuer.token import SigningKey, github_claims, signed

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
        self.stopping = threading.Event()
        self._server = StandInServer((host, port), partial(_Handler, self), server_context(self.authority))

    @classmethod
    @contextlib.contextmanager
    def start(cls, host: str = "127.0.0.1", port: int = 0) -> Iterator[Self]:
        """Listen (port 0: any free one) until the block ends. Raises ``OSError`` when the port is taken."""
        issuer = cls(host, port)
        with serving(issuer._server, issuer.stopping.set):
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

    def answer(self, path: str, query: str, authorization: str) -> Fault:
        """The answer to a request, or the next fault for its path."""
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


@final
class _Handler(StandInHandler[IdentityIssuer]):
    """Answers one request and ends the connection."""

    def handle_any(self) -> None:
        """Answer, or do what a fault says."""
        fault = self._next()
        self.close_connection = True
        if isinstance(fault, Stall):
            self.state.stopping.wait(fault.seconds)
            fault = self._next()
        if isinstance(fault, Answer):
            fault.send(self)

    def _next(self) -> Fault:
        if self.command != "GET":
            return Answer(501, f"the method must be GET, not {self.command}")
        parts = urlsplit(self.path)
        return self.state.answer(parts.path, parts.query, self.headers.get("Authorization", ""))

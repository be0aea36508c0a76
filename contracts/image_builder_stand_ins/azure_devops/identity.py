"""Who may ask: personal access tokens, and bearer tokens that an Entra tenant issues.

The token endpoint is the one of the OAuth 2.0 client credentials flow, with a client secret or a federated assertion.
"""

import base64
import json
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final
from urllib.parse import parse_qsl

from image_builder_stand_ins.azure_devops.log import now, short_time
from image_builder_stand_ins.azure_devops.message import JSON, Answer, Request

SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = "application/x-www-form-urlencoded"


def new_pat() -> str:
    """A personal access token as the service makes them: 84 characters, ``AZDO`` at 76 to 80."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    text = "".join(secrets.choice(alphabet) for _ in range(80))
    return f"{text[:76]}AZDO{text[76:]}"


@final
@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An application that the tenant knows. ``accepts`` judges a federated assertion."""

    tenant: str = field(default_factory=lambda: str(uuid.uuid4()))
    client: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret: str = field(default_factory=lambda: f"{secrets.token_urlsafe(24)}~", repr=False)
    accepts: Callable[[str], bool] = lambda assertion: assertion.startswith("eyJ")


@final
class Identities:
    """Knows the credentials that are valid. Thread-safe."""

    def __init__(self, pat: str, principal: ServicePrincipal, token_seconds: float) -> None:
        self.pat = pat
        self.principal = principal
        self._token_seconds = token_seconds
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    def knows(self, request: Request) -> bool:
        """Whether the request's credential is valid now. A bearer token is also taken in a PAT's place."""
        kind, value = request.credential()
        if kind == "basic" and secrets.compare_digest(value.encode(), self.pat.encode()):
            return True
        with self._lock:
            return bool(kind) and self._ends.get(value, 0.0) > time.monotonic()

    def revoke_tokens(self) -> None:
        """End every bearer token issued so far."""
        with self._lock:
            self._ends.clear()

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every bearer token that was issued and not revoked."""
        with self._lock:
            return tuple(self._ends)

    def token_answer(self, request: Request) -> Answer:
        """What the token endpoint answers."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        refusal = self._refusal(request, form)
        if refusal is not None:
            return refusal
        token, lifetime = _jwt(self.principal), int(self._token_seconds)
        with self._lock:
            self._ends[token] = time.monotonic() + self._token_seconds
        body = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
        return Answer(200, json.dumps(body).encode(), JSON, (("Cache-Control", "no-store, no-cache"),))

    def _refusal(self, request: Request, form: dict[str, str]) -> Answer | None:
        tenant = request.places["tenant"]
        if not request.header("content-type").startswith(_FORM):
            return refused_token(400, "invalid_request", 900144, "The request body must be a form.")
        if tenant != self.principal.tenant:
            return refused_token(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return refused_token(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != self.principal.client:
            missing = f"Application with identifier '{form.get('client_id')}' was not found in the directory."
            return refused_token(400, "unauthorized_client", 700016, missing)
        if form.get("scope") != SCOPE:
            return refused_token(400, "invalid_scope", 70011, "The provided value for scope is not valid.")
        return self._bad_proof(form)

    def _bad_proof(self, form: dict[str, str]) -> Answer | None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                return refused_token(400, "invalid_request", 900144, "client_assertion_type is missing or unknown.")
            if not self.principal.accepts(form["client_assertion"]):
                return refused_token(401, "invalid_client", 700213, "No matching federated identity record found.")
            return None
        if not secrets.compare_digest(form.get("client_secret", "").encode(), self.principal.secret.encode()):
            return refused_token(401, "invalid_client", 7000215, "Invalid client secret provided.")
        return None


def refused_token(status: int, error: str, code: int, what: str) -> Answer:
    """A refusal of the token endpoint."""
    trace, moment = str(uuid.uuid4()), short_time(now())
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {what} Trace ID: {trace} Correlation ID: {trace} Timestamp: {moment}",
        "error_codes": [code],
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return Answer(status, json.dumps(body).encode(), JSON)


def _jwt(principal: ServicePrincipal) -> str:
    """Looks like a token; the signature is random, and only this service takes it."""
    parts = ({"typ": "JWT", "alg": "RS256"}, {"tid": principal.tenant, "appid": principal.client, "jti": new_pat()})
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join((*texts, secrets.token_urlsafe(256)))

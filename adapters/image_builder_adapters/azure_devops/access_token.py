"""Access tokens of an Entra service principal: requested, kept, and renewed before they expire.

Source: Microsoft identity platform, OAuth 2.0 client credentials flow (RFC 6749, section 4.4; RFC 7523 for assertions).
"""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import urlencode

from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import PipelineMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.azure_devops.answer import plain, read_object
from image_builder_adapters.azure_devops.credential import Credential, PersonalAccessToken, ServicePrincipal, is_token
from image_builder_adapters.files import read_regular
from image_builder_adapters.http.client import (
    LARGEST_ERROR_BODY,
    AnswerTooLarge,
    HttpAnswer,
    HttpRequest,
    HttpSender,
    NoAnswer,
    NoAnswerKind,
)
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries

_SCOPE: Final = "499b84ac-1321-427f-aa17-267ca6975798/.default"  # Azure DevOps
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RENEW_SECONDS: Final = 300.0
_USUAL_LIFE_SECONDS: Final = 3600.0
_LARGEST_TOKEN: Final = 64 * 1024
_REMEDIES: Final = {
    "AADSTS700016": "no such application in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
    "AADSTS7000215": "the secret is wrong: set AZURE_CLIENT_SECRET to the secret's value, not its id",
    "AADSTS7000222": "the secret has expired: make a new one for the application",
    "AADSTS90002": "no such tenant: check AZURE_TENANT_ID",
    "AADSTS700024": "the assertion has expired: renew the token in AZURE_FEDERATED_TOKEN_FILE regularly",
}
_FEDERATION: Final = "no federated identity of the application matches this job: check its issuer and subject"


@final
@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float
    ends_at: float


@final
class Authenticator:
    """Gives the value of ``Authorization``; thread-safe. ``learn`` receives every secret that arrives at run time."""

    def __init__(
        self,
        credential: Credential,
        sender: HttpSender,
        policy: RetryPolicy,
        learn: Callable[[str], None],
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self.credential = credential
        self._sender = sender
        self._policy = policy
        self._learn = learn
        self._stopwatch = stopwatch
        self._token: _Token | None = None
        self._lock = threading.Lock()

    @property
    def can_renew(self) -> bool:
        """Whether a new token can be requested; False for a personal access token."""
        return isinstance(self.credential, ServicePrincipal)

    def header(self, cancellation: Cancellation, *, anew: bool = False, urgent: bool = False) -> Result[str, NoAnswer]:
        """The header's value. ``anew`` requests a new token; ``urgent`` uses any token that has not expired."""
        if isinstance(self.credential, PersonalAccessToken):
            return Success(self.credential.header())
        with self._lock:
            now, kept = self._stopwatch(), self._token
            if kept is not None and not anew and now < (kept.ends_at if urgent else kept.renew_at):
                return Success(f"Bearer {kept.text}")
            renewed = unwrap_or_failure(self._renewed(self.credential, cancellation))
            if isinstance(renewed, _Token):
                self._token = renewed
                return Success(f"Bearer {renewed.text}")
            if kept is not None and not anew and now < kept.ends_at:
                return Success(f"Bearer {kept.text}")  # still valid, so the token service may be unavailable
            return Failure(renewed)

    def _renewed(self, principal: ServicePrincipal, cancellation: Cancellation) -> Result[_Token, NoAnswer]:
        url = f"{principal.authority}/{principal.tenant}/oauth2/v2.0/token"
        form = unwrap_or_failure(self._form(principal))
        if isinstance(form, NoAnswer):
            return Failure(form)
        headers = (("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"))
        request = HttpRequest("POST", url, headers, urlencode(form).encode("ascii"))
        asked = self._stopwatch()
        done = send_with_retries(self._sender, request, self._policy, cancellation, LARGEST_ERROR_BODY)
        answer = unwrap_or_failure(done.last)
        match answer:
            case NoAnswer():
                # The request that needs the token was not sent, whether or not this one arrived.
                return Failure(NoAnswer(answer.url, answer.reason, answer.kind, may_have_arrived=False))
            case AnswerTooLarge():
                return Failure(_refused(url, "the answer is too large for a token"))
            case HttpAnswer():
                return self._read(url, answer, asked)

    def _form(self, principal: ServicePrincipal) -> Result[dict[str, str], NoAnswer]:
        form = {"grant_type": "client_credentials", "client_id": principal.client, "scope": _SCOPE}
        if principal.secret is not None:
            return Success({**form, "client_secret": principal.secret})
        return _assertion(principal.token_file or "").map(lambda text: self._with_assertion(form, text))

    def _with_assertion(self, form: dict[str, str], assertion: str) -> dict[str, str]:
        self._learn(assertion)
        return {**form, "client_assertion_type": _ASSERTION, "client_assertion": assertion}

    def _read(self, url: str, answer: HttpAnswer, asked: float) -> Result[_Token, NoAnswer]:
        fields = read_object(answer.body)
        if answer.status != 200:
            transient = self._policy.is_transient(answer.status)
            kind = NoAnswerKind.TRANSIENT if transient else NoAnswerKind.UNUSABLE_REQUEST
            return Failure(NoAnswer(url, _explained(answer.status, fields), kind, may_have_arrived=False))
        token = fields.get("access_token")
        if not is_token(token):
            return Failure(_refused(url, "the answer has no token: check AZURE_AUTHORITY_HOST"))
        self._learn(token)
        life = _seconds(fields.get("expires_in"))
        return Success(_Token(token, asked + life - min(_RENEW_SECONDS, life / 2), asked + life))


def check_readable(credential: Credential) -> Result[None, PipelineMisconfigured]:
    """Whether the file with the federated token can be read now; sends nothing."""
    if isinstance(credential, PersonalAccessToken) or credential.secret is not None:
        return Success(None)
    remedy = "mount the token there, or use another credential"
    assertion = _assertion(credential.token_file or "")
    return assertion.alt(lambda problem: PipelineMisconfigured(problem.url, problem.reason, remedy)).map(lambda _: None)


def _assertion(path: str) -> Result[str, NoAnswer]:
    """The federated token; read each time, because it expires after minutes."""
    file = read_regular(path, _LARGEST_TOKEN)
    if isinstance(file, Failure):
        return Failure(_refused(path, f"AZURE_FEDERATED_TOKEN_FILE {file.failure()}"))
    text = file.unwrap().content.decode("ascii", "replace").strip()
    if not is_token(text):
        return Failure(_refused(path, "AZURE_FEDERATED_TOKEN_FILE contains no token"))
    return Success(text)


def _explained(status: int, fields: dict[str, object]) -> str:
    """The service's message without its trace ids, and what to do."""
    description = plain(fields.get("error_description")).partition("\n")[0].partition(" Trace ID")[0]
    code = description.partition(":")[0]
    remedy = _FEDERATION if re.fullmatch(r"AADSTS70021\d*", code) else _REMEDIES.get(code, "")
    words = ": ".join(part for part in (plain(fields.get("error")), description) if part)
    return f"no token was issued ({status}{', ' if words else ''}{words})" + (f"; {remedy}" if remedy else "")


def _seconds(value: object) -> float:
    """The life of a token by ``expires_in``, which some services write as a string."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return float(text[:9]) if text.isascii() and text.isdecimal() else _USUAL_LIFE_SECONDS


def _refused(where: str, reason: str) -> NoAnswer:
    return NoAnswer(where, reason, NoAnswerKind.UNUSABLE_REQUEST, may_have_arrived=False)

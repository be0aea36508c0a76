"""The signer of type ``notary``: one request for all images of a run."""

import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import final

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.signer_type import Secrets
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import Headers, HttpClient, HttpRequest, Timeouts
from image_builder_adapters.http.tls import ClientCertificate, load_client, system_trust
from image_builder_adapters.notary.exchange import Exchange, Verdict, endpoint_problem, explain, send_repeatedly
from image_builder_adapters.notary.protocol import protocol_for
from image_builder_adapters.notary.secret import (
    Clock,
    Credential,
    Token,
    read_credential,
)
from image_builder_adapters.notary.settings import NotarySettings, SecretKind
from image_builder_adapters.notary.signify import BadToken, Signify, fetch_token
from image_builder_adapters.redaction import HIDDEN, Redactor

LONGEST_REQUEST_SECONDS = 300.0
"""The default of ``timeout``."""

_LONGEST_CONNECT_SECONDS = 30.0
_JSON = "application/json"


@final
@dataclass(frozen=True, slots=True)
class _Ready:
    """A login from the secret file, and the TLS context with the client certificate and the trusted authorities."""

    login: Token | Signify | None
    tls: ssl.SSLContext | None


@final
@dataclass(frozen=True, slots=True)
class _NoToken:
    """Why the token service gave no token; nothing was signed."""

    reason: str
    transient: bool


@final
class NotarySigner:
    """Implements ``Signer``. ``secrets`` learns every secret that is read or received.

    ``trust`` makes a TLS context with the authorities for the service's certificate, by default the system's. ``clock``
    gives seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        settings: NotarySettings,
        secrets: Secrets | None = None,
        trust: Callable[[], ssl.SSLContext] | None = None,
        clock: Clock = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._settings = settings
        self._protocol = protocol_for(settings.secret)
        self._secrets: Secrets = secrets if secrets is not None else Redactor()
        self._trust = trust
        self._clock = clock
        self._stopwatch = stopwatch
        self._ready: Result[_Ready, SignerMisconfigured] | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``."""
        return self._prepared().map(lambda _: None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``: an HTTP request as text."""
        lines = [f"POST {self._settings.shown_endpoint}", f"Content-Type: {_JSON}", *self._login_shown()]
        return "\n".join([*lines, "", self._protocol.example(images).decode("ascii")])

    def _login_shown(self) -> tuple[str, ...]:
        secret = self._settings.secret
        if secret is None:
            return ()
        match secret.kind:
            case SecretKind.MTLS:
                return (f"(client certificate from {secret.path})",)
            case SecretKind.TOKEN:
                return (f"Authorization: Token {HIDDEN} (from {secret.path})",)
            case SecretKind.SIGNIFY:
                return (f"Authorization: Bearer {HIDDEN} (from the token service that {secret.path} names)",)

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``."""
        if not images:
            return ()
        start, failed = self._stopwatch(), SignatureStatus.FAILED
        ready = unwrap_or_failure(self._prepared())
        if isinstance(ready, SignerMisconfigured):
            return self._results(images, failed, str(ready))
        body = unwrap_or_failure(self._protocol.body(images))
        if isinstance(body, str):
            return self._results(images, failed, f"nothing was sent: {body}")
        with closing(HttpClient(ready.tls, _timeouts(self._settings))) as client:
            login = self._login(ready.login, client, cancellation)
            if isinstance(login, _NoToken):
                return self._results(images, failed, login.reason, login.transient)
            request = HttpRequest("POST", self._settings.endpoint, (("Content-Type", _JSON), *login), body)
            spacing, longest = self._settings.retry_seconds, _timeout(self._settings)
            exchange = send_repeatedly(request, self._protocol.verdict, spacing, longest, client, cancellation)
        status, reason = self._protocol.success_means, ""
        if exchange.verdict is not Verdict.SUCCESS:
            status, reason = failed, explain(self._settings.shown_endpoint, exchange, self._secrets.text)
        transient, seconds = exchange.verdict is Verdict.TRANSIENT, self._stopwatch() - start
        return self._results(images, status, reason, transient, exchange.attempts, seconds)

    def _login(
        self, login: Token | Signify | None, client: HttpClient, cancellation: Cancellation
    ) -> Headers | _NoToken:
        match login:
            case None:
                return ()
            case Token(text):
                return (("Authorization", f"Token {text}"),)
            case Signify():
                spacing, longest = self._settings.retry_seconds, _timeout(self._settings)
                fetched = unwrap_or_failure(fetch_token(login, spacing, longest, client, cancellation))
                if isinstance(fetched, str):
                    self._secrets.learn(fetched)
                    return (("Authorization", f"Bearer {fetched}"),)
                return self._no_token(fetched)

    def _no_token(self, failure: Exchange | BadToken) -> _NoToken:
        # The address is a part of the secret file, so the message names the file's path instead.
        where = f"the token service that {self._settings.secret.path if self._settings.secret else ''} names"
        if isinstance(failure, BadToken):
            return _NoToken(f"{where}: {failure.reason}; check 'endpoint' in the file", transient=False)
        return _NoToken(explain(where, failure, self._secrets.text), failure.verdict is Verdict.TRANSIENT)

    def _results(
        self,
        images: tuple[ImageToSign, ...],
        status: SignatureStatus,
        reason: str = "",
        transient: bool = False,
        attempts: int = 0,
        seconds: float = 0.0,
    ) -> tuple[SignatureResult, ...]:
        """The same result for every image: a service answers for all of them at once."""
        named = ((image.reference, image.descriptor.digest) for image in images)
        return tuple(
            SignatureResult(self._name, reference, digest, status, attempts, seconds, reason, transient)
            for reference, digest in named
        )

    def _prepared(self) -> Result[_Ready, SignerMisconfigured]:
        """Read the secret once, so that the secret checked before the build is the one that signs after it."""
        if self._ready is None:
            self._ready = self._read()
        return self._ready

    def _read(self) -> Result[_Ready, SignerMisconfigured]:
        settings, secret = self._settings, self._settings.secret
        needs_tls = secret is not None and secret.kind is SecretKind.MTLS
        problem = endpoint_problem(settings.endpoint, has_secret=secret is not None, needs_tls=needs_tls)
        if problem is not None:
            return Failure(SignerMisconfigured(self._name, settings.shown_endpoint, problem))
        if secret is None:
            return self._with(None)
        found = read_credential(secret, self._clock).alt(
            lambda reason: SignerMisconfigured(self._name, secret.path, reason)
        )
        return found.bind(self._with)

    def _with(self, credential: Credential | None) -> Result[_Ready, SignerMisconfigured]:
        own = self._trust() if self._trust is not None else None
        match credential:
            case ClientCertificate():
                trust = (Success(own) if own is not None else system_trust()).alt(
                    lambda unusable: SignerMisconfigured(self._name, self._settings.shown_endpoint, unusable.reason)
                )
                # The check of the credential has loaded it before, so this cannot fail.
                return trust.map(lambda context: _Ready(None, load_client(context, credential).unwrap()))
            case Signify():
                for text in credential.secrets():
                    self._secrets.learn(text)
            case Token(text):
                self._secrets.learn(text)
            case None:
                pass
        return Success(_Ready(credential, own))


def _timeout(settings: NotarySettings) -> float:
    """Seconds for one request, and for the longest pause before the next one."""
    given = settings.timeout_seconds
    return LONGEST_REQUEST_SECONDS if given is None else given


def _timeouts(settings: NotarySettings) -> Timeouts:
    """The same limit for the whole request and for each of its parts."""
    seconds = _timeout(settings)
    return Timeouts(connect_seconds=min(seconds, _LONGEST_CONNECT_SECONDS), read_seconds=seconds, whole_seconds=seconds)

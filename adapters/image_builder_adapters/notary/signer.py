"""The notary signer: one request for all images of a run."""

import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import final
from urllib.parse import urlsplit

from image_builder_domain.ports import Cancellation
from image_builder_domain.reference import ImageReference, Repository
from image_builder_domain.signer_settings import NotarySettings, SecretKind
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import HttpClient, HttpRequest, Timeouts
from image_builder_adapters.notary.attempts import Exchange, send_repeatedly
from image_builder_adapters.notary.explanation import HIDDEN, explain
from image_builder_adapters.notary.protocol import Verdict, protocol_for
from image_builder_adapters.notary.secret import (
    ClientCertificate,
    Clock,
    Credential,
    Token,
    load_client_certificate,
    read_credential,
)

_JSON = "application/json"


@final
@dataclass(frozen=True, slots=True)
class _Ready:
    """A signer whose secret was read: the token, if that is what it is, and whom to trust and who we are."""

    token: str | None = field(repr=False)
    tls: ssl.SSLContext


@final
class NotarySigner:
    """Implements ``Signer``. ``ca_file`` replaces the system's authorities (PEM); ``clock`` is seconds since 1970."""

    def __init__(
        self,
        name: str,
        settings: NotarySettings,
        ca_file: str | None = None,
        clock: Clock = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._settings = settings
        self._protocol = protocol_for(settings.secret)
        self._ca_file = ca_file
        self._clock = clock
        self._stopwatch = stopwatch
        self._ready: Result[_Ready, SignerMisconfigured] | None = None

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``."""
        return self._prepared().map(lambda _: None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``: an HTTP request as text."""
        lines = [f"POST {self._settings.endpoint}", f"Content-Type: {_JSON}"]
        secret = self._settings.secret
        if secret is not None and secret.kind is SecretKind.MTLS:
            lines.append(f"(client certificate from {secret.path})")
        elif secret is not None:
            lines.append(f"Authorization: Token {HIDDEN} (from {secret.path})")
        return "\n".join([*lines, "", self._protocol.example(images).decode("ascii")])

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``."""
        if not images:
            return ()
        start = self._stopwatch()
        ready = unwrap_or_failure(self._prepared())
        if isinstance(ready, SignerMisconfigured):
            return self._failed(images, str(ready))
        body = unwrap_or_failure(self._protocol.body(images))
        if isinstance(body, str):
            return self._failed(images, f"nothing was sent: {body}")
        exchange = self._send(body, ready, cancellation)
        return self._results(images, exchange, self._stopwatch() - start, ready.token)

    def _send(self, body: bytes, ready: _Ready, cancellation: Cancellation) -> Exchange:
        settings = self._settings
        login = () if ready.token is None else (("Authorization", f"Token {ready.token}"),)
        request = HttpRequest("POST", settings.endpoint, (("Content-Type", _JSON), *login), body)
        with closing(HttpClient(ready.tls, _timeouts(settings))) as client:
            return send_repeatedly(request, self._protocol, settings.retry_seconds, client, cancellation)

    def _results(
        self, images: tuple[ImageToSign, ...], exchange: Exchange, seconds: float, token: str | None
    ) -> tuple[SignatureResult, ...]:
        if exchange.verdict is Verdict.SUCCESS:
            status, reason = self._protocol.success_means, ""
        else:
            status, reason = SignatureStatus.FAILED, explain(self._settings.endpoint, exchange, token)
        transient = exchange.verdict is Verdict.TRANSIENT
        return tuple(
            SignatureResult(
                self._name,
                image.reference,
                image.descriptor.digest,
                status,
                exchange.attempts,
                seconds,
                reason,
                transient,
            )
            for image in images
        )

    def _failed(self, images: tuple[ImageToSign, ...], reason: str) -> tuple[SignatureResult, ...]:
        failed = SignatureStatus.FAILED
        return tuple(
            SignatureResult(self._name, image.reference, image.descriptor.digest, failed, 0, 0.0, reason)
            for image in images
        )

    def _prepared(self) -> Result[_Ready, SignerMisconfigured]:
        """Read the secret once: what was checked before the build is what signs after it."""
        if self._ready is None:
            self._ready = self._read()
        return self._ready

    def _read(self) -> Result[_Ready, SignerMisconfigured]:
        settings, secret = self._settings, self._settings.secret
        problem = endpoint_problem(settings)
        if problem is not None:
            return Failure(SignerMisconfigured(self._name, settings.endpoint, problem))
        tls = self._trust()
        if secret is None:
            return tls.map(lambda context: _Ready(None, context))
        found = read_credential(secret, self._clock).alt(
            lambda reason: SignerMisconfigured(self._name, secret.path, reason)
        )
        return Result.do(_ready(credential, context) for credential in found for context in tls)

    def _trust(self) -> Result[ssl.SSLContext, SignerMisconfigured]:
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            reason = f"cannot be loaded as certificates: {error.strerror}"
            return Failure(SignerMisconfigured(self._name, str(self._ca_file), reason))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return Success(context)


def _ready(credential: Credential, context: ssl.SSLContext) -> _Ready:
    match credential:
        case Token(text):
            return _Ready(text, context)
        case ClientCertificate():
            # Loaded before, while it was checked; so this cannot fail.
            return _Ready(None, load_client_certificate(context, credential).unwrap())


def _timeouts(settings: NotarySettings) -> Timeouts:
    """One bound for the whole request and each of its parts: a service may think for as long as it was given."""
    usual = Timeouts().whole_seconds
    seconds = usual if settings.timeout_seconds is None else settings.timeout_seconds
    return Timeouts(connect_seconds=seconds, read_seconds=seconds, whole_seconds=seconds)


def endpoint_problem(settings: NotarySettings) -> str | None:
    """Why the endpoint cannot be used, None when it can: a secret never travels without TLS, except on loopback."""
    try:
        parts = urlsplit(settings.endpoint)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is no http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password; use 'secret' instead"
    if parts.scheme == "https" or settings.secret is None:
        return None
    if settings.secret.kind is SecretKind.MTLS:
        return "a secret of type 'mtls' needs an https URL"
    loopback = Repository(f"[{host}]" if ":" in host else host, "").is_loopback
    return None if loopback else "would send the secret without encryption; use an https URL"

"""What to send as ``Authorization``: answers a registry's challenge, and remembers the answer.

Distribution's authentication documents; RFC 7617 for ``Basic``, RFC 6750 for ``Bearer``.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from image_builder_domain.ports import Cancellation
from image_builder_domain.reference import Repository
from image_builder_domain.registry_failure import (
    AccessDenied,
    BadAnswer,
    BadCredentials,
    RegistryFailure,
    RegistryUnreachable,
)
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import HttpAnswer, shown_url
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.challenge import Challenge, parse_challenges
from image_builder_adapters.registry.docker_config import Credentials, DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.failure import transport_failure
from image_builder_adapters.registry.redirect import Getter
from image_builder_adapters.registry.safe_url import Origin, url_problem
from image_builder_adapters.registry.token import (
    Token,
    TokenFailure,
    TokenRefused,
    TokenRequest,
    UnusableToken,
    fetch_token,
)
from image_builder_adapters.retry import TRANSIENT_STATUSES

_USABLE_SHARE = 0.9
"""Of a token's life; the rest is for clocks that differ and requests under way."""


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: the reference for messages, its repository, and the registry's origin."""

    reference: str
    repository: Repository
    registry: Origin

    @property
    def scope(self) -> str:
        """The least that resolving needs."""
        return f"repository:{self.repository.path}:pull"


@final
@dataclass(frozen=True, slots=True)
class _Remembered:
    header: str = field(repr=False)
    good_until: float | None


@final
class Authorizer:
    """Answers challenges with credentials. Safe to use from several threads. ``clock`` gives monotonic seconds."""

    def __init__(
        self, getter: Getter, credentials: DockerCredentials, redactor: Redactor, clock: Callable[[], float]
    ) -> None:
        self._getter = getter
        self._credentials = credentials
        self._redactor = redactor
        self._clock = clock
        self._lock = threading.Lock()
        self._remembered: dict[tuple[str, str], _Remembered] = {}

    def remembered(self, asked: Asked) -> str | None:
        """The header that this registry and scope took before, unless it has expired."""
        with self._lock:
            found = self._remembered.get((asked.repository.domain, asked.scope))
        if found is None or (found.good_until is not None and self._clock() >= found.good_until):
            return None
        return found.header

    def answer(self, asked: Asked, refusal: HttpAnswer, cancellation: Cancellation) -> Result[str, RegistryFailure]:
        """The header that answers a 401, always a fresh one."""
        challenges = parse_challenges(refusal.header_values("WWW-Authenticate"))
        by_scheme = {challenge.scheme: challenge for challenge in reversed(challenges)}
        found = unwrap_or_failure(self._credentials.find(asked.repository))
        if isinstance(found, BadCredentials):
            return Failure(found)
        if "bearer" in by_scheme:
            return self._bearer(asked, by_scheme["bearer"], found, cancellation)
        if "basic" in by_scheme:
            return self._basic(asked, found)
        return Failure(AccessDenied(asked.reference, "the registry offers neither Bearer nor Basic authentication"))

    def _basic(self, asked: Asked, credentials: Credentials | None) -> Result[str, RegistryFailure]:
        header = credentials.basic if credentials is not None else None
        if credentials is None or header is None:
            reason = f"{asked.repository.domain} wants a user and password, and none were found"
            return Failure(AccessDenied(asked.reference, reason))
        self._redactor.learn(credentials.password)
        self._redactor.learn(header.removeprefix("Basic "))
        return Success(self._remember(asked, header, None))

    def _bearer(
        self, asked: Asked, challenge: Challenge, credentials: Credentials | None, cancellation: Cancellation
    ) -> Result[str, RegistryFailure]:
        realm = challenge.parameters.get("realm", "")
        problem = url_problem(realm, asked.registry)
        if problem is not None:
            reason = f"its token service {shown_url(realm)!r} is refused: {problem}"
            return Failure(BadAnswer(asked.reference, reason))
        for secret in (credentials.password, credentials.identity_token) if credentials is not None else ():
            self._redactor.learn(secret)
        request = TokenRequest(realm, challenge.parameters.get("service"), asked.scope, asked.registry, credentials)
        token = unwrap_or_failure(fetch_token(self._getter, request, cancellation))
        if not isinstance(token, Token):
            return Failure(self._token_failure(asked, realm, token))
        self._redactor.learn(token.text)
        good_until = self._clock() + token.seconds * _USABLE_SHARE
        return Success(self._remember(asked, f"Bearer {token.text}", good_until))

    def _token_failure(self, asked: Asked, realm: str, failure: TokenFailure) -> RegistryFailure:
        service = f"the token service {shown_url(realm)}"
        match failure:
            case TokenRefused(answer=answer):
                told = f"{service} answered {error_text(answer, self._redactor)}"
                if 400 <= answer.status < 500 and answer.status not in TRANSIENT_STATUSES:
                    return AccessDenied(asked.reference, told)
                return RegistryUnreachable(asked.reference, told)
            case UnusableToken(reason=reason):
                return BadAnswer(asked.reference, f"{service}: {reason}")
            case _:
                return transport_failure(asked.reference, failure)

    def _remember(self, asked: Asked, header: str, good_until: float | None) -> str:
        with self._lock:
            self._remembered[asked.repository.domain, asked.scope] = _Remembered(header, good_until)
        return header

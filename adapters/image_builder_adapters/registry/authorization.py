"""Authorization for a registry: Basic, a token of the service that its challenge names, or a registry token."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias, final

from image_builder_domain.failure import BadCredentials, Denial
from image_builder_domain.image.reference import Repository
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer, HttpSender
from image_builder_adapters.http.retry import RetryPolicy
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.challenge import Challenge, parse_challenges
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.safe_url import Origin, url_problem
from image_builder_adapters.registry.token_service import Busy, Denied, Granted, TokenService, token_requests

Authorized: TypeAlias = Result[str, Denied | BadCredentials | Busy]
"""The value of ``Authorization``."""

_NEITHER: Final = Denied("the registry offers neither Basic nor Bearer authentication")


@final
@dataclass(frozen=True, slots=True)
class _Grant:
    access: Access
    authorization: str = field(repr=False)
    until: float

    def is_for(self, access: Access) -> bool:
        """Whether it was made for exactly this access, or is a password, which is for every access."""
        return self.access == access or self.authorization.startswith("Basic ")


@final
class Authorizer:
    """Answers challenges, and keeps the authorization of each access until it expires; thread-safe."""

    def __init__(
        self,
        client: HttpSender,
        credentials: DockerCredentials,
        redactor: Redactor,
        policy: RetryPolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = TokenService(client, redactor, policy)
        self._credentials = credentials
        self._redactor = redactor
        self._clock = clock
        self._grants: dict[Access, _Grant] = {}
        self._lock = threading.Lock()

    def check(self, repositories: Iterable[Repository]) -> Result[None, BadCredentials]:
        """Whether the configuration files are valid: an invalid one must not lead to anonymous access."""
        return self._credentials.check(repositories)

    def learn(self, repositories: Iterable[Repository], cancellation: Cancellation) -> None:
        """Pass the credentials for these repositories to the redactor before they are used."""
        for repository in repositories:
            if cancellation.reason() is None:
                self.credentials(repository, cancellation)

    def credentials(
        self, repository: Repository, cancellation: Cancellation
    ) -> Result[Credentials | None, BadCredentials]:
        """The credentials for this repository, which the redactor learns; None for anonymous access."""
        found = self._credentials.find(repository, cancellation)
        for secret in credentials.secrets if (credentials := found.value_or(None)) is not None else ():
            self._redactor.learn(secret)
        return found

    def searched(self) -> str:
        """Where credentials are looked for, in words."""
        return self._credentials.searched()

    def known(self, access: Access) -> str | None:
        """An earlier ``Authorization`` for this access that has not expired."""
        with self._lock:
            found = [self._grants[known] for known in (access, access.of_writer) if known in self._grants]
        now = self._clock()
        valid = [grant for grant in found if grant.until > now]
        # A token that was made for writing gives no access to the repository that a blob is mounted from.
        usable = [grant for grant in valid if access.mounts_from is None or grant.is_for(access)]
        return usable[0].authorization if usable else None

    def answer(self, refusal: HttpAnswer, access: Access, registry: Origin, cancellation: Cancellation) -> Authorized:
        """The ``Authorization`` that answers the challenge of a 401 of the registry itself."""
        credentials = unwrap_or_failure(self.credentials(access.repository, cancellation))
        if isinstance(credentials, BadCredentials):
            return Failure(credentials)
        challenges = _challenges(refusal)
        if "bearer" in challenges and credentials is not None and credentials.registry_token:
            return Success(f"Bearer {credentials.registry_token}")
        if "bearer" in challenges:
            granted = self._token(challenges["bearer"], credentials, access, registry, cancellation)
            return granted.map(lambda authorization: self._kept(access, authorization))
        if "basic" in challenges:
            return self._basic(credentials, access)
        return Failure(_NEITHER)

    def anonymous(self, refusal: HttpAnswer, access: Access, host: Origin, cancellation: Cancellation) -> Authorized:
        """The answer to a challenge of another host, to which the registry redirects: without any credentials."""
        bearer = _challenges(refusal).get("bearer")
        if bearer is None:
            return Failure(Denied("it redirects to another host, which requires other credentials"))
        return self._token(bearer, None, access, host, cancellation).map(lambda granted: granted[0])

    def basic(self, access: Access, cancellation: Cancellation) -> str | None:
        """User and password for a registry that asks for none; None if there are none."""
        found = self.credentials(access.repository, cancellation).value_or(None)
        return found.basic if found is not None else None

    def keep(self, access: Access, authorization: str, life_seconds: float = float("inf")) -> str:
        """Use it for this access from now on."""
        with self._lock:
            self._grants[access] = _Grant(access, authorization, self._clock() + life_seconds)
        return authorization

    def _kept(self, access: Access, granted: tuple[str, float]) -> str:
        return self.keep(access, *granted)

    def _basic(self, credentials: Credentials | None, access: Access) -> Authorized:
        if credentials is None:
            return Failure(Denied("it requires a user and password", Denial.NO_CREDENTIALS))
        if credentials.basic is None:
            reason = "it requires a user and password, and these credentials are a token"
            return Failure(Denied(reason, Denial.WRONG_CREDENTIALS))
        return Success(self.keep(access.of_writer, credentials.basic))

    def _token(
        self,
        challenge: Challenge,
        credentials: Credentials | None,
        access: Access,
        registry: Origin,
        cancellation: Cancellation,
    ) -> Result[tuple[str, float], Denied | BadCredentials | Busy]:
        """The value of ``Authorization``, and the seconds for which it is valid."""
        realm, service = challenge.parameters.get("realm", ""), challenge.parameters.get("service", "")
        problem = url_problem(realm, registry)
        if problem is not None:
            return Failure(Denied(f"the registry's token service must not be used: {problem}"))
        requests = token_requests(realm, service, access.scopes(challenge.parameters.get("scope", "")), credentials)
        granted: Granted = self._service.token(requests, registry, credentials is not None, cancellation)
        return granted.map(lambda token: (self._learned(token.text), token.life_seconds))

    def _learned(self, token: str) -> str:
        self._redactor.learn(token)
        return f"Bearer {token}"


def _challenges(refusal: HttpAnswer) -> dict[str, Challenge]:
    return {found.scheme: found for found in parse_challenges(refusal.header_values("WWW-Authenticate"))}

"""Authorization for a registry: its ``WWW-Authenticate`` challenges, and Basic or a token of the service they name.

Docker Registry token authentication; RFC 7235, sections 2.1 and 4.1; RFC 6750 for ``Bearer``. Credentials are sent to
that service only, over https, or http on loopback for a registry that is itself on loopback.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, final
from urllib.parse import urlencode, urlsplit, urlunsplit

from image_builder_domain.failure import BadCredentials, RegistryUnreachable
from image_builder_domain.image.reference import Repository
from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer, HttpRequest, HttpSender
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.access import Access
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_adapters.registry.error_text import error_text
from image_builder_adapters.registry.safe_url import Origin, url_problem

_LARGEST_TOKEN: Final = 64 * 1024
_CLIENT: Final = "image-builder"
_DEFAULT_LIFE_SECONDS: Final = 60.0
_LONGEST_LIFE_SECONDS: Final = 24 * 3600.0
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATOR = re.compile(r"[ \t,]*")
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))[ \t]*(?=,|$)')
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")


@final
@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. The scheme and the names of the parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


@final
@dataclass(frozen=True, slots=True)
class Denied:
    """The challenge cannot be answered, for this reason."""

    reason: str


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
        self._client = client
        self._credentials = credentials
        self._redactor = redactor
        self._policy = policy
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
                self._found(repository, cancellation)

    def _found(self, repository: Repository, cancellation: Cancellation) -> Result[Credentials | None, BadCredentials]:
        found = self._credentials.find(repository, cancellation)
        for secret in credentials.secrets if (credentials := found.value_or(None)) is not None else ():
            self._redactor.learn(secret)
        return found

    def source(self, repository: Repository, cancellation: Cancellation) -> str:
        """Where the credentials for this repository come from, in words; empty if there are none."""
        if self._found(repository, cancellation).value_or(None) is None:
            return ""
        return next(iter(self._credentials.places(repository).value_or(())), "")

    def known(self, access: Access) -> str | None:
        """An earlier ``Authorization`` for this access that has not expired."""
        with self._lock:
            found = [self._grants[known] for known in (access, access.of_writer) if known in self._grants]
        now = self._clock()
        valid = [grant for grant in found if grant.until > now]
        # A token that was made for writing gives no access to the repository that a blob is mounted from.
        usable = [grant for grant in valid if access.mounts_from is None or grant.is_for(access)]
        return usable[0].authorization if usable else None

    def answer(
        self, refusal: HttpAnswer, access: Access, registry: Origin, cancellation: Cancellation
    ) -> Result[str, Denied | BadCredentials | RegistryUnreachable]:
        """The ``Authorization`` that answers the challenge of a 401."""
        credentials = unwrap_or_failure(self._found(access.repository, cancellation))
        if isinstance(credentials, BadCredentials):
            return Failure(credentials)
        challenges = {found.scheme: found for found in parse_challenges(refusal.header_values("WWW-Authenticate"))}
        if "bearer" in challenges and credentials is not None and credentials.registry_token:
            return Success(f"Bearer {credentials.registry_token}")
        if "bearer" in challenges:
            return self._token(challenges["bearer"], credentials, access, registry, cancellation)
        if "basic" in challenges:
            return self._basic(credentials, access)
        return Failure(Denied("the registry offers neither Basic nor Bearer authentication"))

    def _basic(self, credentials: Credentials | None, access: Access) -> Result[str, Denied]:
        if credentials is None or credentials.basic is None:
            return Failure(Denied("the registry requires a user and password, and no Docker configuration has them"))
        self._keep(access.of_writer, credentials.basic, float("inf"))
        return Success(credentials.basic)

    def _keep(self, access: Access, authorization: str, until: float) -> None:
        with self._lock:
            self._grants[access] = _Grant(access, authorization, until)

    def _token(
        self,
        challenge: Challenge,
        credentials: Credentials | None,
        access: Access,
        registry: Origin,
        cancellation: Cancellation,
    ) -> Result[str, Denied | RegistryUnreachable]:
        realm = challenge.parameters.get("realm", "")
        problem = url_problem(realm, registry)
        if problem is not None:
            return Failure(Denied(f"the registry's token service must not be used: {problem}"))
        service, named = challenge.parameters.get("service", ""), challenge.parameters.get("scope", "")
        requests = token_requests(realm, service, access.scopes(named), credentials)
        answer: HttpAnswer | None = None
        for request in requests:
            sent = send_with_retries(self._client, request, self._policy, cancellation, _LARGEST_TOKEN)
            found = unwrap_or_failure(sent.last)
            if not isinstance(found, HttpAnswer):
                return Failure(RegistryUnreachable(str(access.repository), f"token service: {found}"))
            answer = found
            if not (request.method == "POST" and answer.status in (404, 405)):
                break
        assert answer is not None  # noqa: S101 (there is at least one request)
        return self._granted(answer, access)

    def _granted(self, answer: HttpAnswer, access: Access) -> Result[str, Denied | RegistryUnreachable]:
        if answer.status != 200:
            reason = f"token service: {error_text(answer, self._redactor)}"
            is_transient = self._policy.is_transient(answer.status)
            return Failure(RegistryUnreachable(str(access.repository), reason) if is_transient else Denied(reason))
        token, life = read_token(answer.body)
        if token is None:
            return Failure(Denied("the answer of the token service has no usable token"))
        self._redactor.learn(token)
        self._keep(access, f"Bearer {token}", self._clock() + life)
        return Success(f"Bearer {token}")


def token_requests(
    realm: str, service: str, scopes: tuple[str, ...], credentials: Credentials | None
) -> tuple[HttpRequest, ...]:
    """The requests to try, in order: POST with a refresh token, to which old services answer 404 or 405, then GET."""
    parts = urlsplit(realm)
    named = [("service", service)] if service else []
    wanted = urlencode([*named, *(("scope", scope) for scope in scopes)])
    query = "&".join(filter(None, (parts.query, wanted)))  # keeps the realm's own query unchanged
    basic = credentials.basic if credentials is not None else None
    headers = (("Authorization", basic),) if basic is not None else ()
    get = HttpRequest("GET", urlunsplit((parts.scheme, parts.netloc, parts.path, query, "")), headers)
    if credentials is None or not credentials.identity_token:
        return (get,)
    form = {
        "grant_type": "refresh_token",
        **dict(named),
        "scope": " ".join(scopes),
        "client_id": _CLIENT,
        "refresh_token": credentials.identity_token,
    }
    form_type = (("Content-Type", "application/x-www-form-urlencoded"),)
    return (HttpRequest("POST", realm, form_type, urlencode(form).encode()), get)


def read_token(body: bytes) -> tuple[str | None, float]:
    """The token in an answer (``token`` or ``access_token``), and its life in seconds (60 by default)."""
    content = json_object(body).value_or(None)
    if content is None:
        return None, 0.0
    token = content.get("token") or content.get("access_token")
    life = content.get("expires_in")
    if isinstance(life, bool) or not isinstance(life, (int, float)):
        life = _DEFAULT_LIFE_SECONDS
    seconds = float(min(life, _LONGEST_LIFE_SECONDS))
    usable = isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token
    return (token if usable else None), seconds


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all headers, in order; of a malformed header, those before the error."""
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> Iterator[Challenge]:
    scheme: str | None = None
    parameters: dict[str, str] = {}
    position = _skip(header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position) if scheme is not None else None
        if parameter:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            position = _skip(header, parameter.end())
            continue
        if scheme is not None:
            yield Challenge(scheme, parameters)
        found = _SCHEME.match(header, position)
        if not found:
            return
        scheme, parameters = found[1].lower(), {}
        credentials = _TOKEN68.match(header, found.end())
        position = _skip(header, credentials.end() if credentials else found.end())
    if scheme is not None:
        yield Challenge(scheme, parameters)


def _skip(header: str, position: int) -> int:
    found = _SEPARATOR.match(header, position)
    return found.end() if found else position

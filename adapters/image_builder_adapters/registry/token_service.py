"""Tokens of the service that a registry's challenge names.

Docker Registry token authentication, "Requesting a Token" and "OAuth2"; RFC 6750. Credentials are sent to the service's
own origin only, over https, or http on loopback for a registry that is itself on loopback.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias, final
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from image_builder_domain.failure import Denial
from image_builder_domain.json_object import json_object
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import AnswerTooLarge, HttpAnswer, HttpRequest, HttpSender, NoAnswer
from image_builder_adapters.http.retry import RetryPolicy, send_with_retries
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.error_text import error_text, token_names
from image_builder_adapters.registry.safe_url import Origin, origin, url_problem

_LARGEST_TOKEN: Final = 64 * 1024
_CLIENT: Final = "image-builder"
_DEFAULT_LIFE_SECONDS: Final = 60.0
_LONGEST_LIFE_SECONDS: Final = 24 * 3600.0
_MOST_REDIRECTS: Final = 10
_KEEP_METHOD: Final = frozenset({307, 308})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@final
@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, and the seconds for which it is valid."""

    text: str = field(repr=False)
    life_seconds: float


@final
@dataclass(frozen=True, slots=True)
class Denied:
    """There is no access, for this reason; ``denial`` is its kind."""

    reason: str
    denial: Denial = Denial.OTHER


@final
@dataclass(frozen=True, slots=True)
class Busy:
    """The service gives no answer now: another attempt may succeed. ``cause`` is its answer, or why there is none."""

    cause: HttpAnswer | NoAnswer


Granted: TypeAlias = Result[Token, Denied | Busy]


@final
class TokenService:
    """Asks token services; thread-safe."""

    def __init__(self, client: HttpSender, redactor: Redactor, policy: RetryPolicy) -> None:
        self._client = client
        self._redactor = redactor
        self._policy = policy

    def token(
        self,
        requests: tuple[HttpRequest, ...],
        registry: Origin,
        has_credentials: bool,
        cancellation: Cancellation,
    ) -> Granted:
        """The token for the first of ``requests`` that the service supports; see :func:`token_requests`.

        ``registry`` is the origin whose challenge named the service.
        """
        last: HttpAnswer | None = None
        for request in requests:
            sent = unwrap_or_failure(self._follow(request, registry, cancellation))
            if not isinstance(sent, HttpAnswer):
                return Failure(sent)
            last = sent
            if not (request.method == "POST" and sent.status in (404, 405)):
                break
        assert last is not None  # noqa: S101 (there is at least one request)
        return self._read(last, has_credentials)

    def _follow(
        self, request: HttpRequest, registry: Origin, cancellation: Cancellation
    ) -> Result[HttpAnswer, Denied | Busy]:
        """The answer after redirects, which get credentials within the first request's origin only."""
        home = origin(request.url)
        for _ in range(_MOST_REDIRECTS + 1):
            problem = url_problem(request.url, registry)
            if problem is not None:
                return Failure(Denied(f"the registry's token service must not be used: {problem}"))
            sent = send_with_retries(self._client, request, self._policy, cancellation, _LARGEST_TOKEN)
            answer = unwrap_or_failure(sent.last)
            if isinstance(answer, AnswerTooLarge):
                return Failure(Denied(f"token service: {answer}"))
            if isinstance(answer, NoAnswer):
                return Failure(Busy(answer))
            if answer.status not in _REDIRECTS:
                return Success(answer)
            following = _redirected(request, answer)
            if origin(following.url) != home and following.body:
                return Failure(Denied("the registry's token service redirects a refresh token to another host"))
            # Once it left its origin, a request never gets the credentials back.
            is_home = origin(following.url) == home and origin(request.url) == home
            kept = following.headers if is_home else _without_login(following)
            request = HttpRequest(following.method, following.url, kept, following.body)
        return Failure(Denied(f"the registry's token service redirects more than {_MOST_REDIRECTS} times"))

    def _read(self, answer: HttpAnswer, has_credentials: bool) -> Granted:
        for secret in _tokens(answer.body):
            self._redactor.learn(secret)
        if not 200 <= answer.status < 300:
            if self._policy.is_transient(answer.status):
                return Failure(Busy(answer))
            refused = {400: Denial.WRONG_CREDENTIALS, 401: Denial.WRONG_CREDENTIALS, 403: Denial.NO_RIGHTS}
            denial = refused.get(answer.status, Denial.OTHER)
            if not has_credentials and denial is not Denial.OTHER:
                denial = Denial.NO_CREDENTIALS
            return Failure(Denied(f"token service: {error_text(answer, self._redactor)}", denial))
        text, life = read_token(answer.body)
        if text is None:
            return Failure(Denied("the answer of the token service has no usable token"))
        return Success(Token(text, life))


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


def _tokens(body: bytes) -> tuple[str, ...]:
    content = json_object(body).value_or({})
    return tuple(value for name, value in content.items() if token_names(name) and isinstance(value, str) and value)


def _redirected(request: HttpRequest, answer: HttpAnswer) -> HttpRequest:
    """The request after a redirect (RFC 9110, section 15.4); its URL is empty if the answer names no valid one."""
    location = answer.header("Location")
    try:
        url = urljoin(request.url, location) if location else ""
    except ValueError:
        url = ""
    if answer.status in _KEEP_METHOD:
        return HttpRequest(request.method, url, request.headers, request.body)
    return HttpRequest("GET", url, tuple(pair for pair in request.headers if pair[0] == "Authorization"))


def _without_login(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in request.headers if pair[0] != "Authorization")

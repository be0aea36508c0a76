"""Tokens from a registry's token service.

Distribution's "Token Authentication Specification" and its OAuth 2 form for identity tokens.
"""

import json
from dataclasses import dataclass, field
from typing import TypeAlias, final
from urllib.parse import urlencode, urlsplit, urlunsplit

from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http import AnswerTooLarge, Headers, HttpAnswer, HttpRequest, NoAnswer
from image_builder_adapters.registry.docker_config import Credentials
from image_builder_adapters.registry.redirect import BadRedirect, GetFailure, Getter
from image_builder_adapters.registry.safe_url import Origin
from image_builder_adapters.retry import send_with_retries

LARGEST_TOKEN_ANSWER = 64 * 1024
CLIENT_ID = "image-builder"

_DEFAULT_SECONDS = 60.0
_LONGEST_SECONDS = 24 * 3600
_NO_POST_HERE = frozenset({404, 405})


@final
@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What to ask for, where, and as whom (None: anonymously). ``registry`` is who sent us there."""

    realm: str
    service: str | None
    scope: str
    registry: Origin
    credentials: Credentials | None


@final
@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and how many seconds it is good for."""

    text: str = field(repr=False)
    seconds: float = _DEFAULT_SECONDS


@final
@dataclass(frozen=True, slots=True)
class TokenRefused:
    """The token service answered, but gave no token."""

    answer: HttpAnswer


@final
@dataclass(frozen=True, slots=True)
class UnusableToken:
    """A 200 answer that holds no token."""

    reason: str


TokenFailure: TypeAlias = GetFailure | TokenRefused | UnusableToken


def fetch_token(getter: Getter, request: TokenRequest, cancellation: Cancellation) -> Result[Token, TokenFailure]:
    """Ask once: with the identity token by POST when there is one, else (or when POST is unknown there) by GET."""
    identity = request.credentials.identity_token if request.credentials is not None else ""
    answer = unwrap_or_failure(
        _post(getter, request, identity, cancellation) if identity else _get(getter, request, cancellation)
    )
    if identity and isinstance(answer, HttpAnswer) and answer.status in _NO_POST_HERE:
        answer = unwrap_or_failure(_get(getter, request, cancellation))
    if isinstance(answer, (NoAnswer, AnswerTooLarge, BadRedirect)):
        return Failure(answer)
    if answer.status != 200:
        return Failure(TokenRefused(answer))
    return read_token(answer.body)


def read_token(body: bytes) -> Result[Token, TokenFailure]:
    """The token in an answer's body, under either of its two names."""
    try:
        content = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return Failure(UnusableToken("its answer is no JSON"))
    fields = content if isinstance(content, dict) else {}
    text = fields.get("token") or fields.get("access_token")
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
        return Failure(UnusableToken("its answer holds no usable 'token' or 'access_token'"))
    seconds = fields.get("expires_in")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        seconds = _DEFAULT_SECONDS
    return Success(Token(text, float(min(seconds, _LONGEST_SECONDS))))


def token_url(request: TokenRequest) -> str:
    """The realm with ``service`` and ``scope`` after its own query."""
    parts = urlsplit(request.realm)
    query = "&".join(filter(None, (parts.query, urlencode(_asked(request), safe=":/,"))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _asked(request: TokenRequest) -> list[tuple[str, str]]:
    service = [("service", request.service)] if request.service is not None else []
    return [*service, ("scope", request.scope)]


def _get(getter: Getter, request: TokenRequest, cancellation: Cancellation) -> Result[HttpAnswer, GetFailure]:
    basic = request.credentials.basic if request.credentials is not None else None
    headers: Headers = (("Authorization", basic),) if basic is not None else ()
    asked = HttpRequest("GET", token_url(request), headers)
    return getter.get(asked, request.registry, cancellation, LARGEST_TOKEN_ANSWER).map(lambda found: found.answer)


def _post(
    getter: Getter, request: TokenRequest, identity: str, cancellation: Cancellation
) -> Result[HttpAnswer, GetFailure]:
    """Not redirected: the body is a secret."""
    form = [("grant_type", "refresh_token"), *_asked(request), ("client_id", CLIENT_ID), ("refresh_token", identity)]
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    asked = HttpRequest("POST", request.realm, headers, urlencode(form).encode("ascii"))
    sent: Result[HttpAnswer, GetFailure] = send_with_retries(
        getter.sender, asked, getter.policy, cancellation, LARGEST_TOKEN_ANSWER
    ).last
    return sent

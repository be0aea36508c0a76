"""Secrets of type ``signify``: not a token, but what a token service exchanges for one.

The file is YAML with ``endpoint`` and ``payload`` (JSON text). Both are read before the build; the token is fetched
when there is something to sign, since it lives for a limited time and a build may take longer. Source: the wire
contract, "Auth signify".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from image_builder_domain.configuration.document import Mapping, Scalar
from image_builder_domain.ports import Cancellation
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

from image_builder_adapters.http.client import HttpAnswer, HttpRequest, HttpSender
from image_builder_adapters.http.retry import TRANSIENT_STATUSES
from image_builder_adapters.notary.exchange import Exchange, Verdict, endpoint_problem, send_repeatedly
from image_builder_adapters.secret_file import one_line
from image_builder_adapters.yaml_reader import parse_document

_SHORTEST_SECRET_VALUE = 8


@final
@dataclass(frozen=True, slots=True)
class Signify:
    """Where to get a token, and what to send there unchanged."""

    endpoint: str = field(repr=False)
    payload: str = field(repr=False)

    def secrets(self) -> tuple[str, ...]:
        """The payload, and every text in it that is long enough to be one."""
        return (
            self.payload,
            *(text for text in _texts(json.loads(self.payload)) if len(text) >= _SHORTEST_SECRET_VALUE),
        )


@final
@dataclass(frozen=True, slots=True)
class BadToken:
    """The token service's answer holds no token that can be used. Never quotes the answer: it may hold half of one."""

    reason: str


def parse_signify(text: str) -> Result[Signify, str]:
    """The endpoint and payload of the file's text, or what is wrong with it; other keys are the business of others."""
    document = unwrap_or_failure(parse_document(text, ""))
    if isinstance(document, tuple):  # the problems might quote the file
        where = document[0].where.lstrip(":") or "its beginning"
        return Failure(f"is no valid YAML, see {where}; it must hold 'endpoint' and 'payload'")
    entries = {key.text: value for key, value in document.entries} if isinstance(document, Mapping) else {}
    found = [entries.get(name) for name in ("endpoint", "payload")]
    for name, node in zip(("endpoint", "payload"), found, strict=True):
        if not isinstance(node, Scalar) or not node.text.strip():
            return Failure(f"{name!r} is missing or no text; the file must be YAML with 'endpoint' and 'payload'")
    endpoint, payload = (node.text for node in found if isinstance(node, Scalar))
    return _checked(Signify(endpoint.strip(), payload))


def fetch_token(
    secret: Signify,
    spacing_seconds: float,
    longest_pause_seconds: float,
    sender: HttpSender,
    cancellation: Cancellation,
) -> Result[str, Exchange | BadToken]:
    """Exchange the payload for a bearer token; how the exchange ended without one, or what is wrong with its answer."""
    headers = (("Content-Type", "application/json"),)
    request = HttpRequest("POST", secret.endpoint, headers, secret.payload.encode())
    exchange = send_repeatedly(request, _verdict, spacing_seconds, longest_pause_seconds, sender, cancellation)
    if exchange.verdict is not Verdict.SUCCESS or not isinstance(exchange.last, HttpAnswer):
        return Failure(exchange)
    return _token(exchange.last.body)


def _verdict(status: int) -> Verdict:
    if status == 200:
        return Verdict.SUCCESS
    return Verdict.TRANSIENT if status in TRANSIENT_STATUSES else Verdict.FINAL


def _token(body: bytes) -> Result[str, BadToken]:
    """The token of ``{"access_token": {"token": …}}``."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return Failure(BadToken("its answer is not JSON"))
    access = answer.get("access_token") if isinstance(answer, dict) else None
    token = access.get("token") if isinstance(access, dict) else None
    if not isinstance(token, str):
        return Failure(BadToken("its answer holds no access_token.token"))
    return one_line(token, "token").alt(lambda reason: BadToken(f"access_token.token {reason}"))


def _checked(secret: Signify) -> Result[Signify, str]:
    problem = endpoint_problem(secret.endpoint, has_secret=True)
    if problem is not None:
        return Failure(f"'endpoint' {problem}")
    try:
        json.loads(secret.payload)
    except (ValueError, RecursionError):
        return Failure("'payload' is no JSON text")
    return Success(secret)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(child)

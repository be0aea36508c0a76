"""Secrets of type ``signify``: a payload that a token service exchanges for a bearer token.

The file is YAML with ``endpoint`` and ``payload`` (JSON text). It is read before the build. The token is requested when
there is something to sign, because it may expire during a build. Source: the wire contract, "Auth signify".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from image_builder_domain.json_object import json_object, json_value
from image_builder_domain.ports import Cancellation
from image_builder_domain.yaml_document import Mapping, Scalar
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

from image_builder_adapters.files import one_line
from image_builder_adapters.http.client import HttpAnswer, HttpRequest, HttpSender
from image_builder_adapters.http.retry import TRANSIENT_STATUSES
from image_builder_adapters.notary.exchange import Exchange, Verdict, endpoint_problem, send_repeatedly
from image_builder_adapters.yaml_reader import parse_document

_SHORTEST_SECRET_VALUE = 8


@final
@dataclass(frozen=True, slots=True)
class Signify:
    """The URL of the token service, and the payload to send there unchanged."""

    endpoint: str = field(repr=False)
    payload: str = field(repr=False)

    def secrets(self) -> tuple[str, ...]:
        """The payload, and every string in it that is long enough to be a secret."""
        strings = _strings(json_value(self.payload).value_or(None))
        return (self.payload, *(text for text in strings if len(text) >= _SHORTEST_SECRET_VALUE))


@final
@dataclass(frozen=True, slots=True)
class BadToken:
    """The token service's answer has no usable token. Never quotes the answer, which may contain a part of one."""

    reason: str


def parse_signify(text: str) -> Result[Signify, str]:
    """The endpoint and payload in the file's text, or what is wrong with it. Other keys are ignored."""
    document = unwrap_or_failure(parse_document(text, ""))
    if isinstance(document, tuple):  # the problems may quote the file
        where = document[0].where.lstrip(":") or "its beginning"
        return Failure(f"is not valid YAML, see {where}; it must have 'endpoint' and 'payload'")
    entries = {key.text: value for key, value in document.entries} if isinstance(document, Mapping) else {}
    found = [entries.get(name) for name in ("endpoint", "payload")]
    for name, node in zip(("endpoint", "payload"), found, strict=True):
        if not isinstance(node, Scalar) or not node.text.strip():
            return Failure(f"{name!r} is missing or not text; the file must be YAML with 'endpoint' and 'payload'")
    endpoint, payload = (node.text for node in found if isinstance(node, Scalar))
    return _checked(Signify(endpoint.strip(), payload))


def fetch_token(
    secret: Signify,
    spacing_seconds: float,
    longest_pause_seconds: float,
    sender: HttpSender,
    cancellation: Cancellation,
) -> Result[str, Exchange | BadToken]:
    """A bearer token for the payload; the failed exchange, or what is wrong with the answer."""
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
    answer = unwrap_or_failure(json_object(body))
    if isinstance(answer, str):
        return Failure(BadToken(f"the answer {answer}"))
    access = answer.get("access_token")
    token = access.get("token") if isinstance(access, dict) else None
    if not isinstance(token, str):
        return Failure(BadToken("the answer has no access_token.token"))
    return one_line(token, "token").alt(lambda reason: BadToken(f"access_token.token: {reason}"))


def _checked(secret: Signify) -> Result[Signify, str]:
    problem = endpoint_problem(secret.endpoint, has_secret=True)
    if problem is not None:
        return Failure(f"'endpoint' {problem}")
    return json_value(secret.payload).map(lambda _: secret).alt(lambda reason: f"'payload' {reason}")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(child)

"""A request as it came in, and which operation of the service it asks for."""

import base64
import binascii
import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import parse_qsl, unquote, urlsplit


class Operation(enum.Enum):
    """What a client can ask for; faults are aimed at these."""

    TOKEN = "token"
    START_RUN = "start-run"
    LIST_RUNS = "list-runs"
    GET_RUN = "get-run"
    PREVIEW = "preview"
    GET_PIPELINE = "get-pipeline"
    LIST_BUILDS = "list-builds"
    GET_BUILD = "get-build"
    CANCEL = "cancel"
    TIMELINE = "timeline"
    LIST_LOGS = "list-logs"
    GET_LOG = "get-log"
    UNKNOWN = "unknown"


_BASE = r"/(?P<organization>[^/]+)/(?P<project>[^/]+)/_apis"
_PIPELINE = rf"{_BASE}/pipelines/(?P<pipeline>[0-9]+)"
_BUILDS = rf"{_BASE}/build/builds"
_BUILD = rf"{_BUILDS}/(?P<build>-?[0-9]+)"
_ROUTES = tuple(
    (method, re.compile(pattern, re.IGNORECASE), operation)
    for method, pattern, operation in (
        ("POST", r"/(?P<tenant>[^/]+)/oauth2/v2\.0/token", Operation.TOKEN),
        ("POST", rf"{_PIPELINE}/runs", Operation.START_RUN),
        ("GET", rf"{_PIPELINE}/runs", Operation.LIST_RUNS),
        ("GET", rf"{_PIPELINE}/runs/(?P<build>-?[0-9]+)", Operation.GET_RUN),
        ("POST", rf"{_PIPELINE}/preview", Operation.PREVIEW),
        ("GET", _PIPELINE, Operation.GET_PIPELINE),
        ("GET", _BUILDS, Operation.LIST_BUILDS),
        ("GET", _BUILD, Operation.GET_BUILD),
        ("PATCH", _BUILD, Operation.CANCEL),
        ("GET", rf"{_BUILD}/timeline(/[^/]+)?", Operation.TIMELINE),
        ("GET", rf"{_BUILD}/logs", Operation.LIST_LOGS),
        ("GET", rf"{_BUILD}/logs/(?P<log>[0-9]+)", Operation.GET_LOG),
    )
)


@final
@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``places`` are the parts of the path, decoded; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    operation: Operation
    places: Mapping[str, str]

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Request":
        """Take a request line apart; what fits no route is ``Operation.UNKNOWN``."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        for wanted, pattern, operation in _ROUTES:
            found = pattern.fullmatch(parts.path) if wanted == method else None
            if found is not None:
                places = {name: unquote(text) for name, text in found.groupdict().items() if text is not None}
                return cls(method, parts.path, query, headers, body, operation, places)
        return cls(method, parts.path, query, headers, body, Operation.UNKNOWN, {})

    def header(self, name: str) -> str:
        """A header's value, or nothing."""
        return self.headers.get(name.lower(), "")

    def number(self, place: str) -> int:
        """A number from the path."""
        return int(self.places[place])

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body.decode("utf-8-sig"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
            return None

    def credential(self) -> tuple[str, str]:
        """``("basic", password)``, ``("bearer", token)`` or ``("", "")``. A user name voids a basic credential."""
        scheme, _, rest = self.header("authorization").partition(" ")
        if scheme.lower() == "bearer":
            return "bearer", rest
        if scheme.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "basic", ""
        return "basic", "" if user else password


@final
@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request and what became of it. ``status`` is None when the connection was closed instead of answered."""

    request: Request
    status: int | None

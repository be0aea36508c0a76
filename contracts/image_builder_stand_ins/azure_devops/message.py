"""Requests and answers: the operation that a request names, and the JSON, text or HTML that comes back.

Shapes are those of recorded answers: lists are ``{"count", "value"}``, errors carry ``typeKey`` and ``typeName``, and
the media type of JSON names the version served.
"""

import base64
import binascii
import enum
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from image_builder_stand_ins.azure_devops.log import FilePart
from image_builder_stand_ins.azure_devops.representation import Place


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
    GET_APPROVAL = "get-approval"
    GET_QUEUE = "get-queue"
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
        ("GET", rf"{_BASE}/pipelines/approvals/(?P<approval>[0-9a-f-]{{36}})", Operation.GET_APPROVAL),
        ("GET", rf"{_BASE}/distributedtask/queues/(?P<queue>[0-9]+)", Operation.GET_QUEUE),
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


BOM = b"\xef\xbb\xbf"
JSON = "application/json; charset=utf-8"
_SERVED = f"{JSON}; api-version=7.1"
_BUILD_TYPE = "Microsoft.TeamFoundation.Build.WebApi.{}, Microsoft.TeamFoundation.Build2.WebApi"
_CORE_TYPE = "Microsoft.TeamFoundation.Core.WebApi.{}, Microsoft.TeamFoundation.Core.WebApi"
_PIPELINES_TYPE = "Microsoft.Azure.Pipelines.WebApi.{}, Microsoft.Azure.Pipelines.WebApi"
_SERVICES_TYPE = "Microsoft.VisualStudio.Services.{}, Microsoft.VisualStudio.Services.WebApi"
_TYPE_NAMES = {
    "ArgumentException": "System.ArgumentException, mscorlib",
    "ArgumentNullException": "System.ArgumentNullException, mscorlib",
    "BuildNotFoundException": _BUILD_TYPE.format("BuildNotFoundException"),
    "BuildLogNotFoundException": _BUILD_TYPE.format("BuildLogNotFoundException"),
    "InvalidBuildException": _BUILD_TYPE.format("InvalidBuildException"),
    "PipelineNotFoundException": _PIPELINES_TYPE.format("PipelineNotFoundException"),
    "PipelineValidationException": _PIPELINES_TYPE.format("PipelineValidationException"),
    "RunNotFoundException": _PIPELINES_TYPE.format("RunNotFoundException"),
    "ProjectDoesNotExistWithNameException": _CORE_TYPE.format("ProjectDoesNotExistWithNameException"),
    "UnauthorizedRequestException": "Microsoft.TeamFoundation.Framework.Server.UnauthorizedRequestException, "
    "Microsoft.TeamFoundation.Framework.Server",
    "VssVersionOutOfRangeException": _SERVICES_TYPE.format("WebApi.VssVersionOutOfRangeException"),
    "VssServiceException": "Microsoft.VisualStudio.Services.Common.VssServiceException, "
    "Microsoft.VisualStudio.Services.Common",
}


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body; ``part`` stands for the body when it is not None.

    ``announced`` is a ``Content-Length`` that is larger than what is sent: an answer cut short.
    """

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    part: FilePart | None = None
    announced: int | None = None

    @property
    def content(self) -> bytes:
        """The body, wherever it lies."""
        return self.body if self.part is None else self.part.read()

    def with_content(self, content: bytes) -> Self:
        """The same answer around other bytes."""
        return replace(self, body=content, part=None)

    def with_headers(self, *headers: tuple[str, str]) -> Self:
        """The same answer with more headers."""
        return replace(self, headers=(*self.headers, *headers))


def json_answer(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A JSON answer; only successes name the version served."""
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Answer(status, body, _SERVED if status < 300 else JSON, headers)


def listed(values: Sequence[object], headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A list as the service sends it."""
    return json_answer({"count": len(values), "value": list(values)}, headers=headers)


def envelope(type_key: str, message: str, properties: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON of an error. Framework exceptions have event id 0, the service's own 3000."""
    type_name = _TYPE_NAMES.get(type_key, _SERVICES_TYPE.format(f"Common.{type_key}"))
    custom = {} if properties is None else {"customProperties": dict(properties)}
    return {
        "$id": "1",
        **custom,
        "innerException": None,
        "message": message,
        "typeName": type_name,
        "typeKey": type_key,
        "errorCode": 0,
        "eventId": 0 if type_name.startswith("System.") else 3000,
    }


def error(status: int, type_key: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An error in its envelope."""
    return json_answer(envelope(type_key, message), status, headers)


def text_answer(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Plain text."""
    return Answer(status, text.encode(), "text/plain; charset=utf-8", headers)


def html_answer(status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A page for people."""
    return Answer(status, text.encode(), "text/html; charset=utf-8", headers)


_VERSION = re.compile(r"([0-9]+)\.([0-9]+)(-preview(\.[0-9]+)?)?")
NEWEST_VERSION = (7, 2)
SIGN_IN_PAGE = (
    '<!DOCTYPE html>\r\n<html lang="en-US">\r\n<head><title>Azure DevOps Services | Sign In</title></head>\r\n'
    '<body><form method="post"><input type="submit" value="Sign in"/></form></body>\r\n</html>\r\n'
)


def sign_in_location(place: Place) -> str:
    """Where the service sends a browser that nobody has signed in; the query is not for logs."""
    reply = quote(f"{place.root}/{place.organization}", safe="")
    return (
        f"https://spsprodeus27.vssps.visualstudio.com/_signin?realm=dev.azure.com&reply_to={reply}"
        f"&redirect=1&hid={uuid.uuid4()}&context=eyJodCI6Mn0#ctx=eyJTaWduSW4"
    )


def not_signed_in(place: Place, request: Request) -> Answer:
    """401 without a body for clients that ask for no redirect, the way to the sign-in page for others."""
    if request.header("x-tfs-fedauthredirect").lower() != "suppress":
        location = sign_in_location(place)
        return html_answer(302, "<html><head><title>Object moved</title></head></html>", (("Location", location),))
    if request.credential()[0] == "bearer":
        return Answer(401, headers=(("WWW-Authenticate", "Bearer"), ("WWW-Authenticate", "TFS-Federated")))
    return Answer(401, headers=(("WWW-Authenticate", 'Basic realm="https://tfsprodsin1.app.visualstudio.com/"'),))


def no_controller(request: Request) -> Answer:
    """An address that nothing answers at."""
    message = f"The controller for path '{request.path}' was not found or does not implement IController."
    return text_answer(404, message, (("x-tfs-serviceerror", quote(message, safe="")),))


def no_project(name: str) -> Answer:
    """A project that is not there, or that one may not see."""
    message = (
        f"TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and "
        "that the project exists on the specified Azure DevOps Server."
    )
    return error(404, "ProjectDoesNotExistWithNameException", message)


def pipeline_not_found(status: int, number: int) -> Answer:
    """A pipeline that is not there: 500 when it is to be previewed."""
    return error(status, "PipelineNotFoundException", f"Pipeline {number} could not be found.")


def build_not_found(number: int) -> Answer:
    """A run or build that is not there."""
    return error(404, "BuildNotFoundException", f"The requested build {number} could not be found.")


def version_refusal(request: Request, newest: tuple[int, int] = NEWEST_VERSION) -> Answer | None:
    """An api-version that is too high, or none at all; a missing one is filled in by the service."""
    asked = request.query.get("api-version")
    found = _VERSION.fullmatch(asked) if asked is not None else None
    if asked is None:
        return None
    if found is None:
        return error(400, "VssInvalidApiResourceVersionException", f"The api-version '{asked}' is not valid.")
    if (int(found[1]), int(found[2])) <= newest:
        return None
    message = (
        f"The requested REST API version of {found[1]}.{found[2]} is out of range for this server. "
        f"The latest REST API version this server supports is {newest[0]}.{newest[1]}."
    )
    return error(400, "VssVersionOutOfRangeException", message)

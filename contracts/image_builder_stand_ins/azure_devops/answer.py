"""What the service answers: bytes, headers, and the error envelope that every refusal comes in.

Shapes are those of recorded answers: lists are ``{"count", "value"}``, errors carry ``typeKey`` and ``typeName``, JSON
says the version served in its media type.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, final

BOM = b"\xef\xbb\xbf"
JSON = "application/json; charset=utf-8"
_SERVED = f"{JSON}; api-version=7.1"
_BUILD = "Microsoft.TeamFoundation.Build.WebApi.{}, Microsoft.TeamFoundation.Build2.WebApi"
_CORE = "Microsoft.TeamFoundation.Core.WebApi.{}, Microsoft.TeamFoundation.Core.WebApi"
_PIPELINES = "Microsoft.Azure.Pipelines.WebApi.{}, Microsoft.Azure.Pipelines.WebApi"
_SERVICES = "Microsoft.VisualStudio.Services.{}, Microsoft.VisualStudio.Services.WebApi"
_TYPE_NAMES = {
    "ArgumentException": "System.ArgumentException, mscorlib",
    "ArgumentNullException": "System.ArgumentNullException, mscorlib",
    "BuildNotFoundException": _BUILD.format("BuildNotFoundException"),
    "BuildLogNotFoundException": _BUILD.format("BuildLogNotFoundException"),
    "InvalidBuildException": _BUILD.format("InvalidBuildException"),
    "PipelineNotFoundException": _PIPELINES.format("PipelineNotFoundException"),
    "PipelineValidationException": _PIPELINES.format("PipelineValidationException"),
    "RunNotFoundException": _PIPELINES.format("RunNotFoundException"),
    "ProjectDoesNotExistWithNameException": _CORE.format("ProjectDoesNotExistWithNameException"),
    "UnauthorizedRequestException": "Microsoft.TeamFoundation.Framework.Server.UnauthorizedRequestException, "
    "Microsoft.TeamFoundation.Framework.Server",
    "VssVersionOutOfRangeException": _SERVICES.format("WebApi.VssVersionOutOfRangeException"),
    "VssServiceException": "Microsoft.VisualStudio.Services.Common.VssServiceException, "
    "Microsoft.VisualStudio.Services.Common",
}


@final
@dataclass(frozen=True, slots=True)
class FilePart:
    """Bytes ``start`` to ``end`` (not included) of a file, sent without reading them into memory."""

    path: Path
    start: int
    end: int

    def read(self) -> bytes:
        """All of it at once."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.end - self.start)


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
    type_name = _TYPE_NAMES.get(type_key, _SERVICES.format(f"Common.{type_key}"))
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

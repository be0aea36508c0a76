"""The payload of a GitHub event, the JSON file at ``GITHUB_EVENT_PATH``."""

import json
import os
import stat
from typing import Any

from image_builder_domain.problem import Problems, refuse
from returns.result import Result, Success

LARGEST_PAYLOAD = 25 << 20
"""Bytes; GitHub makes none that is larger."""

_WHERE = "GITHUB_EVENT_PATH"


def read_event(path: str) -> Result[dict[str, Any], Problems]:
    """The payload, as it is; at most 25 MiB of a regular file that holds one JSON object."""
    if not path:
        return refuse(_WHERE, "this variable of the GitHub Actions job is not set", "hand it on to the tool")
    try:
        content = _content(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return refuse(_WHERE, f"{path} cannot be read: {reason}", "mount the file where the variable says it is")
    if content is None:
        return refuse(_WHERE, f"{path} is no regular file", "mount the event's payload there")
    if len(content) > LARGEST_PAYLOAD:
        return refuse(_WHERE, f"{path} is larger than {LARGEST_PAYLOAD >> 20} MiB", "hand on the event's own payload")
    return _decoded(content, path)


def _content(path: str) -> bytes | None:
    """At most one byte too many; None for what is no regular file. A pipe without a writer does not block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_PAYLOAD + 1)
    finally:
        os.close(descriptor)


def _decoded(content: bytes, path: str) -> Result[dict[str, Any], Problems]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return refuse(_WHERE, f"{path} is no JSON", "hand on the event's own payload")
    if not isinstance(found, dict):
        return refuse(_WHERE, f"{path} is no JSON object", "hand on the event's own payload")
    return Success(found)

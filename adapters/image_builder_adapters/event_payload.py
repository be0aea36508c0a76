"""The payload of a GitHub event, the JSON file at ``GITHUB_EVENT_PATH``."""

import json
from typing import Any

from image_builder_domain.problem import Problem, Problems, refuse
from returns.result import Result, Success

from image_builder_adapters.regular_file import read_file

LARGEST_PAYLOAD = 25 << 20
"""Bytes; GitHub makes none that is larger."""

_WHERE = "GITHUB_EVENT_PATH"
_REMEDY = "hand the event's own payload on to the tool"


def read_event(path: str) -> Result[dict[str, Any], Problems]:
    """The payload, as it is; at most 25 MiB of a regular file that holds one JSON object."""
    if not path:
        return refuse(_WHERE, "this variable of the GitHub Actions job is not set", _REMEDY)
    content = read_file(path, _REMEDY, LARGEST_PAYLOAD).alt(
        lambda problems: tuple(Problem(f"{_WHERE}: {found.where}", found.what, found.remedy) for found in problems)
    )
    return content.bind(lambda found: _decoded(found, f"{_WHERE}: {path}"))


def _decoded(content: bytes, where: str) -> Result[dict[str, Any], Problems]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return refuse(where, "this is no JSON", _REMEDY)
    return Success(found) if isinstance(found, dict) else refuse(where, "this is no JSON object", _REMEDY)

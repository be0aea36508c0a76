"""Facts about this job beside its variables: where the process runs, and the payload of a GitHub event."""

import os
from typing import Any, Final

from image_builder_domain.job.local import Place
from image_builder_domain.json_object import json_object
from image_builder_domain.problem import Problem, Problems, located, refuse
from returns.result import Result

from image_builder_adapters.files import read_file

LARGEST_PAYLOAD: Final = 25 << 20
"""Bytes; GitHub makes none that is larger."""

_EVENT: Final = "GITHUB_EVENT_PATH"
_REMEDY: Final = "hand the event's own payload on to the tool"
_OF_RUNTIMES: Final = (".dockerenv", "run/.containerenv")
"""Files that Docker and Podman leave in the root of a container; other runtimes leave none."""


def find_place(root: str = "/") -> Place:
    """The files of container runtimes below ``root``, and whether standard input, output or error is a terminal."""
    return Place(
        in_container=any(os.path.lexists(os.path.join(root, name)) for name in _OF_RUNTIMES),
        has_terminal=any(os.isatty(stream) for stream in range(3)),
    )


def read_event(path: str) -> Result[dict[str, Any], Problems]:
    """The payload in the file that ``GITHUB_EVENT_PATH`` names: a regular file of at most 25 MiB with a JSON object."""
    if not path:
        return refuse(_EVENT, "this variable of the GitHub Actions job is not set", _REMEDY)
    content = read_file(path, _REMEDY, LARGEST_PAYLOAD).alt(
        lambda problems: tuple(Problem(f"{_EVENT}: {found.where}", found.what, found.remedy) for found in problems)
    )
    return content.bind(
        lambda found: located(json_object(found, strict=True).alt("this {}".format), f"{_EVENT}: {path}", _REMEDY)
    )

"""The payload of a GitHub event: each member is there and of its type, or a problem names its JSON path."""

from collections.abc import Mapping
from typing import Any

from returns.result import Result, Success

from image_builder_domain.job import variable
from image_builder_domain.problem import Problems, refuse

WHERE = "GITHUB_EVENT_PATH"
_REMEDY = "the payload is not that of this event; hand the job's own file on to the tool"

_LONGEST = 1000  # no name, ref or commit is longer; a problem that quotes it stays readable


def text(event: Mapping[str, Any], path: str) -> Result[str, Problems]:
    """A text of 1 to 1000 characters; ``path`` is dotted."""
    found = _at(event, path)
    if isinstance(found, str) and 0 < len(found) <= _LONGEST:
        return Success(found)
    return refuse(WHERE, f"{path} is {_kind(found)}, and must be a text", _REMEDY)


def optional_text(event: Mapping[str, Any], path: str) -> str | None:
    """A text, None for anything else."""
    found = _at(event, path)
    return found if isinstance(found, str) and found else None


def flag(event: Mapping[str, Any], path: str) -> bool | None:
    """A truth value, None for anything else."""
    found = _at(event, path)
    return found if isinstance(found, bool) else None


def sha(event: Mapping[str, Any], path: str) -> Result[str, Problems]:
    """A full commit."""
    return text(event, path).bind(lambda found: variable.commit(found, f"{WHERE}: {path}"))


def pull_number(event: Mapping[str, Any], path: str) -> Result[int, Problems]:
    """The number of a pull request, from 1."""
    found = _at(event, path)
    if type(found) is int and 0 < found < 10**10:
        return Success(found)
    return refuse(WHERE, f"{path} is {_kind(found)}, and must be a whole number from 1", _REMEDY)


def _at(event: Mapping[str, Any], path: str) -> Any:
    found: Any = event
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _kind(found: Any) -> str:
    """What is there instead, without its content, which may be long and somebody else's."""
    if found is None:
        return "missing"
    kinds = {bool: "a truth value", int: "a number out of range", float: "a fraction", str: "empty or too long"}
    return kinds.get(type(found), "something else")

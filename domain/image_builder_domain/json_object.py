"""JSON objects without a second meaning, read from text that a stranger may have written."""

import json
from typing import Any

from returns.result import Failure, Result, Success


def json_object(content: bytes | str) -> Result[dict[str, Any], str]:
    """The object that the text (bytes: UTF-8) holds, or the reason why it holds none.

    RFC 8259 leaves open what a repeated name means, and parsers differ, so repeated names are refused. So are ``NaN``
    and infinities, which are not JSON, and nesting deeper than Python's stack.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except _RepeatedNameError as error:
        return Failure(f"this JSON has the name {error.args[0]!r} twice")
    except (ValueError, RecursionError):
        return Failure("this is not JSON")
    return Success(value) if isinstance(value, dict) else Failure("this is not a JSON object")


class _RepeatedNameError(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedNameError(next(name for name in names if names.count(name) > 1)[:80])
    return value


def _refuse(word: str) -> Any:
    raise ValueError(word)

"""JSON texts of other programs and people, read without exceptions.

A reason is the rest of a sentence that begins with the text's name, such as ``is not JSON``. It does not quote values,
which may be secret. A text that is nested too deeply, or holds an integer of thousands of digits, is not JSON here.
"""

import json
from typing import Any

from returns.result import Failure, Result, Success


def json_value(text: str | bytes, *, strict: bool = False) -> Result[Any, str]:
    """The value of a JSON text, whose bytes are UTF-8.

    ``strict`` is for texts that others read too, because readers differ: it rejects objects that repeat a name, which
    RFC 8259 leaves open, and a byte order mark, ``NaN`` and ``Infinity``.
    """
    try:
        if not strict:
            return Success(json.loads(text if isinstance(text, str) else text.decode("utf-8-sig")))
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return Success(json.loads(decoded, object_pairs_hook=_unique, parse_constant=_reject))
    except _RepeatedNameError as error:
        return Failure(f"has the name {error.args[0]!r} twice in one object")
    except (ValueError, RecursionError):
        return Failure("is not JSON")


def json_object(text: str | bytes, *, strict: bool = False) -> Result[dict[str, Any], str]:
    """The object of a JSON text, as :func:`json_value` reads it; the reason may be ``is not a JSON object``, too."""
    value = json_value(text, strict=strict)
    return value.bind(lambda found: Success(found) if isinstance(found, dict) else Failure("is not a JSON object"))


class _RepeatedNameError(ValueError):
    """An object repeats this name."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, member in pairs:
        if name in value:
            raise _RepeatedNameError(name[:80])
        value[name] = member
    return value


def _reject(word: str) -> Any:
    raise ValueError(word)

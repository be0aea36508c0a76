"""JSON without a second meaning: RFC 8259 leaves open what a repeated name means, and parsers differ."""

import json
from typing import Any


def read_strictly(content: bytes) -> dict[str, Any] | None:
    """The object that UTF-8 ``content`` holds; None for anything else, repeated names, NaN and endless nesting."""
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(word)

"""Decoders of quantities: whole numbers as Go's yaml.v3 reads them into an integer field, and Go's durations."""

import re

from returns.result import Failure, Result, Success

from image_builder_domain.configuration.decoder import Decoder, Schema, shown, text
from image_builder_domain.configuration.document import Node, Scalar
from image_builder_domain.go import duration as go
from image_builder_domain.problem import Problem

_DECIMAL_POINT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_BASES = (
    (re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)"), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)"), 8),
    (re.compile(r"([-+]?)([0-9]+)"), 10),
)
_LONGEST = 64


def whole_number(least: int, most: int) -> Decoder[int]:
    """A plain whole number in these limits, as yaml.v3 reads it: ``0x1f`` and ``1_000`` are numbers, ``010`` is 8."""

    def read(node: Node, path: str, problems: list[Problem]) -> int | None:
        number = whole(node.text) if isinstance(node, Scalar) and node.plain else None
        if number is not None and least <= number <= most:
            return number
        what = f"{path} must be a whole number from {least} to {most}{shown(node)}"
        problems.append(Problem(node.where, what, "write digits, without quotes"))
        return None

    return Decoder(read, lambda: {"type": "integer", "minimum": least, "maximum": most})


def duration(*, zero: bool = False, most: float | None = None) -> Decoder[float]:
    """Seconds, from a Go duration; never negative, 0 only when asked for, at most ``most`` seconds."""

    def seconds(written: str) -> Result[float, str]:
        found = go.seconds(written)
        if isinstance(found, Failure):
            return Failure(str(found.failure()))
        value = found.unwrap()
        if value < 0 or (value == 0 and not zero):
            return Failure(f"{written!r} is too short; write {'0s or more' if zero else 'more than 0s'}")
        if most is not None and value > most:
            return Failure(f"{written!r} is too long; write {most:.0f}s or less")
        return Success(value)

    def schema() -> Schema:
        return {"type": "string", "pattern": go.PATTERN if zero else go.POSITIVE_PATTERN}

    return Decoder(text.parsed(seconds).read, schema)


def whole(written: str) -> int | None:
    """The number of a plain scalar: Go's bases (``010`` is octal), ``_`` between digits, ``1e3``; else None."""
    digits = written.replace("_", "")
    if not digits or len(digits) > _LONGEST or written[0] == "_":
        return None
    for pattern, base in _BASES:
        match = pattern.fullmatch(digits)
        if match and not (base == 10 and len(match[2]) > 1 and match[2][0] == "0"):
            return int(match[1] + match[2], base)
    if not _DECIMAL_POINT.fullmatch(digits):
        return None
    number = float(digits)
    return int(number) if number.is_integer() else None

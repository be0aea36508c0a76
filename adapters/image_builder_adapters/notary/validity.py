"""From when until when a certificate is valid, read from its DER (RFC 5280, section 4.1); pure.

The standard library shows these dates only for a peer's certificate, so this walks to the one field it needs.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from returns.result import Failure, Result, Success

Validity: TypeAlias = tuple[datetime, datetime]

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_BEFORE_VALIDITY = 3  # serial number, signature algorithm, issuer


def validity(der: bytes) -> Result[Validity, str]:
    """The first and last second of validity, or why ``der`` is no certificate."""
    try:
        certificate = _only(der, _SEQUENCE)
        fields = _elements(_only(certificate, _SEQUENCE))
        first = next(fields)
        for _ in range(_BEFORE_VALIDITY if first[0] == _VERSION else _BEFORE_VALIDITY - 1):
            next(fields)
        start, end = (_time(tag, content) for tag, content in _elements(_content(next(fields), _SEQUENCE)))
    except (ValueError, IndexError, StopIteration):
        return Failure("its dates cannot be read")
    return Success((start, end))


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """The tag and content of each element in ``der``, one after another."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at : at + octets], "big")
            at += octets
        if at + length > len(der):
            raise ValueError("truncated")
        yield tag, der[at : at + length]
        at += length


def _only(der: bytes, tag: int) -> bytes:
    return _content(next(_elements(der)), tag)


def _content(element: tuple[int, bytes], tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError("another element was expected")
    return element[1]


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        # Two digits for the year: from 50 on they belong to the last century.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)

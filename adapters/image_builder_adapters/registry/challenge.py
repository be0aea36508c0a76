"""The challenges of ``WWW-Authenticate``: RFC 7235, sections 2.1 and 4.1. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SEPARATOR = re.compile(r"[ \t,]*")
_PARAMETER = re.compile(rf'({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}))[ \t]*(?=,|$)')
_SCHEME = re.compile(rf"({_TOKEN})(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")


@final
@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate. The scheme and the names of the parameters are in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all headers, in order; of a malformed header, those before the error."""
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> Iterator[Challenge]:
    scheme: str | None = None
    parameters: dict[str, str] = {}
    position = _skip(header, 0)
    while position < len(header):
        parameter = _PARAMETER.match(header, position) if scheme is not None else None
        if parameter:
            name, quoted, plain = parameter.groups()
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            position = _skip(header, parameter.end())
            continue
        if scheme is not None:
            yield Challenge(scheme, parameters)
        found = _SCHEME.match(header, position)
        if not found:
            return
        scheme, parameters = found[1].lower(), {}
        credentials = _TOKEN68.match(header, found.end())
        position = _skip(header, credentials.end() if credentials else found.end())
    if scheme is not None:
        yield Challenge(scheme, parameters)


def _skip(header: str, position: int) -> int:
    found = _SEPARATOR.match(header, position)
    return found.end() if found else position

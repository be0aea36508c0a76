"""Build arguments: ``NAME=value`` pairs that a Dockerfile takes with ``ARG``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from returns.result import Failure, Result, Success

from image_builder_domain.problem import Problem, Problems
from image_builder_domain.secret_name import looks_secret
from image_builder_domain.tag import Tag

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Engines know these without ARG: proxies, BuildKit's settings, the platform (Dockerfile reference, "ARG").
_PREDEFINED = re.compile(
    r"(?:HTTPS?|FTP|NO|ALL)_PROXY|(?:https?|ftp|no|all)_proxy|BUILDKIT_.*|SOURCE_DATE_EPOCH"
    r"|(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE"
)


@final
@dataclass(frozen=True, slots=True)
class BuildArgument:
    """One argument; ``value`` is kept byte for byte (surrogate escapes stand for bytes that are no UTF-8)."""

    name: str
    value: str

    @property
    def looks_secret(self) -> bool:
        """True when the name says that the value should be hidden; it is passed all the same, and kept in the image."""
        return looks_secret(self.name)

    def __str__(self) -> str:
        return f"{self.name}={'***' if self.looks_secret else self.value}"


def is_argument_name(text: str) -> bool:
    """True for the names that a Dockerfile's ``ARG`` can declare."""
    return _NAME.fullmatch(text) is not None


def is_predefined(name: str) -> bool:
    """True for arguments that have an effect without being declared."""
    return _PREDEFINED.fullmatch(name) is not None


def exported_tags(tags: Iterable[Tag]) -> Result[tuple[BuildArgument, ...], Problems]:
    """``TAG_<name>`` for each tag (``--export-tags``); characters that an ``ARG`` cannot hold become ``_``."""
    arguments: dict[str, Tag] = {}
    for tag in tags:
        name = "TAG_" + re.sub(r"[^A-Za-z0-9_]", "_", tag.name)
        if name in arguments:
            clash = f"the tags {arguments[name].name!r} and {tag.name!r} would both be exported as {name}"
            return Failure((Problem("--export-tags", clash, "rename one of them: name=value"),))
        arguments[name] = tag
    return Success(tuple(BuildArgument(name, tag.value) for name, tag in arguments.items()))

"""Build arguments: ``NAME=value`` pairs that a Dockerfile takes with ``ARG``, and the file of ``--env-file``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.problem import Problem, Problems, every, refuse
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
    """One argument; ``value`` is kept byte for byte (surrogate escapes stand for bytes that are not UTF-8)."""

    name: str
    value: str

    @property
    def looks_secret(self) -> bool:
        """True when the name suggests a secret. The image keeps the value; output hides it."""
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
    """``TAG_<name>`` for each tag (``--export-tags``); characters that an ``ARG`` name cannot have become ``_``."""
    arguments: dict[str, Tag] = {}
    for tag in tags:
        name = "TAG_" + re.sub(r"[^A-Za-z0-9_]", "_", tag.name)
        if name in arguments:
            clash = f"the tags {arguments[name].name!r} and {tag.name!r} would both be exported as {name}"
            return Failure((Problem("--export-tags", clash, "rename one of them: name=value"),))
        arguments[name] = tag
    return Success(tuple(BuildArgument(name, tag.value) for name, tag in arguments.items()))


# --- the file of --env-file ------------------------------------------------------------------------------------------

MOST_ARGUMENTS: Final = 1_000
"""The limit of one file. Every variant gets all of them on a command line."""

_WRITE = "write NAME=value, or begin a comment with '#'"


def env_file_arguments(text: str, file: str) -> Result[tuple[BuildArgument, ...], Problems]:
    """The arguments in the order of their lines; every malformed line is a problem with its number.

    Blank lines and lines that begin with ``#`` are left out. A value is everything after the first ``=``: quotes and
    blanks belong to it. No problem quotes a line, which may be secret.
    """
    lines = ((number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1))
    arguments = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    if len(arguments) > MOST_ARGUMENTS:
        what = f"the file holds {len(arguments)} arguments, and at most {MOST_ARGUMENTS} are possible"
        return refuse(file, what, "write fewer")
    return every(_argument(line, f"{file}:{number}") for number, line in arguments)


def _argument(line: str, where: str) -> Result[BuildArgument, Problems]:
    name, equals, value = line.partition("=")
    if not equals:
        return refuse(where, "the line has no '='", _WRITE)
    if not is_argument_name(name):
        return refuse(where, "the text before the first '=' is not a valid build argument name", _WRITE)
    if "\0" in value:
        return refuse(where, "the line holds a NUL character, which no argument can hold", "remove it")
    return Success(BuildArgument(name, value))

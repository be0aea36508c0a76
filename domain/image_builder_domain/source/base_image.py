"""The repositories that a build reads: base images, images of ``COPY --from`` and mounts, and the frontend.

Dockerfile reference, ``FROM``, ``COPY --from``, ``RUN --mount=from=`` and "Environment replacement". A name that cannot
be read is left out: the engine reports errors of the Dockerfile.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from returns.methods import unwrap_or_failure

from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.dockerfile import instructions

_MOST: Final = 200
_LONGEST: Final = 1000
_FLAG: Final = re.compile(r"--[^\s=]+(?:=\S*)?\s+")
_FROM_FLAG: Final = re.compile(r"--from=(\S+)")
_MOUNT: Final = re.compile(r"--mount=(\S+)")
_DEFAULT: Final = re.compile(r"""([A-Za-z_][A-Za-z0-9_]*)=("[^"]*"|'[^']*'|\S*)""")
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::?([-+])([^{}]*))?\}|([A-Za-z_]\w*))")
_SYNTAX: Final = re.compile(r"^(?:#|//)[ \t]*syntax[ \t]*=[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


def base_repositories(dockerfile: str, arguments: Iterable[BuildArgument]) -> tuple[Repository, ...]:
    """The repositories that the text of a Dockerfile names with these build arguments, at most 200, each once."""
    given = {argument.name: argument.value for argument in arguments}
    found: dict[Repository, None] = {}
    for name in _names(dockerfile, given):
        reference = unwrap_or_failure(ImageReference.parse(_tagged(name)))
        if isinstance(reference, ImageReference) and len(found) < _MOST:
            found[reference.repository] = None
    return tuple(found)


def _names(dockerfile: str, given: dict[str, str]) -> Iterator[str]:
    values, stages = dict[str, str](), set[str]()
    yield from (match[1] for match in _SYNTAX.finditer(dockerfile[:_LONGEST]))
    if syntax := given.get("BUILDKIT_SYNTAX", "").split():
        yield syntax[0]
    for instruction, rest in instructions(dockerfile):
        match instruction:
            case "arg" if not stages:
                for name, default in _DEFAULT.findall(rest[:_LONGEST]):
                    values[name] = given.get(name, _expanded(default.strip("\"'"), values))
            case "from":
                words = _FLAG.sub("", rest[:_LONGEST]).split()
                name = _expanded(words[0], given | values) if words else ""
                if name.lower() not in stages:
                    yield name
                stages |= {str(len(stages)), *((words[2].lower(),) if len(words) > 2 else ())}
            case "copy" | "add" | "run":
                yield from (name for name in _others(rest[:_LONGEST], given | values) if name.lower() not in stages)
            case _:
                pass


def _others(rest: str, values: Mapping[str, str]) -> Iterator[str]:
    """Images that an instruction reads files from."""
    flags = [match[1] for match in _FROM_FLAG.finditer(rest)]
    for mount in _MOUNT.finditer(rest):
        flags += [part[5:] for part in mount[1].split(",") if part.startswith("from=")]
    return (_expanded(flag, values) for flag in flags)


def _expanded(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, operator, word = match[1] or match[4], match[2], match[3] or ""
        found = values.get(name, "")
        if operator == "+":
            return word if found else ""
        return found or (word if operator == "-" else "")

    return _VARIABLE.sub(value, text)[:_LONGEST]


def _tagged(name: str) -> str:
    """The name with a tag: our references have one, and a Dockerfile's need none."""
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"

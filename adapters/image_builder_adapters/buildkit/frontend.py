"""The frontends that a Dockerfile names, and whether a frontend keeps two sides apart.

A frontend runs inside the daemon and may use everything there, such as the cache mount of another build. The rules are
those of BuildKit's ``parser.DetectSyntax`` (v0.33). It skips a byte order mark and a line ``#!``. Then the first lines
may be directives ``# syntax=`` or ``// syntax=``, or the whole file is a JSON object with a member ``syntax``. Other
versions stop at other lines, so here every directive counts, and an unknown one does not end them.
"""

from collections.abc import Iterator
from typing import Final

SYNTAX_ARGUMENT: Final = "BUILDKIT_SYNTAX"
"""The build argument that names a frontend. It takes precedence over the Dockerfile."""

_BYTE_ORDER_MARK: Final = "\ufeff"
_OF_DOCKER: Final = frozenset(("docker/dockerfile", "docker.io/docker/dockerfile", "index.docker.io/docker/dockerfile"))


def named_frontends(dockerfile: str) -> tuple[str, ...]:
    """The images that the text of a Dockerfile names as its frontend. Never fails, and takes linear time."""
    text = dockerfile.removeprefix(_BYTE_ORDER_MARK)
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    return tuple(dict.fromkeys((*_directives(text, "#"), *_directives(text, "//"), *_of_json(text))))


def frontend_image(words: str) -> str:
    """The image of a directive or of ``BUILDKIT_SYNTAX``: the first word. The others are the frontend's arguments."""
    return words.strip().partition(" ")[0]


def is_dockerfile_frontend(image: str) -> bool:
    """True for ``docker/dockerfile`` of Docker Hub, with any tag or digest."""
    name = image.partition("@")[0]
    host, slash, rest = name.rpartition("/")
    return f"{host}{slash}{rest.partition(':')[0]}" in _OF_DOCKER


def _directives(text: str, comment: str) -> Iterator[str]:
    start = 0
    while text.startswith(comment, start):
        end = text.find("\n", start)
        line = text[start + len(comment) : end if end >= 0 else None]
        name, equals, value = line.partition("=")
        if not equals:
            return
        if name.strip().lower() == "syntax" and value.strip():
            yield frontend_image(value)
        if end < 0:
            return
        start = end + 1


def _of_json(text: str) -> Iterator[str]:
    if not text.lstrip().startswith("{"):
        return
    import json

    try:
        members = json.loads(text, parse_int=float)  # Python refuses long integers, which Go accepts
    except RecursionError:  # Go accepts deeper nesting
        yield "{"
        return
    except ValueError:
        return
    if isinstance(members.get("syntax"), str):
        yield frontend_image(members["syntax"])

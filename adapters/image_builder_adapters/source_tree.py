"""The build context on disk: where its Dockerfile is, and what lies beside it.

A context may come from a stranger, so a Dockerfile that is a link to a place outside of it is refused.
"""

import os
import stat

from image_builder_domain.problem import Problems, refuse
from returns.result import Result, Success

_DEFAULTS = ("Dockerfile", "dockerfile")


def find_dockerfile(context: str, dockerfile: str | None) -> Result[tuple[str, str], Problems]:
    """The absolute context and the Dockerfile's path below it; without one given, ``Dockerfile`` or ``dockerfile``."""
    return _context(context).bind(
        lambda folder: (_default(folder) if dockerfile is None else _given(folder, dockerfile)).map(
            lambda path: (folder, path)
        )
    )


def has_variants(context: str, dockerfile: str) -> bool:
    """Whether something named ``variants.yaml`` lies beside the Dockerfile."""
    return os.path.lexists(os.path.join(context, os.path.dirname(dockerfile), "variants.yaml"))


def _context(context: str) -> Result[str, Problems]:
    try:
        mode = os.stat(context).st_mode
    except OSError as error:
        return refuse("--context", f"{context!r} cannot be used: {error.strerror}", "name an existing directory")
    if not stat.S_ISDIR(mode):
        return refuse("--context", f"{context!r} is no directory", "name the directory that holds the sources")
    return Success(os.path.realpath(context))


def _default(context: str) -> Result[str, Problems]:
    for name in _DEFAULTS:
        if os.path.lexists(os.path.join(context, name)):
            return _given(context, name)
    what = f"there is neither a Dockerfile nor a dockerfile in {context!r}"
    return refuse("--dockerfile", what, "name one, relative to the context")


def _given(context: str, dockerfile: str) -> Result[str, Problems]:
    if os.path.isabs(dockerfile):
        return refuse("--dockerfile", f"{dockerfile!r} is absolute", "give the path relative to the context")
    path = os.path.join(context, dockerfile)
    # Links in folders are resolved, so that '..' means what the system takes it for; the name stays as it is called.
    found = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    if not (_is_below(found, context) and _is_below(os.path.realpath(path), context)):
        what = f"{dockerfile!r} leads out of the context {context!r}"
        return refuse("--dockerfile", what, "name a file in the context, or choose a wider --context")
    return _file(path, dockerfile).map(lambda _: os.path.relpath(found, context))


def _is_below(path: str, context: str) -> bool:
    return os.path.commonpath((path, context)) == context


def _file(path: str, dockerfile: str) -> Result[None, Problems]:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        what = f"{dockerfile!r} cannot be used: {error.strerror}"
        return refuse("--dockerfile", what, "name an existing file, relative to the context")
    if not stat.S_ISREG(mode):
        return refuse("--dockerfile", f"{dockerfile!r} is no file", "name a file, relative to the context")
    return Success(None)

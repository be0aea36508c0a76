"""The source tree of a build: where its Dockerfile is. Nothing outside the build context is taken."""

import os

from image_builder_domain.problem import Problems, refuse
from returns.result import Result, Success

_DEFAULTS = ("Dockerfile", "dockerfile")


def find_dockerfile(context: str, dockerfile: str | None) -> Result[tuple[str, str], Problems]:
    """The absolute context directory, and the Dockerfile's path below it."""
    directory = os.path.realpath(context)
    if not os.path.isdir(directory):
        return refuse("--context", f"{context!r} is no directory", "give the build context, such as --context .")
    if dockerfile is not None:
        return _given(directory, dockerfile)
    found = next((name for name in _DEFAULTS if os.path.isfile(os.path.join(directory, name))), None)
    if found is None:
        return refuse("--dockerfile", f"{directory} holds neither Dockerfile nor dockerfile", "name the file")
    return _given(directory, found)


def _given(directory: str, dockerfile: str) -> Result[tuple[str, str], Problems]:
    path = os.path.realpath(os.path.join(directory, dockerfile))
    if os.path.isabs(dockerfile) or not path.startswith(os.path.join(directory, "")):
        what = f"{dockerfile!r} does not lie in the context {directory}"
        return refuse("--dockerfile", what, "give a path relative to the context")
    if not os.path.isfile(path):
        return refuse("--dockerfile", f"{path} is no file", "check the path, relative to the context")
    return Success((directory, os.path.normpath(dockerfile)))


def has_variants(context: str, dockerfile: str) -> bool:
    """True when a ``variants.yaml`` lies beside the Dockerfile."""
    return os.path.lexists(os.path.join(context, os.path.dirname(dockerfile), "variants.yaml"))

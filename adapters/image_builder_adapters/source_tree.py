"""The build context on disk: its Dockerfile, ``variants.yaml`` and env file.

A context may come from a stranger, so links to places outside of it are rejected.
"""

import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import final

from image_builder_domain.problem import Problems, gather, refuse
from image_builder_domain.source.build_argument import BuildArgument, env_file_arguments
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.dockerfile import DeclaredArguments, declared_arguments
from image_builder_domain.source.variant import VARIANTS_FILE, Variant, variants
from returns.result import Result, Success

from image_builder_adapters.files import read_file

_DEFAULTS = ("Dockerfile", "dockerfile")


@final
@dataclass(frozen=True, slots=True)
class FolderSourceTree:
    """The build context in the folder ``context``."""

    context: str

    def read(self, dockerfile: str | None, env_file: str | None) -> Result[Source, Problems]:
        """Implement ``SourceTree.read``."""
        return find_dockerfile(self.context, dockerfile).bind(lambda found: read_source(*found, env_file))

    def env_file(self, dockerfile: str | None, env_file: str) -> Result[tuple[BuildArgument, ...], Problems]:
        """Implement ``SourceTree.env_file``."""
        folder = os.path.dirname(dockerfile or "")
        return _context(self.context).bind(lambda context: _env_file(context, folder, env_file))

    def default_dockerfile(self) -> str:
        """Implement ``SourceTree.default_dockerfile``."""
        found = [name for name in _DEFAULTS if os.path.isfile(os.path.join(self.context, name))]
        return found[0] if found else _DEFAULTS[0]


def find_dockerfile(context: str, dockerfile: str | None) -> Result[tuple[str, str], Problems]:
    """The absolute context and the Dockerfile's path below it; without one given, ``Dockerfile`` or ``dockerfile``."""
    return _context(context).bind(
        lambda folder: (_default(folder) if dockerfile is None else _given(folder, dockerfile)).map(
            lambda path: (folder, path)
        )
    )


def read_source(context: str, dockerfile: str, env_file: str | None) -> Result[Source, Problems]:
    """The content of a context that :func:`find_dockerfile` found.

    ``env_file`` is relative to the Dockerfile's directory, and below the context.
    """
    text = read_file(os.path.join(context, dockerfile), "name another one with --dockerfile").map(_text)
    declared = text.map(declared_arguments)
    arguments: Result[tuple[BuildArgument, ...] | None, Problems] = Success(None)
    if env_file is not None:
        arguments = _env_file(context, os.path.dirname(dockerfile), env_file)
    found = declared.bind(lambda known: _variants(context, dockerfile, known))
    return gather(declared, found, arguments, text).map(partial(Source, context, dockerfile))


def _variants(context: str, dockerfile: str, declared: DeclaredArguments) -> Result[tuple[Variant, ...], Problems]:
    path = os.path.join(context, os.path.dirname(dockerfile), VARIANTS_FILE)
    if not os.path.lexists(path):
        return Success(())
    from image_builder_adapters.yaml_reader import read_document

    if not _is_below(os.path.realpath(path), context):
        return refuse(path, "this link leads out of the context", "put the file itself there, or remove it")
    return read_document(path, "fix it, or remove it").bind(lambda document: variants(document, declared))


def _env_file(context: str, folder: str, given: str) -> Result[tuple[BuildArgument, ...], Problems]:
    path = os.path.join(context, folder, given)
    if os.path.isabs(given):
        return refuse("--env-file", f"{given!r} is absolute", "give the path relative to the Dockerfile's directory")
    if not _is_below(os.path.realpath(path), context):
        return refuse("--env-file", f"{given!r} leads out of the context", "name a file in the context")
    content = read_file(path, "name another one with --env-file, relative to the Dockerfile's directory")
    return content.bind(lambda found: env_file_arguments(_text(found), path))


def _text(content: bytes) -> str:
    """Decode UTF-8; other bytes become surrogate escapes."""
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _context(context: str) -> Result[str, Problems]:
    try:
        mode = os.stat(context).st_mode
    except OSError as error:
        return refuse("--context", f"{context!r} cannot be used: {error.strerror}", "name an existing directory")
    if not stat.S_ISDIR(mode):
        return refuse("--context", f"{context!r} is not a directory", "name the directory that holds the sources")
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
        return refuse("--dockerfile", f"{dockerfile!r} is not a regular file", "name a file, relative to the context")
    return Success(None)

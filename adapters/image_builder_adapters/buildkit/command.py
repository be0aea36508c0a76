"""The ``buildctl build`` command line of a request, and the requests that BuildKit cannot carry out; pure.

Source: ``buildctl build --help`` and BuildKit's README, "Output" and "Cache". ``--output`` and the cache flags take one
line of CSV, so a field that holds a comma is quoted as a whole. ``--opt`` and ``--local`` split at their first ``=``
and take the rest byte for byte, so paths and values are not quoted there.
"""

import posixpath
from collections.abc import Iterator
from typing import Final

from image_builder_domain.build import BuildRequest
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.plan.inputs import EPOCH

NAMESPACE_ARGUMENT: Final = "BUILDKIT_CACHE_MOUNT_NS"
"""The build argument that keeps cache mounts of one namespace apart from those of others."""


def refusal(request: BuildRequest) -> str | None:
    """What BuildKit cannot carry out, or None: its messages hold UTF-8 only, and a reproducible build has one time."""
    for argument in request.arguments:
        if not _is_unicode(argument.value):
            return f"the build argument {argument.name} holds bytes that are not UTF-8, which BuildKit does not support"
        if argument.name == EPOCH and request.source_date_epoch not in (None, _number(argument.value)):
            time = request.source_date_epoch
            return f"the build argument {argument} contradicts the time {time} of this reproducible build"
    for what, text in (("Dockerfile's path", request.dockerfile), ("target", request.target or "")):
        if not _is_unicode(text):
            return f"the {what} {text!r} is not UTF-8, which BuildKit does not support"
    return None


def build_arguments(request: BuildRequest, namespace: str | None = None) -> tuple[str, ...]:
    """Everything after ``buildctl [--addr …]``, without ``--metadata-file``.

    With a ``namespace`` the build uses nothing that an earlier build left in the daemon: no layer, and only cache
    mounts of that namespace. ``--no-cache`` is not enough: it empties cache mounts when the build begins, but a build
    that runs at the same time may write into them afterwards.

    ``filename`` is relative to the ``dockerfile`` directory. That is the Dockerfile's own directory, where BuildKit
    looks for ``<Dockerfile>.dockerignore``. Without that file, ``.dockerignore`` of the context applies.
    """
    path = posixpath.normpath(posixpath.join(request.context, request.dockerfile))
    folder, filename = posixpath.split(path)
    return (
        "build",
        "--progress=plain",
        "--frontend=dockerfile.v0",
        *("--local", f"context={request.context}"),
        *("--local", f"dockerfile={folder}"),
        *("--opt", f"filename={filename}"),
        *_options(request),
        *_without_cache(namespace),
        *("--output", _output(request)),
        *_cache(request),
    )


def _options(request: BuildRequest) -> Iterator[str]:
    for argument in request.arguments:
        yield from ("--opt", f"build-arg:{argument.name}={argument.value}")
    if request.source_date_epoch is not None:
        yield from ("--opt", f"build-arg:SOURCE_DATE_EPOCH={request.source_date_epoch}")
    if request.platforms:
        yield from ("--opt", f"platform={','.join(map(str, request.platforms))}")
    if request.target is not None:
        yield from ("--opt", f"target={request.target}")


def _without_cache(namespace: str | None) -> tuple[str, ...]:
    return () if namespace is None else ("--no-cache", "--opt", f"build-arg:{NAMESPACE_ARGUMENT}={namespace}")


def _output(request: BuildRequest) -> str:
    names = ",".join(map(str, request.destinations))
    rewrite = () if request.source_date_epoch is None else ("rewrite-timestamp=true",)
    return ",".join(("type=image", f'"name={names}"', "push=true", *rewrite))


def _cache(request: BuildRequest) -> Iterator[str]:
    for reference in request.cache.exports:
        yield from ("--export-cache", f"{_registry(reference)},mode=max,ignore-error=true")
    for reference in request.cache.imports:
        yield from ("--import-cache", _registry(reference))


def _registry(reference: ImageReference) -> str:
    return f"type=registry,ref={reference}"


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _is_unicode(text: str) -> bool:
    # Bytes that are not UTF-8 reach us as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in text)

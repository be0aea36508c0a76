"""The ``buildctl build`` command line of a request; pure.

Source: ``buildctl build --help`` and BuildKit's README, "Output" and "Cache". ``--output`` and the cache flags take one
line of CSV, so a field that holds a comma is quoted as a whole. ``--opt`` and ``--local`` split at their first ``=``
and take the rest byte for byte, so paths and values are not quoted there.
"""

import posixpath
from collections.abc import Iterator

from image_builder_domain.build import BuildRequest
from image_builder_domain.buildkit_host import NAMESPACE_ARGUMENT
from image_builder_domain.image.reference import ImageReference


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

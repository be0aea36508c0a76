"""The ``buildctl build`` command line of a request, and the requests that BuildKit cannot carry out; pure.

Source: ``buildctl build --help`` and BuildKit's README, "Output" and "Cache". ``--output`` and the cache flags take one
line of CSV, so a field that holds a comma is quoted as a whole. ``--opt`` and ``--local`` split at their first ``=``
and take the rest byte for byte, so paths and values are not quoted there.
"""

import csv
import io
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from image_builder_domain.build import BuildRequest
from image_builder_domain.image.reference import ImageReference, Repository
from image_builder_domain.plan.inputs import EPOCH

_SIDE_BY_SIDE_SINCE: Final = (0, 28)
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
    described = ((f"label or annotation {name}", value) for name, value in (*request.labels, *request.annotations))
    for name, _ in request.annotations:
        if name != name.lower():
            return f"the annotation {name!r} has upper-case letters, which buildctl would write in lower case"
    for what, text in (("Dockerfile's path", request.dockerfile), ("target", request.target or ""), *described):
        if not _is_unicode(text):
            return f"the {what} {text!r} is not UTF-8, which BuildKit does not support"
    return None


def exports_side_by_side(version: str) -> bool:
    """Whether a daemon of this version runs several outputs at the same time. False for a version without numbers.

    One before 0.13 would export the first output alone, without an error.
    """
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= _SIDE_BY_SIDE_SINCE


def build_arguments(
    request: BuildRequest, namespace: str | None = None, *, one_output: bool = False, cache_only: bool = False
) -> tuple[str, ...]:
    """Everything after ``buildctl [--addr …]``, without ``--metadata-file``.

    Outputs run side by side, so each registry gets one of its own. With ``one_output`` a single one holds all names,
    for daemons that take no more. With ``cache_only`` no image is pushed, and the layers go to the cache alone.

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
        "--progress=rawjson",
        "--frontend=dockerfile.v0",
        *("--local", f"context={request.context}"),
        *("--local", f"dockerfile={folder}"),
        *("--opt", f"filename={filename}"),
        *_options(request),
        *_without_cache(namespace),
        *(() if cache_only else _outputs(request, one_output=one_output)),
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
    for name, value in request.labels:
        yield from ("--opt", f"label:{name}={value}")


def _without_cache(namespace: str | None) -> tuple[str, ...]:
    return () if namespace is None else ("--no-cache", "--opt", f"build-arg:{NAMESPACE_ARGUMENT}={namespace}")


def _outputs(request: BuildRequest, *, one_output: bool) -> Iterator[str]:
    for names in _names(request, one_output=one_output):
        yield from ("--output", _output(request, names))


def _names(request: BuildRequest, *, one_output: bool) -> Iterable[tuple[Repository, ...]]:
    """The repositories of each output: those of one registry, else all."""
    by_registry: dict[str, list[Repository]] = {}
    for repository in request.repositories:
        by_registry.setdefault("" if one_output else repository.domain, []).append(repository)
    return map(tuple, by_registry.values())


def _output(request: BuildRequest, repositories: tuple[Repository, ...]) -> str:
    """Names without tags, pushed by digest: BuildKit would otherwise add the tag ``latest``."""
    fields = ["type=image", f"name={','.join(map(str, repositories))}", "push=true"]
    fields += ["push-by-digest=true", "name-canonical=true"]
    if request.source_date_epoch is not None:
        fields.append("rewrite-timestamp=true")
    # An index has annotations of its own. For a single platform BuildKit refuses them.
    levels = ("annotation", "annotation-index") if len(request.platforms) > 1 else ("annotation",)
    fields += [f"{level}.{name}={value}" for name, value in request.annotations for level in levels]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


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

"""The executor's command line of a request, and the requests that kaniko cannot carry out. Pure.

Source: ``executor --help``. Releases since 1.23.1 push the cache also with ``--no-push``. The engine checks the help
text for ``--no-push-cache``, which not all of them know. Flag and value are one word, so a value may start with a dash.
"""

import posixpath
from collections.abc import Iterator
from typing import Final

from image_builder_domain.build import BuildRequest

NO_PUSH_CACHE: Final = "--no-push-cache"
NO_CHECK: Final = "--skip-push-permission-check"
"""Without it a cache that may not be written would fail the build."""

DEFAULT_LOG_FORMAT: Final = "text"
"""By default the executor prints colours, even without a terminal."""


def refusal(request: BuildRequest) -> str | None:
    """What kaniko cannot carry out, or None."""
    if len(request.platforms) > 1:
        return "kaniko builds one platform at a time"
    if request.target is not None and set(request.target) & set(',"\n\r'):
        return f"the target {request.target!r} is not the name of a stage"
    return None


def executor_arguments(
    request: BuildRequest, context: str, layout: str, log_format: str | None, more: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Everything after the executor's path, without ``--digest-file``.

    ``context`` and ``layout`` are paths that the executor sees. The executor pushes by tag alone, so it pushes only its
    cache, and writes the image as an OCI layout.

    The Dockerfile's path is absolute, because kaniko looks for a relative one in its own working directory first.
    """
    return (
        *more,
        f"--context={context}",
        f"--dockerfile={posixpath.normpath(posixpath.join(context, request.dockerfile))}",
        "--no-push",
        f"--oci-layout-path={layout}",
        *(f"--insecure-registry={domain}" for domain in _loopback_registries(request)),
        *_options(request),
        *_cache(request),
        f"--log-format={log_format or DEFAULT_LOG_FORMAT}",
    )


def _options(request: BuildRequest) -> Iterator[str]:
    for argument in request.arguments:
        yield f"--build-arg={argument.name}={argument.value}"
    for platform in request.platforms:
        yield f"--custom-platform={platform}"
    if request.target is not None:
        yield f"--target={request.target}"
    if request.source_date_epoch is not None:
        yield "--reproducible"
    for name, value in request.labels:
        yield f"--label={name}={value}"
    for name, value in request.annotations:
        yield f"--annotation={name}={value}"


def _cache(request: BuildRequest) -> Iterator[str]:
    cache = request.cache
    if not cache.imports:
        return
    yield "--cache=true"
    yield f"--cache-copy-layers={_boolean(cache.copy_layers)}"
    yield f"--cache-run-layers={_boolean(cache.run_layers)}"
    yield f"--cache-repo={cache.imports[0].repository}"
    yield NO_CHECK if cache.exports else NO_PUSH_CACHE


def _loopback_registries(request: BuildRequest) -> list[str]:
    """The registries to which kaniko may speak plain HTTP: only those on loopback (``Repository.is_loopback``).

    Base images may come from the registries that the image goes to.
    """
    repositories = (*request.repositories, *(reference.repository for reference in request.cache.imports))
    return list(dict.fromkeys(repository.domain for repository in repositories if repository.is_loopback))


def _boolean(value: bool) -> str:
    return "true" if value else "false"

"""Expand the pipeline's definition; nothing is run."""

from collections.abc import Callable
from typing import Protocol

from image_builder_domain.exit_code import ExitCode
from image_builder_domain.failure import ArtifactFailure
from image_builder_domain.ports import Cancellation
from image_builder_domain.remote_pipeline import (
    PipelineInterrupted,
    PipelineRefused,
    PipelineUnreachable,
    PreviewRequest,
    RemotePipeline,
)
from returns.methods import unwrap_or_failure
from returns.result import Result

_HARMFUL = (
    "standard output: the expanded definition holds text that this CI system would obey as commands; "
    "give a file with --ado-preview-output"
)


class Audience(Protocol):
    """Who hears the result and errors."""

    def result(self, text: str) -> str: ...  # noqa: D102
    def info(self, text: str) -> None: ...  # noqa: D102
    def error(self, text: str) -> None: ...  # noqa: D102


def preview(
    request: PreviewRequest,
    pipeline: RemotePipeline,
    write: Callable[[bytes], Result[str, ArtifactFailure]] | None,
    is_harmless: Callable[[str], bool],
    audience: Audience,
    cancellation: Cancellation,
) -> int:
    """Exit code: 0 expanded, 2 refused, 6 the service gave no answer, 7, 8, 130, 143.

    ``write`` saves the YAML in a file; without it, it is the result on standard output, if it ``is_harmless`` there.
    """
    try:
        found = unwrap_or_failure(pipeline.preview(request, cancellation))
    finally:
        pipeline.close()
    match found:
        case PipelineRefused():
            audience.error(str(found))
            return ExitCode.REFUSED
        case PipelineUnreachable():
            audience.error(str(found))
            return ExitCode.REMOTE_FAILED
        case PipelineInterrupted():
            audience.error(str(found))
            return ExitCode(found.interruption.value)
        case str() if write is None and not is_harmless(found):
            audience.error(_HARMFUL)
            return ExitCode.REFUSED
        case str():
            return _told(found, write, audience)


def _told(text: str, write: Callable[[bytes], Result[str, ArtifactFailure]] | None, audience: Audience) -> int:
    if write is None:
        lost = audience.result(text.removesuffix("\n"))
    else:
        written = unwrap_or_failure(write(text.encode()))
        lost = str(written) if isinstance(written, ArtifactFailure) else ""
        if not lost:
            audience.info(f"the expanded definition is in {written}")
    if lost:
        audience.error(lost)
    return ExitCode.FILE_NOT_WRITTEN if lost else ExitCode.DONE

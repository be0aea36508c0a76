"""Print the tags of this job (``--parse-tags-only``): one line of JSON."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from image_builder_adapters.console_text import harmless_json
from image_builder_domain.exit_code import ExitCode
from image_builder_domain.tag import Tag
from returns.result import Failure, Result

if TYPE_CHECKING:
    from image_builder_domain.failure import ArtifactFailure


class Audience(Protocol):
    """Who hears results and errors."""

    def names(self, text: str) -> str: ...  # noqa: D102
    def error(self, text: str) -> None: ...  # noqa: D102


def print_tags(
    tags: tuple[Tag, ...],
    audience: Audience,
    copy: "Callable[[bytes], Result[str, ArtifactFailure]] | None",
) -> int:
    """Exit code: 0 printed, 8 standard output or the output file could not be written."""
    found = [{"name": tag.name, "value": tag.value} for tag in tags]
    line = harmless_json(json.dumps(found, separators=(",", ":")))
    lost = audience.names(line)
    written = copy(f"{line}\n".encode()) if copy is not None else None
    failures = [*([lost] if lost else []), *([str(written.failure())] if isinstance(written, Failure) else [])]
    for failure in failures:
        audience.error(failure)
    return ExitCode.FILE_NOT_WRITTEN if failures else ExitCode.DONE

"""What a build is planned from, beyond what its tags are decided from."""

from dataclasses import dataclass
from typing import final

from returns.result import Result

from image_builder_domain.inputs import TagInputs
from image_builder_domain.problem import Problems


@final
@dataclass(frozen=True, slots=True)
class Source:
    """What is built: an absolute context directory, and the Dockerfile's path below it."""

    context: str
    dockerfile: str


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """Enough to plan a build. ``commit_time`` is the commit's, in seconds since 1970, None where git cannot say."""

    tags: TagInputs
    source: Result[Source, Problems]
    commit_time: int | None

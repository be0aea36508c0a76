"""What was asked and where we are: everything that decisions are made of, read before deciding begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from returns.result import Result

from image_builder_domain.configuration import Configuration
from image_builder_domain.git_state import GitState
from image_builder_domain.problem import Problems

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that fixes the time, in seconds since 1970 (reproducible-builds.org)."""


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as text: what the flags of these names were given."""

    name: str | None = None
    tags: tuple[str, ...] = ()
    build_arguments: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    target: str | None = None
    export_tags: bool = False
    tag_base64: str | None = None
    variant: str | None = None
    max_parallel: int | None = None
    keep_going: bool = True
    backend: str | None = None
    build_in_ado: bool = False


@final
@dataclass(frozen=True, slots=True)
class TagInputs:
    """Enough to decide tags. ``time`` is aware; ``environment`` is the tool's own."""

    asked: Asked
    configuration: Result[Configuration, Problems]
    git_state: Result[GitState, Problems]
    time: datetime
    environment: Mapping[str, str] = field(repr=False)

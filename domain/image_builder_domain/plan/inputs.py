"""What was asked and where we are: everything that decisions are made of, read before deciding begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from returns.result import Result, Success

from image_builder_domain.configuration.file import Configuration
from image_builder_domain.job.state import GitState
from image_builder_domain.problem import Problems, refuse, together
from image_builder_domain.trust.configuration_origin import Origin, check_origin
from image_builder_domain.trust.decision import decide_job
from image_builder_domain.trust.history import History
from image_builder_domain.trust.job import Job

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that fixes the time, in seconds since 1970 (reproducible-builds.org)."""


def source_date_epoch(environment: Mapping[str, str]) -> Result[int | None, Problems]:
    """The time that the job fixes, None when it fixes none; up to the year 5138."""
    text = environment.get(EPOCH, "")
    if not text:
        return Success(None)
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return Success(int(text))
    return refuse(EPOCH, f"{text!r} is no time", "give the seconds since 1970, such as 1700000000")


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
    require_production: bool = False


@final
@dataclass(frozen=True, slots=True)
class TagInputs:
    """Enough to decide tags. ``time`` is aware; ``environment`` is the tool's own.

    ``history`` answers ``decision.side.history_questions``; ``origin`` is that of the configuration file.
    """

    asked: Asked
    configuration: Result[Configuration, Problems]
    git_state: Result[GitState, Problems]
    time: datetime
    environment: Mapping[str, str] = field(repr=False)
    history: History = field(default_factory=dict)
    origin: Origin = Origin.APART

    @property
    def job(self) -> Result[Job, Problems]:
        """The job with its side."""
        return together(self.configuration, self.git_state).bind(
            lambda found: decide_job(*found, self.history, require_production=self.asked.require_production).bind(
                lambda job: check_origin(job, found[0].file, self.origin)
            )
        )

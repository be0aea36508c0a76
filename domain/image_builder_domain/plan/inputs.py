"""Everything that a plan is made of: the command line, the configuration, the job and the sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, final

from returns.result import Result, Success

from image_builder_domain.configuration.keys import Configuration
from image_builder_domain.job.git_state import GitState
from image_builder_domain.problem import Problems, gather, refuse
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.trust.checkout import CheckoutFacts
from image_builder_domain.trust.configuration_origin import Origin
from image_builder_domain.trust.history import History
from image_builder_domain.trust.side import Job
from image_builder_domain.trust.side_decision import decide_job

if TYPE_CHECKING:
    from image_builder_domain.plan.backend import ChosenEngine
    from image_builder_domain.source.build_source import Source

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that fixes the time, in seconds since 1970 (reproducible-builds.org)."""


def source_date_epoch(environment: Mapping[str, str]) -> Result[int | None, Problems]:
    """The time that the job fixes, None when it fixes none; up to the year 5138."""
    text = environment.get(EPOCH, "")
    if not text:
        return Success(None)
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return Success(int(text))
    return refuse(EPOCH, f"{text!r} is not a time", "give the seconds since 1970, such as 1700000000")


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """The values of the flags with these names, as text."""

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
    move_back: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class TagInputs:
    """Enough to decide tags. ``time`` is aware; ``environment`` is the tool's own.

    ``history`` answers ``side_decision.history_questions``; ``origin`` is that of the configuration file. ``env_file``
    holds the lines of ``--env-file``, which ``.Env`` finds where the environment has no such variable.
    """

    asked: Asked
    configuration: Result[Configuration, Problems]
    git_state: Result[GitState, Problems]
    time: datetime
    environment: Mapping[str, str] = field(repr=False)
    history: History = field(default_factory=dict)
    origin: Origin = Origin.APART
    env_file: Result[tuple[BuildArgument, ...], Problems] = field(default_factory=lambda: Success(()))

    @property
    def job(self) -> Result[Job, Problems]:
        """The job with its side."""

        def decided(configuration: Configuration, state: GitState) -> Result[Job, Problems]:
            required, file = self.asked.require_production, configuration.file
            return decide_job(configuration.trust, file, state, self.history, self.origin, require_production=required)

        return gather(self.configuration, self.git_state).bind(decided)


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """Enough to plan a build.

    ``commit_time`` is the commit's, in seconds since 1970, None where git does not know it. ``processors`` is how many
    of them this process may use. ``real_paths`` holds the real path of each path that the engine's ``paths`` names.
    ``checkout`` holds the facts about the sources' checkout. ``remote`` is the URL of its remote, for jobs that do not
    name the host of their repository; it may hold a password.
    """

    tags: TagInputs
    engine: "Result[ChosenEngine, Problems]"
    source: "Result[Source, Problems]"
    commit_time: int | None
    processors: int = 1
    real_paths: Mapping[str, str] = field(default_factory=dict)
    checkout: CheckoutFacts = field(default_factory=CheckoutFacts)
    remote: str | None = field(default=None, repr=False)

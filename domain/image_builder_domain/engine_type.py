"""A type of engines: how its configuration is read, and how an engine is made.

Packages register theirs as an entry point of the group ``image_builder.engines``, named as ``--backend`` and the key
below ``engines`` call it, and leading to an :class:`EngineType`; ours are registered the same way. What is pushed
where, and which caches may be written, is never an engine's to decide: the request says it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, final

from image_builder_domain.build import BuildRequest
from image_builder_domain.configuration.decoder import Decoder
from image_builder_domain.diagnosis import Finding
from image_builder_domain.ports import Cancellation, ImageEngine, Registry
from image_builder_domain.signer_type import Secrets


class EngineSettings(Protocol):
    """The settings of an engine of any type, as its own decoder made them of ``engines.NAME``."""

    def refusal(self, request: BuildRequest) -> str | None:
        """What of this request the engine cannot honour, in words; None when it can. Pure: the plan is made of it.

        Nothing may be dropped in silence: build arguments, a target, platforms, caches or a time that mean nothing to
        the engine are refused here, before anything is done.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class EngineSurroundings:
    """What an engine may know of the run.

    ``environment`` is the tool's own (not to be shown), ``secrets`` hides secrets, ``registry`` says what a registry
    holds. ``state_directory`` may keep things between runs, ``log_directory`` takes logs; neither need exist.
    ``log_format`` is the configuration's. ``single_build`` says that nothing else is built in this run. ``user`` is the
    effective user number.
    """

    environment: Mapping[str, str] = field(repr=False)
    secrets: Secrets
    registry: Registry
    state_directory: str
    log_directory: str
    log_format: str | None
    single_build: bool
    user: int


EngineMaker: TypeAlias = Callable[[Any, EngineSurroundings], ImageEngine]
"""Makes an engine of the settings that the type's own decoder gave (None without any). Opens and starts nothing."""

Examiner: TypeAlias = Callable[[Any, EngineSurroundings, Cancellation], tuple[Finding, ...]]
"""Looks at what the engine needs here, for ``doctor``. May start its programs, but builds nothing; takes seconds."""


@final
@dataclass(frozen=True, slots=True)
class EngineType:
    """``config`` reads the key ``engines.NAME`` and gives :class:`EngineSettings`; ``make`` makes the engine.

    ``examine`` is there when more can be told of an engine than whether ``ImageEngine.check`` passes.
    """

    config: Decoder[Any]
    make: EngineMaker
    examine: Examiner | None = None

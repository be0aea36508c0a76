"""Engines of other packages, kept from harming a run.

An exception becomes a failure of the kind that the port knows, and an answer of another kind is not believed.
Exceptions are told by their type alone: their text could hold a secret. What an engine says that it built counts only
after every destination has answered with that digest, whoever's engine it is.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    EngineMissing,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.engine_type import EngineMaker, EngineSettings, EngineSurroundings
from image_builder_domain.ports import Cancellation, ImageEngine, OutputSink
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

_T = TypeVar("_T")
_REMEDY = "mend or remove the package that brings it"


@final
class GuardedSettings:
    """Implements ``EngineSettings`` by another's: a question that it cannot answer is a refusal."""

    def __init__(self, name: str, settings: EngineSettings) -> None:
        self._name = name
        self.settings = settings

    def refusal(self, request: BuildRequest) -> str | None:
        """Implement ``EngineSettings.refusal``."""
        try:
            found = self.settings.refusal(request)
        except Exception as error:  # a foreign package may raise anything
            return f"a bug in the package of the engine {self._name!r}: {type(error).__name__}"
        return found if found is None else str(found)


def guarded(name: str, make: EngineMaker) -> EngineMaker:
    """Makes the same engines, guarded, of guarded settings."""

    def make_guarded(settings: Any, around: EngineSurroundings) -> ImageEngine:
        own = settings.settings if isinstance(settings, GuardedSettings) else settings
        return GuardedEngine(name, lambda: make(own, around))

    return make_guarded


@final
class GuardedEngine:
    """Implements ``ImageEngine`` by another; ``make`` is called when it is first needed."""

    def __init__(self, name: str, make: Callable[[], ImageEngine]) -> None:
        self._name = name
        self._make = make
        self._engine: ImageEngine | None = None

    def check(self) -> Result[None, EngineMissing]:
        """Implement ``ImageEngine.check``."""

        def checked(engine: ImageEngine) -> Result[None, EngineMissing]:
            found = unwrap_or_failure(engine.check())
            return Success(None) if found is None else Failure(found)

        return self._guard(
            checked, lambda reason: Failure(EngineMissing(f"the engine {self._name!r}", _REMEDY, f"has {reason}"))
        )

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """Implement ``ImageEngine.command``."""
        return self._guard(
            lambda engine: tuple(map(str, engine.command(request))), lambda reason: (self._name, f"({reason})")
        )

    def at_once(self) -> int | None:
        """Implement ``ImageEngine.at_once``; one that cannot say builds one after another."""

        def limit(engine: ImageEngine) -> int | None:
            found = engine.at_once()
            return found if found is None else max(1, int(found))

        return self._guard(limit, lambda _: 1)

    def build(
        self, request: BuildRequest, output: OutputSink, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Implement ``ImageEngine.build``."""

        def build(engine: ImageEngine) -> Result[BuiltImage, BuildFailure]:
            found = unwrap_or_failure(engine.build(request, output, cancellation))
            if isinstance(found, BuiltImage):
                return Success(found)
            if isinstance(found, (BuildFailed, PushFailed, EngineUnavailable, BuildInterrupted)):
                return Failure(found)
            return Failure(BuildFailed(f"the engine {self._name!r} answers {type(found).__name__}"))

        return self._guard(build, lambda reason: Failure(BuildFailed(f"the engine {self._name!r} has {reason}")))

    def close(self) -> None:
        """Implement ``ImageEngine.close``."""
        with suppress(Exception):
            if self._engine is not None:
                self._engine.close()

    def _guard(self, do: Callable[[ImageEngine], _T], otherwise: Callable[[str], _T]) -> _T:
        try:
            if self._engine is None:
                self._engine = self._make()
            return do(self._engine)
        except Exception as error:  # a foreign package may raise anything
            return otherwise(f"a bug: {type(error).__name__}")

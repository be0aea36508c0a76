"""Engines and signers of other packages, kept from harming a run.

An exception becomes a failure of the kind that the port knows, and a result of another type is not believed. Messages
name an exception by its type alone, because its text could hold a secret. The digest that an engine reports counts
only after every repository has confirmed it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any, Final, Generic, TypeVar, final

from image_builder_domain.build import (
    BuildFailed,
    BuildFailure,
    BuildInterrupted,
    BuildRequest,
    BuiltImage,
    EngineMissing,
    EngineSettings,
    EngineUnavailable,
    PushFailed,
)
from image_builder_domain.configuration.decoder import Decoder, Schema
from image_builder_domain.diagnosis import Finding
from image_builder_domain.engine_type import EngineCircumstances, EngineDecision, EngineSurroundings, EngineType
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import BuildProgress, Cancellation, ImageEngine, Signer
from image_builder_domain.problem import Problem, Problems, refuse
from image_builder_domain.signer_type import SignerType, Surroundings
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from image_builder_domain.yaml_document import Node
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

_T = TypeVar("_T")
_U = TypeVar("_U")

_REMEDY: Final = "fix or remove the package that brings it"


def load_engine(name: str, entries: tuple[EntryPoint, ...]) -> EngineType:
    """The guarded engine that these entry points of one name lead to.

    If it cannot be used, its decoder says why wherever the engine is named.
    """
    found = _loaded(EngineType, f"the engine {name!r}", entries)
    if isinstance(found, EngineType):
        return guarded_engine_type(name, found)
    return EngineType(_unusable(found), lambda _settings, _around: GuardedEngine(name, _never))


def load_signer(name: str, entries: tuple[EntryPoint, ...]) -> SignerType:
    """The guarded type of signer that these entry points of one name lead to; the same holds for its decoder."""
    found = _loaded(SignerType, f"the signer type {name!r}", entries)
    if isinstance(found, SignerType):
        return guarded_signer_type(name, found)
    return SignerType(_unusable(found), lambda own, _settings, _around: GuardedSigner(own, _never))


def _loaded(wanted: type[_T], what: str, entries: tuple[EntryPoint, ...]) -> _T | str:
    """The object behind the only entry point, or why it cannot be used."""
    packages = ", ".join(sorted(map(_package, entries)))
    first, *others = entries
    if others:
        return f"several packages bring {what}: {packages}"
    try:
        found = first.load()
    except Exception as error:  # a foreign package may raise anything
        return f"{what} of {packages} cannot be loaded: {type(error).__name__}"
    return found if isinstance(found, wanted) else f"{what} of {packages} is not of the type {wanted.__name__}"


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _never() -> Any:
    raise LookupError("a configuration that names this type is refused before")


def _unusable(reason: str) -> Decoder[Any]:
    """A decoder that always fails with ``reason``."""

    def read(node: Node, path: str, problems: list[Problem]) -> None:
        problems.append(Problem(node.where, f"{path}: {reason}", _REMEDY))

    return Decoder(read, dict)


def _careful(config: Decoder[Any], what: str, check: Callable[[Any], object]) -> Decoder[Any]:
    """The package's decoder; an exception of it, or of ``check`` about its settings, is a problem at that place.

    ``what`` names the owner of the configuration. A schema that cannot be made allows everything.
    """

    def read(node: Node, path: str, problems: list[Problem]) -> Any:
        try:
            found = config.read(node, path, problems)
            if found is not None:
                check(found)
        except Exception as error:  # a foreign package may raise anything
            failed = f"{path}: reading the configuration of {what} failed: {type(error).__name__}"
            problems.append(Problem(node.where, failed, _REMEDY))
            return None
        return found

    def schema() -> Schema:
        return _call(config.schema, lambda _: {})

    return Decoder(read, schema)


def _call(do: Callable[[], _T], otherwise: Callable[[str], _T]) -> _T:
    """The result of ``do``; if it raises, that of ``otherwise``, which takes what happened."""
    try:
        return do()
    except Exception as error:  # a foreign package may raise anything
        return otherwise(f"a bug: {type(error).__name__}")


@final
class _Guarded(Generic[_T]):
    """An object of another package, made when it is first needed."""

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self.made: _T | None = None

    def ask(self, do: Callable[[_T], _U], otherwise: Callable[[str], _U]) -> _U:
        """The result of ``do``; if it or making the object raises, that of ``otherwise``."""

        def asked() -> _U:
            if self.made is None:
                self.made = self._make()
            return do(self.made)

        return _call(asked, otherwise)


# --- engines ----------------------------------------------------------------------------------------------------------


def guarded_engine_type(name: str, found: EngineType) -> EngineType:
    """The same type; none of its functions and none of its engines raises."""
    decoder = _careful(found.config, f"the engine {name!r}", lambda settings: settings.refusal)

    def make(settings: Any, around: EngineSurroundings) -> ImageEngine:
        return GuardedEngine(name, lambda: found.make(_own(settings), around))

    def examine(settings: Any, around: EngineSurroundings, cancellation: Cancellation) -> tuple[Finding, ...]:
        look = found.examine
        return _call(
            lambda: tuple(look(_own(settings), around, cancellation)) if look is not None else (),
            lambda reason: (Finding(f"engine {name}", "examination", f"failed: {reason}", False),),
        )

    def paths(settings: Any, environment: Mapping[str, str]) -> Iterable[str]:
        named = found.paths
        if named is None:
            return ()
        return _call(
            lambda: [path for path in named(_own(settings), environment) if isinstance(path, str)], lambda _: []
        )

    def decide(settings: Any, around: EngineCircumstances) -> Result[EngineDecision, Problems]:
        ask = found.decide
        if ask is None:
            return Success(EngineDecision(settings))
        return _call(
            lambda: ask(_own(settings), around).map(guarded_decision),
            lambda reason: refuse(f"--backend {name}", f"the engine has {reason}", _REMEDY),
        )

    def guarded_decision(decided: EngineDecision) -> EngineDecision:
        warnings = tuple(map(str, decided.warnings))
        return replace(decided, settings=GuardedSettings(name, decided.settings), warnings=warnings)

    config = decoder.into(lambda settings: GuardedSettings(name, settings))
    return EngineType(config, make, examine if found.examine is not None else None, found.traits, paths, decide)


def _own(settings: Any) -> Any:
    return settings.settings if isinstance(settings, GuardedSettings) else settings


@final
class GuardedSettings:
    """Implements ``EngineSettings`` by another's: an exception is a refusal."""

    def __init__(self, name: str, settings: EngineSettings) -> None:
        self._name = name
        self.settings = settings

    def refusal(self, request: BuildRequest) -> str | None:
        """Implement ``EngineSettings.refusal``."""
        found = _call(
            lambda: self.settings.refusal(request), lambda reason: f"the engine {self._name!r} has {reason}; {_REMEDY}"
        )
        return found if found is None else str(found)


@final
class GuardedEngine:
    """Implements ``ImageEngine`` by another; ``make`` is called when it is first needed."""

    def __init__(self, name: str, make: Callable[[], ImageEngine]) -> None:
        self._name = name
        self._engine = _Guarded(make)

    def check(self) -> Result[None, EngineMissing]:
        """Implement ``ImageEngine.check``."""

        def checked(engine: ImageEngine) -> Result[None, EngineMissing]:
            found = unwrap_or_failure(engine.check())
            return Success(None) if found is None else Failure(found)

        return self._engine.ask(
            checked, lambda reason: Failure(EngineMissing(f"the engine {self._name!r}", _REMEDY, f"has {reason}"))
        )

    def command(self, request: BuildRequest) -> tuple[str, ...]:
        """Implement ``ImageEngine.command``."""
        return self._engine.ask(
            lambda engine: tuple(map(str, engine.command(request))), lambda reason: (self._name, f"({reason})")
        )

    def at_once(self) -> int | None:
        """Implement ``ImageEngine.at_once``; after an exception it is 1."""

        def limit(engine: ImageEngine) -> int | None:
            found = engine.at_once()
            return found if found is None else max(1, int(found))

        return self._engine.ask(limit, lambda _: 1)

    def build(
        self, request: BuildRequest, progress: BuildProgress, cancellation: Cancellation
    ) -> Result[BuiltImage, BuildFailure]:
        """Implement ``ImageEngine.build``."""

        def build(engine: ImageEngine) -> Result[BuiltImage, BuildFailure]:
            found = unwrap_or_failure(engine.build(request, progress, cancellation))
            if isinstance(found, BuiltImage):
                return Success(found)
            if isinstance(found, (BuildFailed, PushFailed, EngineUnavailable, BuildInterrupted)):
                return Failure(found)
            return Failure(BuildFailed(f"the engine {self._name!r} answers {type(found).__name__}"))

        return self._engine.ask(build, lambda reason: Failure(BuildFailed(f"the engine {self._name!r} has {reason}")))

    def close(self) -> None:
        """Implement ``ImageEngine.close``."""
        with suppress(Exception):
            if self._engine.made is not None:
                self._engine.made.close()


# --- signers ----------------------------------------------------------------------------------------------------------


def guarded_signer_type(name: str, found: SignerType) -> SignerType:
    """The same type; neither its functions nor its signers raise. Its images are published when they are signed."""

    def check(settings: Any) -> object:
        return settings.signs_indexes, settings.needs_tags

    def make(own: str, settings: Any, around: Surroundings) -> Signer:
        return GuardedSigner(own, lambda: found.make(own, settings, around))

    def secrets(settings: Any) -> Iterable[str]:
        read = found.secrets
        if read is None:
            return ()
        return _call(lambda: [secret for secret in read(settings) if isinstance(secret, str)], lambda _: [])

    return SignerType(_careful(found.config, f"a {name!r} signer", check), make, found.make_verifier, secrets)


@final
class GuardedSigner:
    """Implements ``Signer`` by another; ``make`` is called when it is first needed."""

    def __init__(self, name: str, make: Callable[[], Signer]) -> None:
        self._name = name
        self._signer = _Guarded(make)

    def prepare(self) -> Result[None, SignerMisconfigured]:
        """Implement ``Signer.prepare``."""
        return self._signer.ask(
            lambda signer: signer.prepare(),
            lambda reason: Failure(SignerMisconfigured(self._name, "its package", f"{reason}; {_REMEDY}")),
        )

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        """Implement ``Signer.describe``."""
        return self._signer.ask(lambda signer: signer.describe(images), lambda reason: f"({reason})")

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        """Implement ``Signer.sign``; results for other images than those given count as failures."""

        def signed(signer: Signer) -> tuple[SignatureResult, ...]:
            results = signer.sign(images, cancellation)
            wanted = [(self._name, image.reference, image.descriptor.digest) for image in images]
            if [(one.signer, one.reference, one.digest) for one in results] != wanted:
                return self._failed(images, "its results are not for the images that it was given")
            return results

        return self._signer.ask(signed, lambda reason: self._failed(images, f"its package has {reason}"))

    def _failed(self, images: tuple[ImageToSign, ...], reason: str) -> tuple[SignatureResult, ...]:
        failed = SignatureStatus.FAILED
        return tuple(
            SignatureResult(self._name, image.reference, image.descriptor.digest, failed, 0, 0.0, reason)
            for image in images
        )

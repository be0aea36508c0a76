"""Types of signers by name: ours, and those that other packages bring.

Other packages are asked only when the configuration names a type that is not ours: looking through what is installed
takes longer than reading the configuration. Ours cannot be replaced by a package of the same name.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_domain.problem import Problem
from image_builder_domain.signer_types import SIGNER_TYPES
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result, Success

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from image_builder_domain.decoder import Decoder
    from image_builder_domain.document import Node
    from image_builder_domain.signer_settings import SignerSettings
    from image_builder_domain.signer_type import SignerType

GROUP: Final = "image_builder.signers"
_REMEDY: Final = "mend or remove the package that brings it"


@final
class SignerConfigurations(Mapping[str, "Decoder[SignerSettings]"]):
    """The decoders of all types, for the configuration; a package that cannot be used is told where it is named."""

    def __init__(self) -> None:
        self._known: dict[str, Decoder[SignerSettings] | None] = dict(SIGNER_TYPES)

    def __getitem__(self, name: str) -> "Decoder[SignerSettings]":
        if name not in self._known:
            self._known[name] = _foreign_decoder(name)
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*SIGNER_TYPES, *sorted(entry.name for entry in _entry_points()))))

    def __len__(self) -> int:
        return len(list(iter(self)))


def signer_type(name: str) -> "SignerType":
    """The type of a signer whose configuration was read; a foreign one's signers are kept from harming the run."""
    if name == "notary":
        from image_builder_adapters.notary.signer_type import NOTARY

        return NOTARY
    if name == "cosign":
        from image_builder_adapters.cosign.signer_type import COSIGN

        return COSIGN
    from image_builder_domain.signer_type import SignerType

    from image_builder_adapters.guarded_signer import guarded

    found = unwrap_or_failure(_foreign(name))
    if not isinstance(found, SignerType):
        raise LookupError(f"no type of signers is called {name!r}: such a configuration is refused before")
    return SignerType(found.config, guarded(found.make), found.make_verifier)


def _entry_points() -> "tuple[EntryPoint, ...]":
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))


def _foreign(name: str) -> "Result[SignerType | None, str]":
    """The type that a package brings under this name, None without one, or why it cannot be used."""
    from image_builder_domain.signer_type import SignerType

    found = list(dict.fromkeys(entry for entry in _entry_points() if entry.name == name))
    if not found:
        return Success(None)
    if len(found) > 1:
        packages = ", ".join(sorted(_package(entry) for entry in found))
        return Failure(f"several packages bring a type {name!r}: {packages}")
    try:
        loaded = found[0].load()
    except Exception as error:  # noqa: BLE001, RUF100 (whatever goes wrong in a foreign package)
        return Failure(f"the type {name!r} of {_package(found[0])} cannot be loaded: {type(error).__name__}")
    if not isinstance(loaded, SignerType):
        return Failure(f"the type {name!r} of {_package(found[0])} is no SignerType")
    return Success(loaded)


def _package(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value


def _foreign_decoder(name: str) -> "Decoder[Any] | None":
    found = unwrap_or_failure(_foreign(name))
    if found is None:
        return None
    return _unusable(found) if isinstance(found, str) else _careful(found.config, name)


def _unusable(reason: str) -> "Decoder[Any]":
    from image_builder_domain.decoder import Decoder

    def read(node: "Node", path: str, problems: list[Problem]) -> None:
        problems.append(Problem(node.where, f"{path}: {reason}", _REMEDY))

    return Decoder(read, dict)


def _careful(config: "Decoder[Any]", name: str) -> "Decoder[Any]":
    """The package's decoder; an exception of it, or settings that lack what they must have, is a problem there."""
    from image_builder_domain.decoder import Decoder

    def read(node: "Node", path: str, problems: list[Problem]) -> Any:
        try:
            found = config.read(node, path, problems)
            if found is not None:
                _ = (found.signs_indexes, found.needs_tags)
        except Exception as error:  # noqa: BLE001, RUF100 (whatever goes wrong in a foreign package)
            what = f"{path}: reading the configuration of a {name!r} signer failed: {type(error).__name__}"
            problems.append(Problem(node.where, what, _REMEDY))
            return None
        return found

    return Decoder(read, config.schema)

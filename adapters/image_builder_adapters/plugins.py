"""The engines and signers that are installed, by name.

Ours are entry points as everybody's, but stand here too: searching the installed packages takes longer than reading
the configuration. The names listed here are never searched for, so no package can replace them. Everything of another
package runs behind :mod:`image_builder_adapters.plugin_guard`.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_domain.plan.backend import PIPELINE, EngineChoice

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from image_builder_domain.engine_type import EngineType
    from image_builder_domain.signer_type import SignerType

OWN_ENGINES: Final = {
    "kaniko": "image_builder_adapters.kaniko.engine_type:KANIKO",
    "buildkit": "image_builder_adapters.buildkit.engine_type:BUILDKIT",
}
OWN_SIGNERS: Final = {
    "notary": "image_builder_adapters.notary.signer_type:NOTARY",
    "cosign": "image_builder_adapters.cosign.signer_type:COSIGN",
}
ENGINE_CHOICE: Final = EngineChoice("USE_BUILDKIT", {"true": "buildkit", "false": "kaniko"}, "kaniko")


def engines() -> "Mapping[str, EngineType]":
    """Every engine by the name that ``--backend`` gives it. One that cannot be used has a decoder that says why."""
    return _Plugins("engine", OWN_ENGINES)


def signers() -> "Mapping[str, SignerType]":
    """Every type of signer by the name that ``type`` gives it. One that cannot be used has a decoder that says why."""
    return _Plugins("signer", OWN_SIGNERS)


@final
class _Plugins(Mapping[str, Any]):
    """Loads each type when it is first asked for. Only the schema and suggestions of near names list all of them."""

    def __init__(self, kind: str, own: Mapping[str, str]) -> None:
        self._kind = kind
        self._own = own
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(self._own[name]) if name in self._own else self._load_foreign(name)
        if self._loaded[name] is None:
            raise KeyError(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        foreign = sorted(entry.name for entry in self._entry_points() if entry.name != PIPELINE)
        return iter(dict.fromkeys((*self._own, *foreign)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _load_foreign(self, name: str) -> Any:
        """The type that a package brings under this name, guarded; None without one."""
        entries = tuple(dict.fromkeys(entry for entry in self._entry_points() if entry.name == name))
        if not entries or name == PIPELINE:
            return None
        from image_builder_adapters import plugin_guard as guard

        return (guard.load_engine if self._kind == "engine" else guard.load_signer)(name, entries)

    def _entry_points(self) -> "tuple[EntryPoint, ...]":
        from importlib.metadata import entry_points

        return tuple(entry_points(group=f"image_builder.{self._kind}s"))


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)

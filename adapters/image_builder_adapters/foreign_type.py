"""Types that other packages bring through an entry point group: of signers, of engines.

They are asked for only when the configuration or the command line names one that is not ours: looking through what is
installed takes longer than reading the configuration. Whatever goes wrong in a foreign package is told where it is
named, by the type of the exception alone: its text could hold a secret.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, final

from image_builder_domain.problem import Problem
from returns.result import Failure, Result, Success

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from image_builder_domain.configuration.decoder import Decoder
    from image_builder_domain.configuration.document import Node

_T = TypeVar("_T")

REMEDY: Final = "mend or remove the package that brings it"


@final
class ForeignTypes(Generic[_T]):
    """Types of one group; ``kind`` is the class that an entry point must lead to, ``word`` what it makes."""

    def __init__(self, group: str, kind: type[_T], word: str) -> None:
        self._group = group
        self._kind = kind
        self._word = word

    def names(self) -> tuple[str, ...]:
        """Every name that some package brings, sorted, each once."""
        return tuple(sorted({entry.name for entry in self._entry_points()}))

    def find(self, name: str) -> Result[_T | None, str]:
        """The type that a package brings under this name, None without one, or why it cannot be used."""
        found = list(dict.fromkeys(entry for entry in self._entry_points() if entry.name == name))
        if not found:
            return Success(None)
        if len(found) > 1:
            packages = ", ".join(sorted(_package(entry) for entry in found))
            article = "an" if self._word[0] in "aeiou" else "a"
            return Failure(f"several packages bring {article} {self._word} {name!r}: {packages}")
        try:
            loaded = found[0].load()
        except Exception as error:  # a foreign package may raise anything
            return Failure(
                f"the {self._word} {name!r} of {_package(found[0])} cannot be loaded: {type(error).__name__}"
            )
        if not isinstance(loaded, self._kind):
            return Failure(f"the {self._word} {name!r} of {_package(found[0])} is no {self._kind.__name__}")
        return Success(loaded)

    def _entry_points(self) -> "tuple[EntryPoint, ...]":
        from importlib.metadata import entry_points

        return tuple(entry_points(group=self._group))


@final
class KnownTypes(Mapping[str, "Decoder[_T]"]):
    """The decoders of all types of one kind, for the configuration: ``own`` ones, then those that packages bring.

    ``decoder`` makes that of a foreign type, or says that there is none; it is asked once for each name. ``names``
    lists the foreign ones, which only the schema and suggestions of near names need.
    """

    def __init__(
        self,
        own: "Mapping[str, Decoder[_T]]",
        decoder: "Callable[[str], Decoder[_T] | None]",
        names: Callable[[], Iterable[str]],
    ) -> None:
        self._own = own
        self._decoder = decoder
        self._names = names
        self._known: dict[str, Decoder[_T] | None] = dict(own)

    def __getitem__(self, name: str) -> "Decoder[_T]":
        if name not in self._known:
            self._known[name] = self._decoder(name)
        found = self._known[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._own, *self._names())))

    def __len__(self) -> int:
        return len(list(iter(self)))


def unusable(reason: str) -> "Decoder[Any]":
    """Reads nothing, and says why wherever it is asked to."""
    from image_builder_domain.configuration.decoder import Decoder

    def read(node: "Node", path: str, problems: list[Problem]) -> None:
        problems.append(Problem(node.where, f"{path}: {reason}", REMEDY))

    return Decoder(read, dict)


def careful(config: "Decoder[Any]", what: str, check: Callable[[Any], object]) -> "Decoder[Any]":
    """The package's decoder; an exception of it, or of ``check`` about its settings, is a problem there.

    ``what`` names whose configuration it reads. A schema that cannot be made allows everything.
    """
    from image_builder_domain.configuration.decoder import Decoder

    def read(node: "Node", path: str, problems: list[Problem]) -> Any:
        try:
            found = config.read(node, path, problems)
            if found is not None:
                check(found)
        except Exception as error:  # a foreign package may raise anything
            failed = f"{path}: reading the configuration of {what} failed: {type(error).__name__}"
            problems.append(Problem(node.where, failed, REMEDY))
            return None
        return found

    def schema() -> dict[str, Any]:
        try:
            return config.schema()
        except Exception:  # a foreign package may raise anything
            return {}

    return Decoder(read, schema)


def _package(entry: "EntryPoint") -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value

"""Rules between the keys of one mapping: each checks a document, and adds to the JSON Schema."""

from collections.abc import Mapping as Dictionary
from typing import Any, final

from image_builder_domain.configuration.decoder import FALSE_WORDS, TRUE_WORDS, Schema, join
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.problem import Problem
from image_builder_domain.yaml_document import Mapping, Scalar, place


def _written(node: Mapping) -> dict[str, Scalar]:
    return {key.text: key for key, _ in node.entries}


@final
class Exclusive:
    """Two keys that exclude each other; ``needed`` if one of them is required."""

    __slots__ = ("_first", "_needed", "_remedy", "_second")

    def __init__(self, first: str, second: str, *, needed: bool = False, remedy: str = "remove one of them") -> None:
        self._first, self._second, self._needed, self._remedy = first, second, needed, remedy

    @property
    def schema(self) -> Schema:
        """At most one of the keys, or exactly one if ``needed``."""
        one = [{"required": [self._first]}, {"required": [self._second]}]
        return {"oneOf": one} if self._needed else {"not": {"required": [self._first, self._second]}}

    def check(self, node: Mapping, path: str, values: Dictionary[str, Any], problems: list[Problem]) -> None:  # noqa: ARG002 (a FieldRule)
        """Report both at the later one, and a missing one at the mapping."""
        found = [key for name, key in _written(node).items() if name in (self._first, self._second)]
        first, second = join(path, self._first), join(path, self._second)
        if len(found) == 2:
            problems.append(Problem(found[1].where, f"{first} and {second} exclude each other", self._remedy))
        elif not found and self._needed:
            problems.append(Problem(node.where, f"{first} or {second} is missing", "add one of them"))


@final
class Needs:
    """A key that needs another one: always, only with the value ``of``, or only without ``unless`` in its text."""

    __slots__ = ("_key", "_of", "_other", "_remedy", "_unless")

    def __init__(
        self, key: str, other: str, *, of: bool | None = None, unless: str | None = None, remedy: str = "add it"
    ) -> None:
        self._key, self._other, self._of, self._unless, self._remedy = key, other, of, unless, remedy

    @property
    def schema(self) -> Schema:
        """The other key is required if the rule applies to the first one."""
        if self._of is not None:
            wanted: Schema = {"enum": [self._of, *(TRUE_WORDS if self._of else FALSE_WORDS)]}
        elif self._unless is not None:
            wanted = {"not": {"type": "string", "pattern": self._unless}}
        else:
            return {"dependentRequired": {self._key: [self._other]}}
        condition = {"properties": {self._key: wanted}, "required": [self._key]}
        return {"if": condition, "then": {"required": [self._other]}}

    def check(self, node: Mapping, path: str, values: Dictionary[str, Any], problems: list[Problem]) -> None:
        """Report at the key that needs the other."""
        written = _written(node)
        if self._key not in written or self._other in written or not self._applies(values.get(self._key)):
            return
        value = "" if self._of is None else f" ({str(self._of).lower()})"
        what = f"{join(path, self._key)}{value} needs {join(path, self._other)}"
        problems.append(Problem(written[self._key].where, what, self._remedy))

    def _applies(self, value: object) -> bool:
        if self._of is not None:
            return value is self._of
        return self._unless is None or (isinstance(value, str) and self._unless not in value)


# --- rules that JSON Schema cannot express --------------------------------------------------------------------------


@final
class Apart:
    """Requires that no development registry or cache equals, contains or lies below a production one."""

    __slots__ = ("_dev", "_production", "_remedy")

    def __init__(self, dev: str, production: str, remedy: str) -> None:
        self._dev, self._production, self._remedy = dev, production, remedy

    @property
    def schema(self) -> Schema:
        """Empty: JSON Schema cannot express this rule."""
        return {}

    def check(self, node: Mapping, path: str, values: Dictionary[str, Any], problems: list[Problem]) -> None:
        """Report at each development entry."""
        for index, dev in enumerate(_all(values, self._dev)):
            for production in _all(values, self._production):
                if dev and production and dev.overlaps(production):
                    names = join(path, self._dev), join(path, self._production)
                    what = f"{names[0]} {dev.text} and {names[1]} {production.text} overlap"
                    problems.append(Problem(place(node, self._dev, index), what, self._remedy))


@final
class DevelopmentCache:
    """Requires that the cache that unmerged code writes lies below ``dev-registry``."""

    __slots__ = ()

    @property
    def schema(self) -> Schema:
        """Empty: JSON Schema cannot express this rule."""
        return {}

    def check(self, node: Mapping, path: str, values: Dictionary[str, Any], problems: list[Problem]) -> None:  # noqa: ARG002 (a FieldRule)
        """Report at ``cache.dev-cache-repo``, unless ``dev-registry`` cannot be read."""
        cache = values.get("cache", {}).get("dev-cache-repo")
        registries = _all(values, "dev-registry")
        unread = "dev-registry" not in values and any(key.text == "dev-registry" for key, _ in node.entries)
        if cache is None or unread or None in registries or any(map(cache.lies_below, registries)):
            return
        what = f"cache.dev-cache-repo {cache.text} does not lie below dev-registry"
        remedy = "unmerged code may write only there; choose a place below it"
        problems.append(Problem(place(node, "cache", "dev-cache-repo"), what, remedy))


def _all(values: Dictionary[str, Any], key: str) -> tuple[RegistryPrefix | None, ...]:
    found = values.get(key, ())
    return found if isinstance(found, tuple) else (found,)

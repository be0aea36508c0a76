"""What a request does in a registry, and the scopes that a token needs for it. Pure.

Docker Registry token authentication, "Requesting a Token": ``repository:NAME:pull,push``, several at once.
"""

from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.image.reference import Repository


@final
@dataclass(frozen=True, slots=True)
class Access:
    """Reading a repository, or ``writes``, too. ``mounts_from`` is another repository of the registry to read from."""

    repository: Repository
    writes: bool = False
    mounts_from: Repository | None = None

    @property
    def of_writer(self) -> "Access":
        """Reading and writing the repository, without a second one."""
        return replace(self, writes=True, mounts_from=None)

    def scopes(self, named: str = "") -> tuple[str, ...]:
        """What this access needs, with the scopes that the registry ``named`` in its challenge, separated by blanks.

        Some registries always name ``pull``, even when they refuse a push.
        """
        own = f"repository:{self.repository.path}:{'pull,push' if self.writes else 'pull'}"
        other = (f"repository:{self.mounts_from.path}:pull",) if self.mounts_from is not None else ()
        actions: dict[str, dict[str, None]] = {}
        for scope in (own, *other, *named.split()):
            resource, _, verbs = scope.rpartition(":")
            actions.setdefault(resource, {}).update(dict.fromkeys(verbs.split(",")))
        return tuple(f"{resource}:{','.join(verbs)}" for resource, verbs in actions.items())

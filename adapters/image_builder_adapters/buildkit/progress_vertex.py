"""What BuildKit has reported of each vertex so far, merged by digest.

BuildKit repeats a vertex whenever something changes, may run it several times, and makes several vertices of one
instruction (a progress group), which count as one here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, final

from image_builder_adapters.buildkit.progress_message import Message, StatusUpdate, VertexUpdate

_MOST_VERTICES: Final = 10_000
_MOST_INTERVALS: Final = 64
_MOST_PARTS: Final = 64
_MOST_STATUSES: Final = 1_000
_LONGEST_NAME: Final = 4_096
_LONGEST_ERROR: Final = 65_536
_CANCELED: Final = "context canceled"
_CACHE: Final = ("importing cache manifest from ", "exporting cache to ")
_EXPORT: Final = "exporting to "
_PUSH: Final = "pushing "
_MANIFEST: Final = ("exporting manifest list ", "exporting manifest ")


@final
@dataclass(slots=True)
class _Part:
    """One digest. ``intervals`` maps each start to its end, None while it runs."""

    intervals: dict[float, float | None] = field(default_factory=dict)
    is_cached: bool = False


@final
@dataclass(slots=True, eq=False)
class Vertex:
    """A vertex, or a group of them, made by :class:`Vertices`.

    ``error`` is the first one that is not a cancellation, if there is one. ``statuses`` are those that go on.
    ``has_pushed`` is True once a push began, ``manifest`` is the digest of the exported manifest or index.
    """

    name: str
    order: tuple[int, int]
    error: str = ""
    statuses: dict[str, StatusUpdate] = field(default_factory=dict)
    has_pushed: bool = False
    manifest: str = ""
    _parts: dict[str, _Part] = field(default_factory=dict)

    @property
    def is_canceled(self) -> bool:
        """True if it ended because another vertex failed, or the build was stopped."""
        return self.error.endswith(_CANCELED)

    @property
    def has_failed(self) -> bool:
        """True if it ended with an error of its own."""
        return bool(self.error) and not self.is_canceled

    @property
    def is_cached(self) -> bool:
        """True if nothing of it had to be done."""
        return bool(self._parts) and all(part.is_cached for part in self._parts.values())

    @property
    def started(self) -> float | None:
        """When it first started, in seconds since 1970."""
        return min(chain.from_iterable(part.intervals for part in self._parts.values()), default=None)

    @property
    def is_complete(self) -> bool:
        """True if it started and nothing of it runs now. A group may go on with its next part."""
        ends = [end for part in self._parts.values() for end in part.intervals.values()]
        return bool(ends) and None not in ends

    @property
    def duration(self) -> float:
        """The seconds in which any part of it ran and ended; overlapping parts count once."""
        total, until = 0.0, float("-inf")
        spans = (span for part in self._parts.values() for span in part.intervals.items())
        for start, end in sorted((start, end) for start, end in spans if end is not None):
            total += max(0.0, end - max(start, until))
            until = max(until, end)
        return total

    @property
    def has_room(self) -> bool:
        """True if another part may be added."""
        return len(self._parts) < _MOST_PARTS

    @property
    def is_cache(self) -> bool:
        """True for the import or export of a cache, whose failure fails no build. No step has such a name."""
        return self.name.startswith(_CACHE)

    @property
    def is_export(self) -> bool:
        """True for the export of the image, which also pushes it."""
        return self.name.startswith(_EXPORT) and not self.is_cache

    def update(self, update: VertexUpdate) -> None:
        """Merge what is new."""
        part = self._parts.setdefault(update.digest, _Part())
        part.is_cached = part.is_cached or update.is_cached
        if update.started is not None and (update.started in part.intervals or len(part.intervals) < _MOST_INTERVALS):
            part.intervals[update.started] = update.completed
        if update.error and not self.has_failed and not (self.is_cached and update.error.endswith(_CANCELED)):
            self.error = _shortened(update.error, _LONGEST_ERROR)

    def progress(self, status: StatusUpdate) -> None:
        """Note what its statuses say about the export of the image."""
        self.has_pushed = self.has_pushed or (self.is_export and status.identifier.startswith(_PUSH))
        for prefix in _MANIFEST if self.is_export else ():
            if status.identifier.startswith(prefix):
                self.manifest = status.identifier.removeprefix(prefix).partition(" ")[0]
                break
        self.statuses.pop(status.identifier, None)
        if status.completed is None and len(self.statuses) < _MOST_STATUSES:
            self.statuses[status.identifier] = status


@final
class Vertices:
    """All vertices of one build, by digest. Forgets the oldest when there are more than BuildKit could build."""

    def __init__(self) -> None:
        self._by_digest: dict[str, Vertex] = {}
        self._messages = 0

    def __iter__(self) -> Iterator[Vertex]:
        return iter(dict.fromkeys(self._by_digest.values()))

    def update(self, message: Message) -> tuple[Vertex, ...]:
        """Merge a message; gives the vertices that it names, in its order."""
        self._messages += 1
        return tuple(dict.fromkeys(self._merged(update, place) for place, update in enumerate(message.vertexes)))

    def get(self, digest: str) -> Vertex:
        """A vertex by the digest in a status, a log or a warning. One that BuildKit never described gets no name."""
        found = self._by_digest.get(digest)
        return found if found is not None else self._added(digest, Vertex(digest, (self._messages, 0)))

    def _merged(self, update: VertexUpdate, place: int) -> Vertex:
        vertex = self._by_digest.get(update.digest)
        if vertex is None:
            group = self._by_digest.get(update.group)
            vertex = group if group is not None and group.has_room else None
        if vertex is None:
            name = _shortened(update.group_name or update.name, _LONGEST_NAME)
            # BuildKit names what it builds last first.
            vertex = self._added(update.group or update.digest, Vertex(name, (self._messages, -place)))
        if update.digest not in self._by_digest:
            self._added(update.digest, vertex)
        vertex.update(update)
        return vertex

    def _added(self, digest: str, vertex: Vertex) -> Vertex:
        if len(self._by_digest) >= _MOST_VERTICES:
            del self._by_digest[next(iter(self._by_digest))]
        self._by_digest[digest] = vertex
        return vertex


def _shortened(text: str, longest: int) -> str:
    """Keeps both ends: an error ends with the exit code."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} … {text[-half:]}"

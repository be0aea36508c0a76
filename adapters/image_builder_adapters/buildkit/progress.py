"""BuildKit's structured progress, read while it is written: rendered for people, and merged for the result.

An output sink for what ``buildctl --progress=rawjson`` writes. Lines that are not progress are shown as they are: those
of the daemonless script, and the source excerpt and the error message that ``buildctl`` prints last. From its
``error: `` on nothing is read as progress, because the message may quote build arguments with line breaks in them. So
the output of a step, and the Dockerfile, can forge none of the result, except for the note that output was clipped,
which BuildKit writes into the step's output. A frontend that the Dockerfile names (``# syntax=``) chooses the names of
its steps.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

from image_builder_domain.build_steps import BuildSteps, BuildWarning
from image_builder_domain.image.reference import Digest
from image_builder_domain.ports import OutputSink

from image_builder_adapters.buildkit.progress_excerpt import ExcerptReader
from image_builder_adapters.buildkit.progress_message import Message, WarningUpdate, parse_message
from image_builder_adapters.buildkit.progress_plain import PlainProgress
from image_builder_adapters.buildkit.progress_steps import cache_warnings, described, steps_of, with_path
from image_builder_adapters.buildkit.progress_vertex import Vertex, Vertices
from image_builder_adapters.process import Tail

_LONGEST_LINE: Final = 8 * 1024 * 1024  # BuildKit sends at most 1 MiB of output in one message, as base64
_LONGEST_PLAIN: Final = 64 * 1024
_MOST_WARNINGS: Final = 500
_ERROR: Final = b"error: "
_KNOWN: Final = re.compile(rb"^(?:\{|error: |-{20}$)", re.MULTILINE)
_CLIPPED: Final = re.compile(rb"\n\[output clipped, log limit [\w./ #]{1,24} reached\]\n\Z")


@final
@dataclass(frozen=True, slots=True)
class FailedVertex:
    """What failed: ``is_push`` if it was the push of the image. ``last_lines`` is the end of its output."""

    title: str
    error: str
    is_push: bool
    last_lines: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Progress:
    """All that is known at the end.

    ``cause`` is the vertex whose error is a failed build's. Builds that succeeded hold errors, too, so ask the exit
    code first. ``error`` is the first line of ``buildctl``'s own message. ``has_begun``: the daemon took the build.
    ``has_pushed``: a push began. ``digest`` is that of the exported image. ``plain`` is the end of all other lines.
    """

    steps: BuildSteps = field(default_factory=BuildSteps)
    cause: FailedVertex | None = None
    error: str = ""
    has_begun: bool = False
    has_pushed: bool = False
    digest: Digest | None = None
    plain: tuple[str, ...] = ()


@final
class ProgressReader:
    """An output sink. ``output`` gets rendered lines, ``at`` what BuildKit does now (``[build 3/4] RUN make``).

    ``dockerfile`` is the path to name in warnings: BuildKit knows the file's name without its folder.
    """

    def __init__(self, output: OutputSink, at: Callable[[str], None], dockerfile: str = "Dockerfile") -> None:
        self._lock = threading.Lock()
        self._at = at
        self._dockerfile = dockerfile
        self._vertices = Vertices()
        self._plain = PlainProgress(output, self._vertices)
        self._tail = Tail(self._plain.plain, _LONGEST_PLAIN)
        self._excerpt = ExcerptReader()
        self._line: list[bytes] = []
        self._size = 0
        self._is_passing = False
        self._error = b""
        self._position = ""
        self._has_begun = False
        self._is_clipped = False
        self._warnings: dict[BuildWarning, None] = {}

    def __call__(self, block: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        with self._lock:
            if not self._size and not self._is_passing and not self._excerpt.is_open and not _KNOWN.search(block):
                block = self._pass_on(block)
            *ends, rest = block.split(b"\n")
            for end in ends:
                self._hold(end)
                self._end_line()
            if rest:
                self._hold(rest)
            self._plain.flush()

    def finish(self) -> Progress:
        """Show what is held, and say what happened. The output of a build that was stopped may still go on."""
        with self._lock:
            if self._size:
                self._end_line()
            self._plain.finish()
            return self._result()

    def _result(self) -> Progress:
        vertices = tuple(self._vertices)
        steps = BuildSteps(
            steps_of(vertices),
            (*self._warnings, *cache_warnings(vertices)),
            self._excerpt.place,
            self._is_clipped,
        )
        exports = [vertex for vertex in vertices if vertex.is_export]
        manifest = next((vertex.manifest for vertex in reversed(exports) if vertex.manifest), "")
        return Progress(
            with_path(steps, self._dockerfile),
            self._cause(vertices),
            self._error.decode("utf-8", "replace"),
            self._has_begun,
            any(vertex.has_pushed for vertex in exports),
            Digest.parse(manifest).value_or(None),
            self._tail.lines(),
        )

    # --- lines ------------------------------------------------------------------------------------------------------

    def _pass_on(self, block: bytes) -> bytes:
        """Show whole lines that are of no interest, and give the rest."""
        end = block.rfind(b"\n") + 1
        if end:
            self._tail(block[:end])
            self._excerpt.read(block[block.rfind(b"\n", 0, end - 1) + 1 : end - 1])
        return block[end:]

    def _hold(self, piece: bytes) -> None:
        self._line.append(piece)
        self._size += len(piece)
        limit = _LONGEST_LINE if self._may_be_progress() else _LONGEST_PLAIN
        if self._size > limit or self._is_passing:
            # No line of progress. It is shown in pieces.
            piece = b"".join(self._line)
            if not self._is_passing:
                self._note_error(piece)
            self._is_passing = True
            self._tail(piece)
            self._line, self._size = [b""], 0

    def _may_be_progress(self) -> bool:
        return not self._error and not self._is_passing and next(filter(None, self._line), b"").startswith(b"{")

    def _end_line(self) -> None:
        is_progress = self._may_be_progress()
        line = self._line[0] if len(self._line) == 1 else b"".join(self._line)
        is_whole, self._is_passing = not self._is_passing, False
        self._line, self._size = [], 0
        message = parse_message(line) if is_progress else None
        if message is not None:
            self._take(message)
            return
        self._tail(line + b"\n")
        if is_whole:
            self._excerpt.read(line)
            self._note_error(line)

    def _note_error(self, line: bytes) -> None:
        if line.startswith(_ERROR) and not self._error:
            self._error = line[len(_ERROR) : _LONGEST_PLAIN] or b" "

    # --- messages ---------------------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        self._plain.show(message)
        self._has_begun = self._has_begun or bool(message.vertexes)
        for update in message.vertexes:
            if update.started is not None and update.completed is None:
                self._show_position(described(update.group_name or update.name))
        for status in message.statuses:
            if status.completed is None and self._vertices.get(status.vertex).is_export:
                self._show_position(described(status.identifier))
        for warning in message.warnings:
            if len(self._warnings) < _MOST_WARNINGS:
                self._warnings[_warning(warning)] = None
        self._is_clipped = self._is_clipped or any(
            part.data.endswith(b" reached]\n") and _CLIPPED.search(part.data, max(0, len(part.data) - 80))
            for part in message.logs
        )

    def _show_position(self, position: str) -> None:
        if position != self._position:
            self._position = position
            self._at(position)

    def _cause(self, vertices: tuple[Vertex, ...]) -> FailedVertex | None:
        """The vertex that failed of itself. Of several, the one that ``buildctl`` quotes, else the first."""
        failed = [vertex for vertex in vertices if vertex.has_failed and not vertex.is_cache]
        error = self._error.decode("utf-8", "replace")
        cause = next((vertex for vertex in failed if vertex.error in error), failed[0] if failed else None)
        if cause is None:
            return None
        is_push = cause.is_export and any(vertex.has_pushed for vertex in vertices)
        return FailedVertex(described(cause.name), cause.error, is_push, self._plain.last_lines(cause))


def _warning(update: WarningUpdate) -> BuildWarning:
    # The frontend puts the line into the text, too.
    text = update.text.removesuffix(f" (line {update.line})")
    return BuildWarning(text[:1000], update.file[:500], update.line, update.url[:500])

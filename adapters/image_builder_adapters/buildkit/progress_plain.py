"""BuildKit's structured progress as lines for people, in BuildKit's plain form (``--progress=plain``).

Every line of a step's output stands behind the step's number and time, so it can never be taken for BuildKit's own
words: ``#5 0.051 text``. Unlike BuildKit, which drops updates by the clock, this depends on the messages alone, and
names a vertex only where it begins. Source: BuildKit's ``util/progress/progressui/printer.go``.
"""

from typing import Final, final

from image_builder_domain.ports import OutputSink

from image_builder_adapters.buildkit.progress_message import LogPart, Message, StatusUpdate, seconds
from image_builder_adapters.buildkit.progress_vertex import Vertex, Vertices

LAST_LINES: Final = 50
"""So many lines of a failing step are kept."""

_BLOCK: Final = 256 * 1024
_LARGEST_TAIL: Final = 32 * 1024
_MOST_TAILS: Final = 128
_MOST_OUTPUTS: Final = 10_000
_SLICE: Final = 64 * 1024
_MOST_HELD: Final = 2 * 1024 * 1024
_CUT: Final = "(the beginning of a very long line is left out)"
_STATUS_EVERY: Final = 5.0
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


@final
class _Output:
    """What is rendered of one vertex. ``held`` is a line without its end, ``head`` stands before it.

    ``since`` is when the vertex began, ``shown`` when each status was shown last, ``verdict`` the last word about it.
    """

    __slots__ = ("head", "held", "number", "shown", "since", "verdict")

    def __init__(self, number: int) -> None:
        self.number = number
        self.since: float | None = None
        self.held = bytearray()
        self.head = b""
        self.shown: dict[str, float] = {}
        self.verdict = ""


@final
class PlainProgress:
    """Renders messages. Lines go to ``output`` in blocks of whole lines, in the order in which their ends came.

    Lines without an end are held, 2 MiB of all steps together. Beyond that a line is shown in pieces, and if another
    step prints meanwhile, it goes on in a new line.
    """

    def __init__(self, output: OutputSink, vertices: Vertices) -> None:
        self._sink = output
        self._vertices = vertices
        self._outputs: dict[Vertex, _Output] = {}
        self._tails: dict[Vertex, bytearray] = {}
        self._numbers = 0
        self._held = 0
        self._open: _Output | None = None
        self._ending: dict[Vertex, None] = {}
        self._blocks: list[bytes] = []
        self._size = 0

    def show(self, message: Message) -> None:
        """Merge a message, and render what it adds."""
        ended = self._show_vertices(message) if message.vertexes else {}
        for status in message.statuses:
            self._status(self._vertices.get(status.vertex), status)
        for warning in message.warnings:
            self._say(self._vertices.get(warning.vertex), f"WARN: {warning.text}")
        for part in message.logs:
            self._log(self._vertices.get(part.vertex), part)
        self._ending |= ended

    def plain(self, text: bytes) -> None:
        """Show lines of other programs, or a piece of one, as they are."""
        self._end_others(None)
        self._write(text)

    def flush(self) -> None:
        """Hand everything that is rendered to the sink."""
        if self._blocks:
            blocks, self._blocks, self._size = self._blocks, [], 0
            self._sink(b"".join(blocks))

    def finish(self) -> None:
        """Show what is still held."""
        self._end_others(None)
        for output in self._outputs.values():
            self._end_line(output)
        self.flush()

    def last_lines(self, vertex: Vertex) -> tuple[str, ...]:
        """The end of a vertex's output: at most 50 lines, without numbers and times."""
        tail = bytes(self._tails.get(vertex, b""))
        lines = tail.removesuffix(b"\n").decode("utf-8", "replace").split("\n") if tail else []
        return tuple(line.removesuffix("\r") for line in lines[-LAST_LINES:])

    def _show_vertices(self, message: Message) -> dict[Vertex, None]:
        """Name those that begin. Gives those that are complete once the rest of the message is shown."""
        named = self._vertices.update(message)
        rest = (part.vertex for parts in (message.statuses, message.warnings, message.logs) for part in parts)
        going_on = dict.fromkeys(self._vertices.get(digest) for digest in dict.fromkeys(rest))
        for vertex in (*named, *going_on):
            self._ending.pop(vertex, None)
        for vertex in named:
            started = vertex.started
            if started is not None or vertex.error:
                self._of(vertex).since = started
            if vertex.is_complete and vertex not in going_on:
                self._ending[vertex] = None
        return {vertex: None for vertex in going_on if vertex.is_complete}

    # --- one vertex -------------------------------------------------------------------------------------------------

    def _of(self, vertex: Vertex) -> _Output:
        """The output of a vertex, under its name. Ends what other vertices have left open."""
        self._end_others(vertex)
        output = self._outputs.get(vertex)
        if output is None:
            if len(self._outputs) >= _MOST_OUTPUTS:
                self._end_line(self._outputs.pop(next(iter(self._outputs))))
            self._numbers += 1
            output = self._outputs[vertex] = _Output(self._numbers)
            before = b"\n" if self._numbers > 1 else b""
            self._write(before + f"#{output.number} {_one_line(vertex.name)}\n".encode(errors="replace"))
        return output

    def _say(self, vertex: Vertex, text: str) -> None:
        """BuildKit's own words about a vertex. Every line of them gets the number."""
        number = self._of(vertex).number
        for line in text.split("\n"):
            self._write(f"#{number} {line}\n".encode(errors="replace"))

    def _status(self, vertex: Vertex, status: StatusUpdate) -> None:
        vertex.progress(status)
        shown = self._of(vertex).shown
        if status.completed is not None:
            shown.pop(status.identifier, None)
            self._say(vertex, _status_line(status))
        elif status.time - shown.setdefault(status.identifier, status.time) >= _STATUS_EVERY:
            shown[status.identifier] = status.time
            self._say(vertex, _status_line(status))

    def _log(self, vertex: Vertex, part: LogPart) -> None:
        output, data = self._of(vertex), part.data
        self._remember(vertex, data)
        elapsed = seconds(part.timestamp) - output.since if output.since is not None else 0.0
        head = f"#{output.number} {_clock(elapsed)} ".encode()
        start, end = 0, data.rfind(b"\n") + 1
        while start < end:
            cut = _cut(data, start, end)
            lines = data[start : cut - 1].replace(b"\n", b"\n" + head)
            self._write(b"%b%b\n" % (self._begun(output, head), lines))
            start = cut
        if end < len(data):
            output.head = output.head if output.held else head
            output.held += data[end:]
            self._held += len(data) - end
            if self._held > _MOST_HELD:
                self._show_pieces()

    def _begun(self, output: _Output, head: bytes) -> bytes:
        """What stands before the end of a line: nothing where the line is open, else its head; and what is held."""
        held = bytes(output.held)
        if self._open is output:
            self._open, head = None, b""
        elif held:
            head = output.head
        self._held -= len(held)
        output.held = bytearray()
        return head + held

    def _show_pieces(self) -> None:
        """Show the longest lines that are held, until there is room again."""
        held = (output for output in self._outputs.values() if output.held)
        for output in sorted(held, key=lambda each: len(each.held), reverse=True):
            if self._held <= _MOST_HELD // 2:
                break
            if self._open is not output:
                self._close_line()
            self._write(self._begun(output, output.head))
            self._open = output

    def _remember(self, vertex: Vertex, data: bytes) -> None:
        tail = self._tails.get(vertex)
        if tail is None:
            while len(self._tails) >= _MOST_TAILS:
                del self._tails[next(iter(self._tails))]
            tail = self._tails[vertex] = bytearray()
        tail += data[-2 * _LARGEST_TAIL :]
        if len(tail) > 2 * _LARGEST_TAIL or len(data) > 2 * _LARGEST_TAIL:
            kept = bytes(tail[-_LARGEST_TAIL:])
            # Nothing is kept of a line whose beginning is lost: a redactor would not recognise half of a secret.
            rest = kept[kept.find(b"\n") :] if b"\n" in kept else b""
            tail[:] = _CUT.encode() + rest

    # --- the ends of lines and of vertices --------------------------------------------------------------------------

    def _end_others(self, vertex: Vertex | None) -> None:
        """End the open line of another vertex, and say what became of others that are complete."""
        if self._ending:
            for ending in [each for each in self._ending if each is not vertex]:
                del self._ending[ending]
                self._end(ending)
        if self._open is not None and (vertex is None or self._outputs.get(vertex) is not self._open):
            self._close_line()

    def _end(self, vertex: Vertex) -> None:
        output = self._outputs.get(vertex)
        if output is None:
            return
        self._end_line(output)
        lines = [_status_line(status) for status in vertex.statuses.values()]
        vertex.statuses.clear()
        output.shown.clear()
        verdict = _verdict(vertex)
        if verdict != output.verdict:
            output.verdict = verdict
            lines += verdict.split("\n")
        self._write("".join(f"#{output.number} {line}\n" for line in lines).encode(errors="replace"))
        if not vertex.error:
            self._tails.pop(vertex, None)

    def _end_line(self, output: _Output) -> None:
        if output.held or self._open is output:
            if self._open is not output:
                self._close_line()
            self._write(self._begun(output, b"") + b"\n")

    def _close_line(self) -> None:
        if self._open is not None:
            self._end_line(self._open)

    def _write(self, data: bytes) -> None:
        self._blocks.append(data)
        self._size += len(data)
        if self._size > _BLOCK:
            self.flush()


def _cut(data: bytes, start: int, end: int) -> int:
    """The end of the lines from ``start`` that fill a slice: little memory is needed, however short they are."""
    if end - start <= _SLICE:
        return end
    cut = data.rfind(b"\n", start, start + _SLICE) + 1
    return cut or data.index(b"\n", start + _SLICE) + 1


def _verdict(vertex: Vertex) -> str:
    if vertex.has_failed:
        return f"ERROR: {vertex.error}"
    if vertex.is_cached:
        return "CACHED"
    return "CANCELED" if vertex.is_canceled else f"DONE {vertex.duration:.1f}s"


def _status_line(status: StatusUpdate) -> str:
    size = ""
    if status.total:
        size = f" {_size(status.current)} / {_size(status.total)}"
    elif status.current:
        size = f" {_size(status.current)}"
    end = status.completed if status.completed is not None else status.time
    took = end - status.started if status.started is not None else 0.0
    time = f" {took:.1f}s" if took > 0.01 else ""
    return f"{_one_line(status.identifier)}{size}{time}{' done' if status.completed is not None else ''}"


def _size(count: int) -> str:
    """Bytes in BuildKit's units, which are powers of 1000."""
    value, unit = float(count), 0
    while abs(value) >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.2f}{_UNITS[unit]}" if unit else f"{count}B"


def _clock(elapsed: float) -> str:
    return f"{elapsed:.{3 if elapsed < 10 else 2 if elapsed < 100 else 1}f}"


def _one_line(text: str) -> str:
    """A name as one line: a working directory's name may hold a line break, behind which it could forge anything."""
    return text.replace("\r", "\\r").replace("\n", "\\n")

"""The console: results and engine output on standard output, everything the tool itself says on standard error.

Secrets are redacted and foreign text is neutralised before anything is shown; a closed pipe never stops a build.
"""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from image_builder_adapters.console_text import harmless_json
from image_builder_adapters.redaction import PieceRedactor, Redactor

if TYPE_CHECKING:
    from image_builder.presenters.live_lines import LiveLines


class Speaker(Protocol):
    """The console, as far as one build uses it."""

    def info(self, text: str) -> None: ...  # noqa: D102
    def error(self, text: str) -> None: ...  # noqa: D102
    def engine_lines(self, lines: bytes, prefix: bytes) -> None: ...  # noqa: D102
    def indented(self, lines: tuple[str, ...], prefix: str) -> None: ...  # noqa: D102


@final
class BuildVoice:
    """Implements ``Follower``. Without a ``variant`` nothing is put in front.

    ``show`` takes engine output for a live line instead of the engine's own lines; ``end`` takes that line away.
    """

    def __init__(
        self,
        console: Speaker,
        variant: str | None,
        show: Callable[[bytes], None] | None,
        end: Callable[[], None],
    ) -> None:
        self._console = console
        self._prefix = f"[{variant}] " if variant is not None else ""
        self._show = show
        self._end = end

    def info(self, text: str) -> None:
        """Tell what is done."""
        self._console.info(f"{self._prefix}{text}")

    def error(self, text: str) -> None:
        """Tell what went wrong."""
        self._console.error(f"{self._prefix}{text}")

    def engine(self, lines: bytes) -> None:
        """Show whole lines of engine output, or the step they belong to on a terminal."""
        if self._show is not None:
            self._show(lines)
        else:
            self._console.engine_lines(lines, self._prefix.encode())

    def failing_step(self, lines: tuple[str, ...]) -> None:
        """Repeat the last lines of a failing step."""
        self._console.indented(lines, self._prefix)

    def stop(self) -> None:
        """Take the live line away."""
        self._end()


_COLOURS: Final = {"error": "31", "warning": "33", "info": "36"}


@final
class Console:
    """Where the tool speaks. ``redactor`` hides secrets; ``neutralise`` makes foreign text harmless."""

    def __init__(
        self,
        redactor: Redactor,
        neutralise: Callable[[bytes], bytes],
        *,
        results_only: bool,
        silent: bool,
        debug: bool,
    ) -> None:
        self._redactor = redactor
        self._clean = redactor.data
        self._pieces: dict[bytes, PieceRedactor] = {}
        self._neutralise = neutralise
        terminal = os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb"
        self._format = "color" if terminal else "text"
        self._engine_to = None if silent else 2 if results_only else 1
        self._results_only = results_only
        self._debug = debug
        self._lock, self._engine_lock = threading.Lock(), threading.Lock()
        is_live = terminal and os.isatty(self._engine_to or 1) and not silent and not debug
        self._live = self._open_live_lines() if is_live else None

    def _open_live_lines(self) -> "LiveLines":
        from image_builder.presenters.live_lines import LiveLines, terminal_size

        return LiveLines(lambda data: self._write(data), lambda: terminal_size(2))

    def use_format(self, log_format: str | None) -> None:
        """Write own lines as the configuration's ``log-format`` says; None keeps what fits the terminal."""
        self._format = log_format or self._format

    def info(self, text: str) -> None:
        """Tell what is done."""
        self._say("info", text)

    def warning(self, text: str) -> None:
        """Tell what deserves a look."""
        self._say("warning", text)

    def command_warning(self, command: str, text: str) -> None:
        """The same as a line that the CI system obeys: ``command``, then the text, in which nothing has a meaning."""
        safe = self._neutralise(self._clean(_encoded(text))).decode(errors="replace")
        self._raw(_encoded(f"{command}{' '.join(safe.split())}\n".replace("%", "%25")))

    def error(self, text: str) -> None:
        """Tell what went wrong, where, and what to do."""
        self._say("error", text)

    def debug(self, text: str) -> None:
        """Tell details, with ``--debug`` alone."""
        if self._debug:
            self._say("debug", text)

    def result(self, text: str) -> str:
        """Print what was asked for; why it is lost, or nothing. Only a result is worth an exit code of its own."""
        return _print(self._clean(_encoded(f"{text}\n")))

    def document(self, value: Any) -> str:
        """The same for a result as one line of JSON, which stays JSON whatever is hidden in it."""
        import json

        return _print(_encoded(harmless_json(json.dumps(self._redactor.document(value))) + "\n"))

    def names(self, text: str) -> str:
        """The same for names that are to be published: nothing in them is hidden."""
        return _print(_encoded(f"{text}\n"))

    def command(self, text: str) -> str:
        """Print lines that the CI system obeys, beside a JSON result if there is one; why they are lost, or nothing."""
        lost = _write(2 if self._results_only else 1, _encoded(f"{text}\n"))
        return f"commands for the CI system: cannot be written: {lost}; read the output to the end" if lost else ""

    def summary(self, text: str) -> None:
        """Print lines for people, as they are."""
        self._raw(self._neutralise(self._clean(_encoded(f"{text}\n"))))

    def follow(self, name: str, variant: str | None) -> "BuildVoice":
        """Who speaks for one build, which begins now."""
        from image_builder.presenters.console import BuildVoice

        title = f"building {name}" if variant is None else f"building {name} ({variant})"
        self.info(title)
        if self._live is None:
            return BuildVoice(self, variant, None, lambda: None)
        live, line = self._live, self._live.begin(title)
        return BuildVoice(self, variant, lambda lines: line.show(self._clean(lines)), lambda: live.end(line))

    def engine_lines(self, lines: bytes, prefix: bytes) -> None:
        """Show engine output with ``prefix``, which no other build has, before each line."""
        if self._engine_to is None:
            return
        with self._engine_lock:
            clean = self._pieces.setdefault(prefix, PieceRedactor(self._redactor))(lines)
            if not clean:
                return
            # A piece of a very long line gets an end: two pieces, or two builds, must make no command together.
            safe = self._neutralise(clean).removesuffix(b"\n") + b"\n"
            if prefix:
                safe = b"".join(prefix + line + b"\n" for line in safe.removesuffix(b"\n").split(b"\n"))
            _write(self._engine_to, safe)

    def indented(self, lines: tuple[str, ...], prefix: str) -> None:
        """Repeat lines of an engine, indented, with ``prefix`` before each."""
        text = "".join(f"    {prefix}{line}\n" for line in lines)
        self._raw(self._neutralise(self._clean(_encoded(text))))

    def _say(self, level: str, text: str) -> None:
        safe = self._neutralise(self._clean(_encoded(text))).decode(errors="replace")
        if self._format == "json":
            import json

            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._raw(_encoded(json.dumps({"time": now, "level": level, "msg": safe}) + "\n"))
            return
        label = "" if level == "info" else f"{level}: "
        if self._format == "color" and level in _COLOURS:
            label = f"\x1b[{_COLOURS[level]}m{label or '==> '}\x1b[0m"
        self._raw(_encoded(f"{label}{safe}\n"))

    def _raw(self, data: bytes) -> None:
        if self._live is not None:
            self._live.print(data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        with self._lock:
            _write(2, data)


def _print(data: bytes) -> str:
    lost = _write(1, data)
    return f"standard output: cannot be written: {lost}; free some space, or read it to the end" if lost else ""


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def _write(descriptor: int, data: bytes) -> str:
    """Write all of it; why that failed, or nothing. For engine output the log file has it all."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        return error.strerror or "unknown reason"
    return ""

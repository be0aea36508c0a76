"""The console: results and engine output on standard output, the tool's own messages on standard error.

Secrets are redacted and foreign text is neutralised before anything is shown. A closed pipe never stops a build.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, final

from image_builder_adapters.console_text import harmless_json
from image_builder_adapters.redaction import PieceRedactor, Redactor
from image_builder_domain.build_steps import SourceLine
from image_builder_domain.exit_code import Interruption

from image_builder.presenters.ci_lines import PLAIN, CiLines

if TYPE_CHECKING:
    from image_builder.presenters.live_lines import LiveLine, LiveLines

_COLOURS: Final = {"error": "31", "warning": "33", "info": "36"}


@final
class Console:
    """Standard output and standard error. Implements ``Listener``; the methods that print results return an error.

    ``redactor`` hides secrets; ``neutralise`` makes foreign text harmless. With ``results_only`` engine output goes to
    standard error, with ``silent`` nowhere. ``ci`` is how the CI system shows messages, ``workspace`` the folder that
    it knows files by.
    """

    def __init__(
        self,
        redactor: Redactor,
        neutralise: Callable[[bytes], bytes],
        *,
        results_only: bool,
        silent: bool,
        debug: bool,
        ci: CiLines = PLAIN,
        workspace: str = "",
    ) -> None:
        self._ci = ci
        self._workspace = workspace
        self._groups = itertools.count(1)
        self._redactor = redactor
        self._pieces: dict[bytes, PieceRedactor] = {}
        self._neutralise = neutralise
        terminal = os.isatty(2) and os.environ.get("TERM", "dumb") != "dumb"
        self._format = "color" if _wants_colour(terminal) else "text"
        self._engine_to = None if silent else 2 if results_only else 1
        self._results_only = results_only
        self._debug = debug
        self._lock, self._engine_lock = threading.Lock(), threading.Lock()
        is_live = terminal and os.isatty(self._engine_to or 1) and not silent and not debug
        self._live = self._open_live_lines() if is_live else None

    def use_format(self, log_format: str | None) -> None:
        """Write messages as the configuration's ``log-format`` says; None keeps what fits the terminal."""
        self._format = log_format or self._format

    # --- messages ---------------------------------------------------------------------------------------------------

    def info(self, text: str) -> None:
        """Implement ``Listener.info``."""
        self._message("info", text)

    def warning(self, text: str, at: SourceLine | None = None) -> None:
        """Implement ``Listener.warning``."""
        self._message("warning", text, at)

    def error(self, text: str, at: SourceLine | None = None) -> None:
        """Implement ``Listener.error``."""
        self._message("error", text, at)

    def interrupted(self, reason: Interruption, when: str) -> None:
        """Print what stopped the run."""
        what = "the deadline passed" if reason is Interruption.DEADLINE else f"{reason.name}: the run was stopped"
        self.error(f"{what} {when}")

    def debug(self, text: str) -> None:
        """Print details, only with ``--debug``."""
        if self._debug:
            self._message("debug", text)

    def shown_warning(self, text: str) -> None:
        """Print a warning that the CI system shows beside the job, if it can do so, in every format of the log."""
        self._message("warning", text, is_shown=True)

    def summary(self, text: str) -> None:
        """Print lines for people, as they are."""
        self._print_above(self._safe(f"{text}\n"))

    # --- results ----------------------------------------------------------------------------------------------------

    def result(self, text: str) -> str:
        """Print what was asked for; return why it is lost, or nothing."""
        return _print(self._redactor.data(_encoded(f"{text}\n")))

    def document(self, value: Any) -> str:
        """Print a result as one line of JSON, which stays JSON with secrets hidden."""
        import json

        return _print(_encoded(harmless_json(json.dumps(self._redactor.document(value))) + "\n"))

    def names(self, text: str) -> str:
        """Print names that are to be published: nothing in them is hidden."""
        return _print(_encoded(f"{text}\n"))

    def command(self, text: str) -> str:
        """Print lines that the CI system obeys, beside a JSON result if there is one."""
        lost = _write(2 if self._results_only else 1, _encoded(f"{text}\n"))
        return f"commands for the CI system: cannot be written: {lost}; read the output to the end" if lost else ""

    # --- output of engines ------------------------------------------------------------------------------------------

    def output(self, lines: bytes) -> None:
        """Implement ``Listener.output``."""
        self.engine_lines(lines, b"")

    def at(self, position: str) -> None:
        """Implement ``Listener.at``: only a build has a line that shows it."""

    def failing_step(self, lines: tuple[str, ...]) -> None:
        """Implement ``Listener.failing_step``."""
        self.indented(lines, "")

    def follow(self, name: str, variant: str | None) -> "BuildConsole":
        """Implement ``Listener.follow``."""
        title = f"building {name}" if variant is None else f"building {name} ({variant})"
        # The output of builds side by side is mixed, and groups cannot be.
        end = self._begin_group(title) if variant is None else None
        if end is None:
            self.info(title)
        if self._live is None:
            return BuildConsole(self, variant, None, end)
        return BuildConsole(self, variant, _Live(self._live, self._live.begin(title), self._redactor))

    def close(self) -> None:
        """Implement ``Listener.close``: there is nothing to end."""

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
        """Show lines of an engine once more, indented, with ``prefix`` before each."""
        self._print_above(self._safe("".join(f"    {prefix}{line}\n" for line in lines)))

    # --- writing ----------------------------------------------------------------------------------------------------

    def _open_live_lines(self) -> "LiveLines":
        from image_builder.presenters.live_lines import LiveLines, terminal_size

        return LiveLines(lambda data: self._write(data), lambda: terminal_size(2))

    def _begin_group(self, title: str) -> Callable[[], None] | None:
        """Begin to fold engine output; what ends that, or None where nothing is folded."""
        begin, end, descriptor = self._ci.begin, self._ci.end, self._engine_to
        if begin is None or end is None or descriptor is None or self._format == "json":
            return None
        number, safe = next(self._groups), self._safe(title).decode(errors="replace")
        _write(descriptor, _encoded(f"{begin(number, int(time.time()), safe)}\n"))

        def close() -> None:
            _write(descriptor, _encoded(f"{end(number, int(time.time()))}\n"))

        return close

    def _from_workspace(self, at: SourceLine | None) -> SourceLine | None:
        """The line with the path by which the CI system knows the file; None for a file elsewhere."""
        if at is None or not self._workspace:
            return None
        path = os.path.relpath(at.path, self._workspace)
        return None if path.startswith("..") else replace(at, path=self._safe(path).decode(errors="replace"))

    def _message(self, level: str, text: str, at: SourceLine | None = None, *, is_shown: bool = False) -> None:
        safe = self._safe(text).decode(errors="replace")
        is_json = self._format == "json" and not (is_shown and self._ci.is_command)
        if self._ci is not PLAIN and level in ("error", "warning") and not is_json:
            self._print_above(_encoded(f"{self._ci.message(level, safe, self._from_workspace(at))}\n"))
            return
        if is_json:
            import json

            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._print_above(_encoded(json.dumps({"time": now, "level": level, "msg": safe}) + "\n"))
            return
        label = "" if level == "info" else f"{level}: "
        if self._format == "color" and level in _COLOURS:
            label = f"\x1b[{_COLOURS[level]}m{label or '==> '}\x1b[0m"
        self._print_above(_encoded(f"{label}{safe}\n"))

    def _safe(self, text: str) -> bytes:
        """Text without secrets and commands."""
        return self._neutralise(self._redactor.data(_encoded(text)))

    def _print_above(self, data: bytes) -> None:
        """Write to standard error, above the live lines."""
        if self._live is not None:
            self._live.print(data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        with self._lock:
            _write(2, data)


@final
class BuildConsole:
    """The console of one build, which puts the variant before each line. Implements ``Listener``.

    With a live line, the step that runs is shown instead of the engine's own lines.
    """

    def __init__(
        self, console: Console, variant: str | None, live: "_Live | None", end: Callable[[], None] | None = None
    ) -> None:
        self._console = console
        self._end = end
        self._prefix = f"[{variant}] " if variant is not None else ""
        self._live = live

    def info(self, text: str) -> None:
        """Implement ``Listener.info``."""
        self._console.info(f"{self._prefix}{text}")

    def warning(self, text: str, at: SourceLine | None = None) -> None:
        """Implement ``Listener.warning``."""
        self._console.warning(f"{self._prefix}{text}", at)

    def error(self, text: str, at: SourceLine | None = None) -> None:
        """Implement ``Listener.error``."""
        self._console.error(f"{self._prefix}{text}", at)

    def output(self, lines: bytes) -> None:
        """Implement ``Listener.output``: on a terminal, the step that the lines belong to is shown instead."""
        if self._live is not None:
            self._live.output(lines)
        else:
            self._console.engine_lines(lines, self._prefix.encode())

    def at(self, position: str) -> None:
        """Implement ``Listener.at``."""
        if self._live is not None:
            self._live.at(position)

    def failing_step(self, lines: tuple[str, ...]) -> None:
        """Implement ``Listener.failing_step``."""
        self._console.indented(lines, self._prefix)

    def follow(self, name: str, variant: str | None) -> "BuildConsole":
        """Implement ``Listener.follow``."""
        return self._console.follow(name, variant)

    def close(self) -> None:
        """Implement ``Listener.close``."""
        if self._live is not None:
            self._live.close()
        end, self._end = self._end, None
        if end is not None:
            end()


@final
class _Live:
    """The live line of one build."""

    def __init__(self, lines: "LiveLines", line: "LiveLine", redactor: Redactor) -> None:
        self._lines = lines
        self._line = line
        self._redactor = redactor

    def output(self, lines: bytes) -> None:
        self._line.show(self._redactor.data(lines))

    def at(self, position: str) -> None:
        self._line.at(self._redactor.text(position))

    def close(self) -> None:
        self._lines.end(self._line)


def _wants_colour(terminal: bool) -> bool:
    """``NO_COLOR`` (no-color.org) wins over ``CLICOLOR_FORCE``, and both over what the terminal can show."""
    if os.environ.get("NO_COLOR"):
        return False
    return terminal or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0")


def _print(data: bytes) -> str:
    lost = _write(1, data)
    return f"standard output: cannot be written: {lost}; free some space, or read it to the end" if lost else ""


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def _write(descriptor: int, data: bytes) -> str:
    """Write all of it; return why that failed, or nothing. Engine output that is lost here is in the log file."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        return error.strerror or "unknown reason"
    return ""

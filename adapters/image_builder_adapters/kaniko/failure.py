"""What went wrong, read from the end of the executor's output; pure.

The executor passes on the exit code of a failing ``RUN``, so its code says nothing; the last words on its standard
error do (``cmd/executor/cmd/root.go``: ``error building image: …`` and so on). Unlike log lines they have no format.
"""

import json
import re
from collections.abc import Sequence
from typing import Final

from image_builder_domain.build import BuildFailed, PushFailed
from image_builder_domain.image.reference import Digest

LAST_LINES: Final = 50

# What a step printed without a newline stands before it in the same line.
_LAST_WORDS: Final = re.compile(
    r"(?:error (?P<what>building image|pushing image|checking push permissions): |^Error: )(?P<reason>.*)"
)
_LOG_LINE: Final = re.compile(
    r"(?:time=\S+ )?level=(?P<text>\w+) msg=(?P<textmsg>.*)"
    r"|\x1b\[\d+m(?P<color>[A-Z]{4,5})\S*\x1b\[0m\[\d+\] ?(?P<colormsg>.*)"
    r"|(?P<json>\{.*\})"
)
_A_STEP_FAILED: Final = ("waiting for process to exit", "starting command")
_STEP_STARTS: Final = "Running: "


def failure_of(lines: Sequence[str], code: int, digest: Digest | None) -> BuildFailed | PushFailed:
    """The failure in ``lines``, the end of the output. ``digest`` is what kaniko wrote before it pushed."""
    found = next((match for line in reversed(lines) if (match := _LAST_WORDS.search(line))), None)
    if code < 0 or found is None:
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        reason = _fatal(lines) or f"kaniko {ended} without saying why"
        return BuildFailed(reason, tuple(lines[-LAST_LINES:]), code, digest)
    reason = found["reason"]
    if found["what"] == "pushing image":
        return PushFailed(reason, (), code, digest)
    if found["what"] == "checking push permissions":
        return PushFailed(reason, (), code, digest)
    printed = _step_lines(lines) if any(sign in reason for sign in _A_STEP_FAILED) else ()
    return BuildFailed(reason, printed, code, digest)


def _step_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The end of what the failing step, the last one that was started, printed; the last words are not its own."""
    messages = [_log_message(line) for line in lines]
    starts = [
        number for number, found in enumerate(messages) if found is not None and found[1].startswith(_STEP_STARTS)
    ]
    first = starts[-1] + 1 if starts else 0
    printed = [line for line, found in zip(lines[first:], messages[first:], strict=True) if found is None]
    words = next(number for number in reversed(range(len(printed))) if _LAST_WORDS.search(printed[number]))
    unfinished = printed[words][: _start_of_last_words(printed[words])]
    return (*printed[:words], *((unfinished,) if unfinished else ()))[-LAST_LINES:]


def _start_of_last_words(line: str) -> int:
    found = _LAST_WORDS.search(line)
    return found.start() if found else len(line)


def _fatal(lines: Sequence[str]) -> str | None:
    for line in reversed(lines):
        found = _log_message(line)
        if found is not None and found[0] in ("fatal", "panic"):
            return found[1]
    return None


def _log_message(line: str) -> tuple[str, str] | None:
    """Level and message of a log line in any of the three formats; None for anything else."""
    found = _LOG_LINE.fullmatch(line)
    if found is None:
        return None
    if found["text"]:
        return found["text"], _unquoted(found["textmsg"])
    if found["color"]:
        return found["color"].lower(), found["colormsg"]
    return _json_message(found["json"])


def _json_message(text: str) -> tuple[str, str] | None:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("level"), str) or not isinstance(entry.get("msg"), str):
        return None
    return entry["level"], entry["msg"]


def _unquoted(message: str) -> str:
    """Go's ``%q`` as far as it matters to a reader."""
    return re.sub(r'\\(["\\])', r"\1", message[1:-1]) if message.startswith('"') else message

"""Why a build failed, read from the end of the executor's output. Pure.

The executor exits with the code of a failing ``RUN``, so the code does not tell a failed build from a failed push. The
last message on its standard error does (``cmd/executor/cmd/root.go``: ``error building image: …`` and so on). Unlike
log lines it has no format.
"""

import re
from collections.abc import Sequence
from typing import Final

from image_builder_domain.build import BuildFailed, PushFailed
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_object

LAST_LINES: Final = 50

# Output of a step without a final newline stands before the message in the same line.
_MESSAGE: Final = re.compile(
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
    """The failure that ``lines``, the end of the output, describe. kaniko wrote ``digest`` before it pushed."""
    message = next((match for line in reversed(lines) if (match := _MESSAGE.search(line))), None)
    if code < 0 or message is None:
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        reason = _fatal(lines) or f"kaniko {ended} without an error message"
        return BuildFailed(reason, tuple(lines[-LAST_LINES:]), code, digest)
    reason = message["reason"]
    if message["what"] in ("pushing image", "checking push permissions"):
        return PushFailed(reason, (), code, digest)
    printed = _step_lines(lines) if any(sign in reason for sign in _A_STEP_FAILED) else ()
    return BuildFailed(reason, printed, code, digest)


def _step_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The end of the output of the failing step, which is the last one that was started."""
    printed: list[str] = []
    for line in lines:
        logged = _log_message(line)
        if logged is None:
            printed.append(line)
        elif logged[1].startswith(_STEP_STARTS):
            printed.clear()
    # The executor's own message ends the output. A step's last line may stand before it without a newline.
    while printed:
        last = printed.pop()
        if _MESSAGE.search(last):
            unfinished = _MESSAGE.split(last, maxsplit=1)[0]
            return (*printed, *filter(None, (unfinished,)))[-LAST_LINES:]
    return ()


def _fatal(lines: Sequence[str]) -> str | None:
    logged = filter(None, map(_log_message, reversed(lines)))
    return next((message for level, message in logged if level in ("fatal", "panic")), None)


def _log_message(line: str) -> tuple[str, str] | None:
    """Level and message of a log line in any of the three formats. None for any other line."""
    match = _LOG_LINE.fullmatch(line)
    if match is None:
        return None
    if match["text"]:
        return match["text"], _unquoted(match["textmsg"])
    if match["color"]:
        return match["color"].lower(), match["colormsg"]
    return _json_message(match["json"])


def _json_message(text: str) -> tuple[str, str] | None:
    entry = json_object(text).value_or({})
    if not isinstance(entry.get("level"), str) or not isinstance(entry.get("msg"), str):
        return None
    return entry["level"], entry["msg"]


def _unquoted(message: str) -> str:
    """The text of a string that Go quoted with ``%q``, except for its rarer escapes."""
    return re.sub(r'\\(["\\])', r"\1", message[1:-1]) if message.startswith('"') else message

"""What went wrong, read from the end of ``buildctl``'s plain output; pure.

``buildctl`` exits with 1 for everything; its last line that starts with ``error: `` tells what it was. That line is its
own: what a step prints carries the step's number (``#5 0.051 text``), and quotes of the Dockerfile a line number.
"""

import re
from collections.abc import Sequence
from typing import Final

from image_builder_domain.build import BuildFailed, EngineUnavailable, PushFailed
from image_builder_domain.image.reference import Digest

LAST_LINES: Final = 50

_CODE: Final = r"(?:rpc error: code = \w+ desc = )?"
_ERROR: Final = re.compile(r"error: (.*)")
_SOLVE: Final = re.compile(rf"failed to solve: {_CODE}(?:[A-Z]\w+: )?")
_PUSH: Final = re.compile(rf"failed to solve: {_CODE}(?:[A-Z]\w+: )?(failed to push .*)")
_NO_DAEMON: Final = re.compile(rf"(?:listing workers for Build: )?failed to (?:list workers|get status): {_CODE}(.*)")
# The last words of buildctl-daemonless.sh when the daemon that it started does not come up; its log follows.
_NO_DAEMON_OF_SCRIPT: Final = re.compile(r"(could not connect to \S+ after \d+ trials)")
_EXPORTED: Final = re.compile(r"#\d+ exporting manifest(?: list)? (sha256:[0-9a-f]{64})(?: .*)?")
_FAILED_STEP: Final = re.compile(r"#(\d+) ERROR: ")


def failure_of(
    lines: Sequence[str], code: int, where: str, remedy: str
) -> BuildFailed | PushFailed | EngineUnavailable:
    """The failure that ``lines``, the end of the output, tell; ``where`` and ``remedy`` serve for a lost daemon."""
    if silent := next((match[1] for line in lines if (match := _NO_DAEMON_OF_SCRIPT.fullmatch(line))), None):
        return EngineUnavailable(where, f"{silent}; its log says: {_last_word(lines)}", remedy)
    error = next((match[1] for line in reversed(lines) if (match := _ERROR.fullmatch(line))), None)
    if error is None:
        return BuildFailed(f"buildctl ended with code {code} without saying why", tuple(lines[-LAST_LINES:]), code)
    if unreachable := _NO_DAEMON.match(error):
        return EngineUnavailable(where, f"BuildKit does not answer: {unreachable[1]}", remedy)
    if push := _PUSH.match(error):
        return PushFailed(push[1], _step_lines(lines), code, _exported(lines))
    if _SOLVE.match(error) is None:
        return lost_word(lines, error, code)
    return BuildFailed(_SOLVE.sub("", error, count=1), _step_lines(lines), code)


def lost_word(lines: Sequence[str], reason: str, code: int) -> BuildFailed | PushFailed:
    """The failure when ``buildctl`` did not fail to build, but cannot say what was built: it may have been pushed."""
    digest = _exported(lines)
    if digest is None:
        return BuildFailed(reason, _step_lines(lines), code)
    return PushFailed(f"BuildKit made {digest}, but its word on it is lost: {reason}", (), code, digest)


def _last_word(lines: Sequence[str]) -> str:
    """The daemon's own, which stands above a stack trace and what the script says when it ends; else the last line."""
    told = [line for line in reversed(lines) if line.strip()]
    return next((line for line in told if line.startswith("buildkitd: ")), told[0])


def _step_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The end of the failing step's output, without BuildKit's numbers and clock; empty when no step failed."""
    step = next((match[1] for line in reversed(lines) if (match := _FAILED_STEP.match(line))), None)
    if step is None:
        return ()
    printed = re.compile(rf"#{step} \d+\.\d+ (.*)")
    return tuple(match[1] for line in lines if (match := printed.fullmatch(line)))[-LAST_LINES:]


def _exported(lines: Sequence[str]) -> Digest | None:
    """The digest that BuildKit gave the image before the push failed; of several platforms the index comes last."""
    return next((Digest(match[1]) for line in reversed(lines) if (match := _EXPORTED.fullmatch(line))), None)

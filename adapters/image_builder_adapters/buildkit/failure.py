"""Why a build failed, from BuildKit's structured progress; pure.

``buildctl`` exits with 1 for every failure. The vertices say what failed, and no step can forge them. The words of
``buildctl``'s own message only describe it. They decide where the daemon took no build or was lost: then there is
nothing else.
"""

import re
from collections.abc import Sequence
from typing import Final

from image_builder_domain.build import BuildFailed, EngineUnavailable, PushFailed

from image_builder_adapters.buildkit.progress import Progress
from image_builder_adapters.buildkit.progress_plain import LAST_LINES

_CODE: Final = r"(?:rpc error: code = \w+ desc = )?"
_SOLVE: Final = re.compile(rf"failed to solve: {_CODE}(?:[A-Z]\w+: )?")
_NO_DAEMON: Final = re.compile(rf"(?:listing workers for Build: )?failed to (?:list workers|get status): {_CODE}(.*)")
_LOST: Final = re.compile(
    r"(?:failed to (?:receive status|solve): )?(?:rpc error: code = )?Unavailable(?: desc =|:) (.*)"
)
# buildctl-daemonless.sh prints this when the daemon that it started does not answer. The daemon's log follows.
_NO_DAEMON_OF_SCRIPT: Final = re.compile(r"(could not connect to \S+ after \d+ trials)")
_LONGEST_REASON: Final = 2000


def failure_of(progress: Progress, code: int, where: str, remedy: str) -> BuildFailed | PushFailed | EngineUnavailable:
    """The failure of a ``buildctl`` that ended with this code. ``where`` and ``remedy`` are for a lost daemon."""
    cause, reason = progress.cause, _reason(progress, code)
    if not progress.has_begun:
        return _before_the_build(progress, code, where, remedy)
    if cause is not None and not cause.is_push:
        return BuildFailed(reason, cause.last_lines, code, steps=progress.steps)
    if cause is not None:
        return PushFailed(reason, (), code, progress.digest, progress.steps)
    if progress.has_pushed:
        return unreported(progress, reason, code)
    lost = _LOST.match(progress.error)
    if lost is not None:
        return EngineUnavailable(where, f"BuildKit was lost while it built: {lost[1]}", remedy)
    return BuildFailed(reason, (), code, steps=progress.steps)


def unreported(progress: Progress, reason: str, code: int) -> BuildFailed | PushFailed:
    """The failure when no vertex failed, but ``buildctl`` does not report the image, which may have been pushed."""
    if progress.digest is None:
        return BuildFailed(reason, (), code, steps=progress.steps)
    text = f"BuildKit made {progress.digest}, but its report of it is lost: {reason}"
    return PushFailed(text, (), code, progress.digest, progress.steps)


def _before_the_build(progress: Progress, code: int, where: str, remedy: str) -> BuildFailed | EngineUnavailable:
    """No step ran, so all lines are those of ``buildctl`` and of the script that starts the daemon."""
    silent = next((match[1] for line in progress.plain if (match := _NO_DAEMON_OF_SCRIPT.fullmatch(line))), None)
    if silent is not None:
        return EngineUnavailable(where, f"{silent}; its log says: {_last_log_line(progress.plain)}", remedy)
    unreachable = _NO_DAEMON.match(progress.error)
    if unreachable is not None:
        return EngineUnavailable(where, f"BuildKit does not answer: {unreachable[1]}", remedy)
    lines = () if progress.error else progress.plain[-LAST_LINES:]
    return BuildFailed(_reason(progress, code), lines, code)


def _reason(progress: Progress, code: int) -> str:
    """``buildctl``'s message, which tells more than the vertex's error, after the place in the Dockerfile."""
    text = _SOLVE.sub("", progress.error, count=1)
    if not text:
        text = progress.cause.error if progress.cause is not None else ""
    if not text:
        return f"buildctl ended with code {code} without an error message"
    half = _LONGEST_REASON // 2
    text = text if len(text) <= _LONGEST_REASON else f"{text[:half]} … {text[-half:]}"
    place = progress.steps.failed_at
    return text if place is None else f"{place}: {text}"


def _last_log_line(lines: Sequence[str]) -> str:
    """The daemon's last message, which stands above a stack trace and the script's own lines; else the last line."""
    printed = [line for line in reversed(lines) if line.strip()]
    return next((line for line in printed if line.startswith("buildkitd: ")), printed[0])

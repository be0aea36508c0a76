"""What ``buildctl`` reports of a build: the pushed image, or why it failed. Pure.

The image stands in the file of ``--metadata-file`` (BuildKit's README, "Metadata": ``containerimage.digest`` and
``containerimage.descriptor``). ``buildctl`` exits with 1 for every failure. The reason is its last line that starts
with ``error: ``. No step can print such a line: what a step prints carries the step's number (``#5 0.051 text``), and
quotes of the Dockerfile carry a line number.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from image_builder_domain.build import BuildFailed, BuiltImage, EngineUnavailable, PushFailed
from image_builder_domain.image.descriptor import MANIFEST_TYPES, Descriptor
from image_builder_domain.image.platform import Platform
from image_builder_domain.image.reference import Digest
from image_builder_domain.json_object import json_object
from returns.methods import unwrap_or_failure
from returns.result import Failure, Result

LAST_LINES: Final = 50

_CODE: Final = r"(?:rpc error: code = \w+ desc = )?"
_ERROR: Final = re.compile(r"error: (.*)")
_SOLVE: Final = re.compile(rf"failed to solve: {_CODE}(?:[A-Z]\w+: )?")
_PUSH: Final = re.compile(rf"failed to solve: {_CODE}(?:[A-Z]\w+: )?(failed to push .*)")
_NO_DAEMON: Final = re.compile(rf"(?:listing workers for Build: )?failed to (?:list workers|get status): {_CODE}(.*)")
# buildctl-daemonless.sh prints this when the daemon that it started does not answer. The daemon's log follows.
_NO_DAEMON_OF_SCRIPT: Final = re.compile(r"(could not connect to \S+ after \d+ trials)")
_EXPORTED: Final = re.compile(r"#\d+ exporting manifest(?: list)? (sha256:[0-9a-f]{64})(?: .*)?")
_FAILED_STEP: Final = re.compile(r"#(\d+) ERROR: ")


@final
@dataclass(frozen=True, slots=True)
class BadMetadata:
    """The file is not what BuildKit writes after a push."""

    reason: str

    def __str__(self) -> str:
        return f"BuildKit's metadata file cannot be used: {self.reason}; is this BuildKit version supported?"


def parse_metadata(content: bytes) -> Result[BuiltImage, BadMetadata]:
    """The pushed image's descriptor (for several platforms, the index's) and a single image's platform."""
    metadata = unwrap_or_failure(json_object(content))
    if isinstance(metadata, str):
        return Failure(BadMetadata(f"it {metadata}"))
    descriptor, digest = metadata.get("containerimage.descriptor"), metadata.get("containerimage.digest")
    if not isinstance(descriptor, dict):
        return Failure(BadMetadata("containerimage.descriptor is missing"))
    if descriptor.get("digest") != digest:
        return Failure(BadMetadata("containerimage.digest is missing or differs from the descriptor's"))
    platform = _platform(descriptor.get("platform"))
    return _descriptor(descriptor.get("mediaType"), digest, descriptor.get("size")).map(
        lambda parsed: BuiltImage(parsed, platform)
    )


def failure_of(
    lines: Sequence[str], code: int, where: str, remedy: str
) -> BuildFailed | PushFailed | EngineUnavailable:
    """The failure that ``lines``, the end of the output, describe. ``where`` and ``remedy`` are for a lost daemon."""
    if silent := next((match[1] for line in lines if (match := _NO_DAEMON_OF_SCRIPT.fullmatch(line))), None):
        return EngineUnavailable(where, f"{silent}; its log says: {_last_log_line(lines)}", remedy)
    error = next((match[1] for line in reversed(lines) if (match := _ERROR.fullmatch(line))), None)
    if error is None:
        return BuildFailed(
            f"buildctl ended with code {code} without an error message", tuple(lines[-LAST_LINES:]), code
        )
    if unreachable := _NO_DAEMON.match(error):
        return EngineUnavailable(where, f"BuildKit does not answer: {unreachable[1]}", remedy)
    if push := _PUSH.match(error):
        return PushFailed(push[1], _step_lines(lines), code, _exported(lines))
    if _SOLVE.match(error) is None:
        return unreported(lines, error, code)
    return BuildFailed(_SOLVE.sub("", error, count=1), _step_lines(lines), code)


def unreported(lines: Sequence[str], reason: str, code: int) -> BuildFailed | PushFailed:
    """The failure when ``buildctl`` has built, but does not report the image, which may have been pushed."""
    digest = _exported(lines)
    if digest is None:
        return BuildFailed(reason, _step_lines(lines), code)
    return PushFailed(f"BuildKit made {digest}, but its report of it is lost: {reason}", (), code, digest)


def _last_log_line(lines: Sequence[str]) -> str:
    """The daemon's last message, which stands above a stack trace and the script's own lines; else the last line."""
    printed = [line for line in reversed(lines) if line.strip()]
    return next((line for line in printed if line.startswith("buildkitd: ")), printed[0])


def _step_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """The end of the failing step's output, without BuildKit's numbers and clock. Empty when no step failed."""
    step = next((match[1] for line in reversed(lines) if (match := _FAILED_STEP.match(line))), None)
    if step is None:
        return ()
    printed = re.compile(rf"#{step} \d+\.\d+ (.*)")
    return tuple(match[1] for line in lines if (match := printed.fullmatch(line)))[-LAST_LINES:]


def _exported(lines: Sequence[str]) -> Digest | None:
    """The digest that BuildKit gave the image before the push failed. For several platforms the index comes last."""
    return next((Digest(match[1]) for line in reversed(lines) if (match := _EXPORTED.fullmatch(line))), None)


def _platform(platform: object) -> Platform | None:
    """The platform of a single image. None when BuildKit reports none, or an invalid one."""
    fields = platform if isinstance(platform, dict) else {}
    text = "/".join(str(fields[name]) for name in ("os", "architecture", "variant") if fields.get(name))
    return Platform.parse(text).value_or(None)


def _descriptor(media_type: object, digest: object, size: object) -> Result[Descriptor, BadMetadata]:
    if media_type not in MANIFEST_TYPES or not isinstance(media_type, str):
        return Failure(BadMetadata(f"{media_type!r} is not a media type of an image"))
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        return Failure(BadMetadata(f"{size!r} is not the size of a manifest"))
    return (
        Digest.parse(digest if isinstance(digest, str) else "")
        .map(lambda parsed: Descriptor(media_type, parsed, size))
        .alt(lambda _: BadMetadata(f"{digest!r} is not a digest"))
    )

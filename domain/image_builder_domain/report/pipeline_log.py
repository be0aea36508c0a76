"""The log of a pipeline: its lines, and the build report that the pipeline prints in it (specification, section 9).

The agent writes a timestamp of seven digits and one blank before each line. Pages begin with a byte order mark, agents
on Windows end lines with CRLF, and a message with line breaks has its timestamp on the first line alone.

The report is evidence that somebody else wrote. It fills the report file and the outputs, and never decides the result.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, final

from returns.methods import unwrap_or_failure
from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.json_object import json_object
from image_builder_domain.report.report import Report, ReportedDestination, ReportedImage, ReportedTag

FIRST_LINE: Final = "---IMAGE BUILD REPORT---"
LAST_LINE: Final = "---END OF IMAGE BUILD REPORT---"

Check: TypeAlias = Callable[[Any], bool]

_STAMP: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z"
_AT_START: Final = re.compile(rb"^" + _STAMP + rb" ?", re.MULTILINE)
_MARK: Final = "\ufeff".encode()


def without_timestamps(lines: bytes) -> bytes:
    """Whole lines without their timestamps; lines that have none stay as they are."""
    return _AT_START.sub(b"", lines)


def plain_line(line: bytes) -> bytes:
    """A line without its end, without byte order marks at its start and without the carriage return at its end."""
    start = 0
    while line.startswith(_MARK, start):
        start += len(_MARK)
    return line[start:].removesuffix(b"\r")


def report_text(lines: bytes) -> str:
    """Lines as text without timestamps; bytes that are not UTF-8 are replaced."""
    return without_timestamps(lines).decode("utf-8", "replace")


# --- the report in it ---------------------------------------------------------------------------------------------


@final
@dataclass(frozen=True, slots=True)
class BrokenReport:
    """A report that cannot be used."""

    reason: str

    def __str__(self) -> str:
        return f"the pipeline's build report cannot be used: {self.reason}"


def last_report(log: str) -> Result[Report | None, BrokenReport]:
    """The last complete report of a log without timestamps; None without one.

    A report begins at the last first line before its last line, so two of them are never read as one. ``outcome`` is
    the pipeline's own ``status``; what only this process knows (exit code, trust) is not set.
    """
    found, lines, inside = None, list[str](), False
    for line in log.split("\n"):
        mark = line.strip()
        if mark == FIRST_LINE:
            lines, inside = [], True
        elif inside and mark == LAST_LINE:
            found, inside = "\n".join(lines), False
        elif inside:
            lines.append(line)
    return Success(None) if found is None else _parsed(found)


def _parsed(text: str) -> Result[Report | None, BrokenReport]:
    content = unwrap_or_failure(json_object(text, strict=True))
    if isinstance(content, str):
        return Failure(BrokenReport(f"it {content}"))
    try:
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair could not be shown or written
    except (ValueError, RecursionError):
        return Failure(BrokenReport("it is not JSON"))
    first_format = content.get("image_spec")
    flat = {**content, **first_format} if isinstance(first_format, dict) else content
    missing = [f"{key} is missing" for key in _REQUIRED if key not in flat]
    wrong = [f"{key} has the wrong type" for key, fits in _TYPES.items() if key in flat and not fits(flat[key])]
    if missing or wrong:
        return Failure(BrokenReport(", ".join((*missing, *wrong))))
    return Success(_report(flat))


def _is_a(kind: type) -> Check:
    return lambda value: isinstance(value, kind)


def _is_list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_digest_or_none(value: Any) -> bool:
    """Later jobs use it as a digest. Go's reports write "" for none."""
    return value in (None, "") or (isinstance(value, str) and is_successful(Digest.parse(value)))


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and is_successful(ImageReference.parse(value))


def _is_named_tag(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(value.get("name")) and _is_text(value.get("value"))


_is_text: Final = _is_a(str)
_REQUIRED: Final = ("status", "pushed", "signed")
_TYPES: Final[dict[str, Check]] = {
    "status": _is_text,
    "pushed": _is_a(bool),
    "signed": _is_a(bool),
    "image_name": _is_text,
    "images_list": _is_list_of(_is_reference),
    "tags": _is_list_of(_is_text),
    "repository_path": _is_text,
    "digest": _is_digest_or_none,
    "architectures": _is_list_of(_is_text),
    "images": _is_list_of(_is_a(dict)),
    "tag_names": _is_list_of(_is_named_tag),
}


def _report(flat: dict[str, Any]) -> Report:
    tags, platforms = tuple(flat.get("tags", ())), tuple(sorted(flat.get("architectures", ())))
    path, name, digest = flat.get("repository_path", ""), flat.get("image_name", ""), flat.get("digest") or ""
    named = tuple(ReportedTag(tag["name"], tag["value"]) for tag in flat.get("tag_names", ()))
    references = flat.get("images_list")
    if references is None:  # the first format had no list
        references = [f"{path.rstrip('/')}/{name}:{tag}" for tag in tags if path and name]
    images = tuple(map(ReportedImage.of_pipeline, flat.get("images", ())))
    if not images and references and flat["pushed"]:
        places = tuple(ReportedDestination(reference, True) for reference in references)
        images = (ReportedImage(digest=digest or None, platforms=platforms, destinations=places),)
    return Report(
        outcome=flat["status"],
        pushed=flat["pushed"],
        signed=flat["signed"],
        image_name=name,
        images_list=tuple(references),
        tag_names=named or tuple(ReportedTag(tag, tag) for tag in tags),
        repository_path=path,
        repositories=tuple(sorted(set(map(_repository, references)))),
        digest=digest,
        architectures=platforms,
        images=images,
    )


def _repository(reference: str) -> str:
    parsed = ImageReference.parse(reference)
    return parsed.map(lambda found: str(found.repository)).value_or(reference)

"""The build report that a pipeline prints: what it says, and where it stands in a log (specification, section 9).

It is evidence that somebody else wrote: it fills the report file and the outputs, and never decides the result.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success

from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.report.remote_image import listed_image, told_image

FIRST_LINE: Final = "---IMAGE BUILD REPORT---"
LAST_LINE: Final = "---END OF IMAGE BUILD REPORT---"


@final
@dataclass(frozen=True, slots=True)
class RemoteReport:
    """What the pipeline says of its images; ``images`` are in the shape of our own reports."""

    status: str
    pushed: bool
    signed: bool
    image_name: str
    images_list: tuple[str, ...]
    tags: tuple[str, ...]
    repository_path: str
    digest: str | None = None
    architectures: tuple[str, ...] = ()
    images: tuple[dict[str, Any], ...] = field(default=(), hash=False)


@final
@dataclass(frozen=True, slots=True)
class BrokenReport:
    """A report that cannot be used."""

    reason: str

    def __str__(self) -> str:
        return f"the pipeline's build report cannot be used: {self.reason}"


def last_report(log: str) -> Result[RemoteReport | None, BrokenReport]:
    """The last complete report of a log without timestamps; None without one.

    A report begins at the last first line before its last line, so two of them are never taken for one.
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


def _parsed(text: str) -> Result[RemoteReport | None, BrokenReport]:
    try:
        content = json.loads(text, parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode()  # half a character could not be shown or written
    except (ValueError, RecursionError):
        return Failure(BrokenReport("it is no JSON"))
    if not isinstance(content, dict):
        return Failure(BrokenReport("it is no JSON object"))
    first_format = content.get("image_spec")
    flat = {**content, **first_format} if isinstance(first_format, dict) else content
    wrong = tuple(key for key, fits in _KEYS.items() if key in flat and not fits(flat[key]))
    missing = tuple(key for key in _REQUIRED if key not in flat)
    if wrong or missing:
        reasons = (*(f"{key} is missing" for key in missing), *(f"{key} is of the wrong kind" for key in wrong))
        return Failure(BrokenReport(", ".join(reasons)))
    return Success(_report(flat))


_REQUIRED: Final = ("status", "pushed", "signed")


def _no_number(text: str) -> None:
    raise ValueError(text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_digest_or_none(value: Any) -> bool:
    """Later jobs use it as one: whatever else stands there goes nowhere. Go's reports say "" for none."""
    return value in (None, "") or (isinstance(value, str) and is_successful(Digest.parse(value)))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_list_of_references(value: Any) -> bool:
    return _is_list_of_text(value) and all(is_successful(ImageReference.parse(item)) for item in value)


def _is_list_of_tags(value: Any) -> bool:
    """Values, or as in our own reports objects with name and value."""
    return isinstance(value, list) and all(
        isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("value"), str)) for item in value
    )


def _is_path(value: Any) -> bool:
    return isinstance(value, str) or _is_list_of_text(value)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


_KEYS: Final[dict[str, Callable[[Any], bool]]] = {
    "status": _is_text,
    "pushed": _is_flag,
    "signed": _is_flag,
    "image_name": _is_text,
    "images_list": _is_list_of_references,
    "tags": _is_list_of_tags,
    "repository_path": _is_path,
    "digest": _is_digest_or_none,
    "architectures": _is_list_of_text,
    "images": _is_list_of_objects,
}


def _report(flat: dict[str, Any]) -> RemoteReport:
    tags = tuple(item if isinstance(item, str) else item["value"] for item in flat.get("tags", ()))
    path, name = flat.get("repository_path", ""), flat.get("image_name", "")
    paths = (path,) if isinstance(path, str) else tuple(path)
    images = flat.get("images_list")
    if images is None:  # the first format had no list
        images = [f"{place.rstrip('/')}/{name}:{tag}" for place in paths if place and name for tag in tags]
    platforms = tuple(sorted(flat.get("architectures", ())))
    details = tuple(map(told_image, flat.get("images", ())))
    if not details and images and flat["pushed"]:
        details = (listed_image(tuple(images), flat.get("digest") or None, platforms),)
    return RemoteReport(
        status=flat["status"],
        pushed=flat["pushed"],
        signed=flat["signed"],
        image_name=name,
        images_list=tuple(images),
        tags=tags,
        repository_path=",".join(paths),
        digest=flat.get("digest") or None,
        architectures=platforms,
        images=details,
    )

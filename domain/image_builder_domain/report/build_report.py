"""Reading a build report again: what an earlier run says it built, where it is, and who signed it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.signing import SignatureStatus


@final
@dataclass(frozen=True, slots=True)
class ReportedSignature:
    """What a report says of one signer."""

    signer: str
    status: SignatureStatus


@final
@dataclass(frozen=True, slots=True)
class ReportedImage:
    """One published reference. ``not_signed`` is the report's own reason, as the end of a sentence."""

    reference: ImageReference
    digest: Digest
    signatures: tuple[ReportedSignature, ...]
    not_signed: str = ""


def read_report(content: bytes, where: str) -> Result[tuple[ReportedImage, ...], Problems]:
    """Every published reference of a report, or the one problem that makes it none. ``where`` names the file."""
    try:
        report = json.loads(content.decode("utf-8-sig"))
        unfinished = _UNFINISHED.get(str(report.get("status"))) if isinstance(report, dict) else None
        if unfinished is not None:
            return Failure((Problem(where, unfinished, "verify the report of a run that published"),))
        found = tuple(_images(report))
    except _NotAReportError as error:
        return Failure((Problem(where, f"this is no build report: {error.args[0]}", "give the file of a build"),))
    except (ValueError, RecursionError):
        return Failure((Problem(where, "this is no JSON", "give the file that --build-report-path wrote"),))
    if not found:
        return Failure((Problem(where, "the report tells of no published image", "verify a build that published"),))
    return Success(found)


_UNFINISHED: Final = {
    "refused": "the run that wrote this report was refused, so it published nothing",
    "running": "the run that wrote this report did not finish, so it is not known what it published",
}
"""What is wrong with a report of such a status."""


class _NotAReportError(Exception):
    """What is not as in a report; stays in this module."""


def _images(content: Any) -> Iterator[ReportedImage]:
    report = _object(content, "it")
    reason = report.get("not_signed")
    not_signed = f": {' '.join(reason.split())}" if isinstance(reason, str) and reason else ""
    for image in (_object(one, "an entry of images") for one in _list(report, "images")):
        digest = image.get("digest")
        if digest is None:
            continue  # it failed, and says so
        parsed = Digest.parse(digest) if isinstance(digest, str) else None
        if not isinstance(parsed, Success):
            raise _NotAReportError("a digest is malformed")
        signatures = tuple(map(_signature, _list(image, "signatures")))
        for place in (_object(one, "a destination") for one in _list(image, "destinations")):
            if place.get("holds_digest") is True:
                reference = _reference(place)
                own = tuple(found for name, found in signatures if name == str(reference))
                yield ReportedImage(reference, parsed.unwrap(), own, not_signed)


def _signature(content: Any) -> tuple[str, ReportedSignature]:
    signature = _object(content, "a signature")
    signer, status = signature.get("signer"), signature.get("status")
    known = {word.value: word for word in SignatureStatus}
    if not isinstance(signer, str) or not isinstance(status, str) or status not in known:
        raise _NotAReportError("a signature has no signer or no known status")
    return str(_reference(signature)), ReportedSignature(signer, known[status])


def _reference(content: Mapping[str, Any]) -> ImageReference:
    text = content.get("reference")
    parsed = ImageReference.parse(text) if isinstance(text, str) else None
    if not isinstance(parsed, Success):
        raise _NotAReportError("a reference is malformed")
    found: ImageReference = parsed.unwrap()
    return found


def _object(content: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise _NotAReportError(f"{what} is no object")
    return content


def _list(content: Mapping[str, Any], key: str) -> list[Any]:
    found = content.get(key)
    if not isinstance(found, list):
        raise _NotAReportError(f"{key} is no list")
    return found

"""A report as JUnit XML: a case for each image, each destination and each signature.

A case fails only at its cause: what was not reached because something else failed is skipped.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from image_builder_domain.report.cause import causes
from image_builder_domain.report.report import (
    SUCCESS,
    Number,
    Report,
    ReportedDestination,
    ReportedImage,
    ReportedRepository,
)
from image_builder_domain.signing import SignatureStatus

_SUITE = "image-builder"
# XML 1.0, "Characters": everything else may not be in a document, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@final
@dataclass(frozen=True, slots=True)
class Case:
    """One case. ``failure`` and ``skipped`` say why; both are empty for a case that passed."""

    step: str
    name: str
    seconds: Number | None = None
    failure: str = ""
    skipped: str = ""
    output: str = ""


def junit(report: Report) -> bytes:
    """The XML document."""
    cases = tuple(_cases(report))
    failed = sum(bool(case.failure) for case in cases)
    head = f'<testsuite name="{_SUITE}" tests="{len(cases)}" failures="{failed}">'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", head]
    return "\n".join((*lines, *map(_element, cases), "</testsuite>", "</testsuites>", "")).encode()


def _cases(report: Report) -> Iterator[Case]:
    name = report.image_name or "image"
    cases = [case for image in report.images for case in _of_image(name, image)]
    yield from cases
    if not cases or (report.outcome != SUCCESS and not any(case.failure for case in cases)):
        why = "" if report.outcome == SUCCESS else "\n".join(causes(report)) or report.not_signed or report.outcome
        seconds = report.pipeline.duration_seconds if report.pipeline is not None else None
        yield Case("run", name, seconds, why)


def _of_image(name: str, image: ReportedImage) -> Iterator[Case]:
    title = name if image.variant is None else f"{name} ({image.variant})"
    failure = image.failure
    if failure is None:
        yield Case("build", title, image.duration_seconds)
    else:
        yield Case("build", title, image.duration_seconds, failure.reason, output="\n".join(failure.last_lines))
    for repository in image.repositories:
        yield _of_repository(repository, is_reached=failure is None)
    for place in image.destinations:
        yield _of_destination(place)
    for signature in image.signatures:
        is_failed = signature.status == SignatureStatus.FAILED.value
        title = f"{signature.reference} by {signature.signer}"
        why = signature.reason or "it failed" if is_failed else ""
        yield Case("sign", title, signature.duration_seconds, why)


def _of_repository(place: ReportedRepository, *, is_reached: bool) -> Case:
    if place.holds_digest:
        return Case("push", place.repository)
    reason = place.reason or "it is not known to hold the image"
    if is_reached:
        return Case("push", place.repository, failure=reason)
    return Case("push", place.repository, skipped=reason)


def _of_destination(place: ReportedDestination) -> Case:
    if place.holds_digest:
        return Case("tag", place.reference)
    reason = ": ".join(filter(None, (place.fate, place.reason))) or "it is not known to hold the image"
    if place.has_failed:
        return Case("tag", place.reference, failure=reason)
    return Case("tag", place.reference, skipped=reason)


def _element(case: Case) -> str:
    time = "" if case.seconds is None else f' time="{case.seconds:.3f}"'
    inner = ""
    if case.failure:
        inner = f'<failure message="{_escaped(case.failure.partition(chr(10))[0])}">{_escaped(case.failure)}</failure>'
    elif case.skipped:
        inner = f'<skipped message="{_escaped(case.skipped)}"/>'
    if case.output:
        inner += f"<system-out>{_escaped(case.output)}</system-out>"
    return f'<testcase classname="{_escaped(case.step)}" name="{_escaped(case.name)}"{time}>{inner}</testcase>'


def _escaped(text: str) -> str:
    """Text for an element or an attribute; characters that XML does not know become ``?``."""
    return html.escape(_NOT_XML.sub("?", text))

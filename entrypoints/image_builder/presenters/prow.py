"""The files in ``$ARTIFACTS`` that Prow's lenses show.

``metadata.json`` is merged into the job's ``finished.json``; Prow shows its text values only. A ``….link.txt`` holds
one line, which the links lens shows with a button to copy it.
"""

import json
from collections.abc import Callable
from typing import Final, TypeAlias

from image_builder_domain.report.cause import causes
from image_builder_domain.report.report import Report

from image_builder.presenters.junit import junit
from image_builder.presenters.page import page

Content: TypeAlias = Callable[[Report, float], bytes | None]
"""A file's content from a report and the seconds that the run took; None for a run that has no such file."""

_LONGEST_FAILURE = 1_000


def metadata(report: Report, seconds: float) -> bytes:
    """The parts of the report that people look for in a job's metadata, as text values."""
    run = report.pipeline.run if report.pipeline is not None else None
    found = {
        "outcome": report.outcome,
        "image-digest": report.digest,
        "images": " ".join(report.images_list),
        "side": report.trust.side if report.trust is not None else "",
        "signed": str(report.signed).lower(),
        "failure": next(iter(causes(report)), "")[:_LONGEST_FAILURE],
        "run-url": run.url if run is not None else "",
        "duration": f"{seconds:.1f} s" if report.outcome != "running" else "",
    }
    return json.dumps(found).encode()


def _run_link(report: Report, _seconds: float) -> bytes | None:
    run = report.pipeline.run if report.pipeline is not None else None
    return f"{run.url}\n".encode(errors="replace") if run is not None and run.url else None


def _image_link(report: Report, _seconds: float) -> bytes | None:
    """The image by its digest, if there is one image."""
    pinned = [image.reference for image in report.images if image.reference]
    return f"{pinned[0]}\n".encode(errors="replace") if len(pinned) == 1 and report.pushed else None


FILES: Final[dict[str, Content]] = {
    "metadata.json": metadata,
    "junit_image-builder.xml": lambda report, _: junit(report),
    "image-builder.html": lambda report, _: page(report),
    "image-builder-run.link.txt": _run_link,
    "image-builder-image.link.txt": _image_link,
}
"""The files by their names in ``$ARTIFACTS``."""

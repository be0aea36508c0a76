"""Prow's metadata: ``$ARTIFACTS/metadata.json`` is merged into the job's ``finished.json``."""

import json
from typing import Final

from image_builder_domain.report.report import Report

METADATA: Final = "metadata.json"
"""The file's name in ``$ARTIFACTS``."""


def metadata(report: Report) -> bytes:
    """The parts of the report that people look for in a job's metadata, as text values."""
    found = {
        "image-digest": report.digest,
        "images": " ".join(report.images_list),
        "side": report.trust.side if report.trust is not None else "",
        "signed": str(report.signed).lower(),
    }
    return json.dumps(found).encode()

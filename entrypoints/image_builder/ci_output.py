"""Tell the CI system what was done, in the files and commands that it reads."""

import os
from collections.abc import Iterator, Mapping

from image_builder_adapters.artifacts import append
from image_builder_domain.job.state import CiSystem
from image_builder_domain.report.report import Report
from returns.result import Failure

from image_builder.presenters import github

_TOO_LARGE = "GITHUB_OUTPUT: the build report is too large for the output build-report; use --build-report-path"


def write_files(report: Report, system: CiSystem, environment: Mapping[str, str]) -> list[str]:
    """Add to the files that GitHub Actions names; why one of them could not be written. Secrets are hidden already."""
    return list(_github(report, environment)) if system is CiSystem.GITHUB else []


def _github(report: Report, environment: Mapping[str, str]) -> Iterator[str]:
    values = github.outputs(report)
    files = {
        "GITHUB_OUTPUT": github.output_file(values, f"image-builder-{os.urandom(16).hex()}"),
        "GITHUB_STEP_SUMMARY": github.step_summary(report),
    }
    for name, content in files.items():
        path = environment.get(name)
        written = append(path, content) if path else None
        if isinstance(written, Failure):
            yield f"{name}: {written.failure()}"
    if environment.get("GITHUB_OUTPUT") and "build-report" not in values:
        yield _TOO_LARGE

"""What ``doctor`` prints, as text and as JSON."""

from itertools import groupby
from typing import Any

from image_builder_domain.diagnosis import Diagnosis, Finding


def diagnosis_as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """One object: ``usable``, and every finding."""
    return {"usable": not diagnosis.missing, "findings": [_finding(finding) for finding in diagnosis.findings]}


def diagnosis_as_text(diagnosis: Diagnosis) -> str:
    """A paragraph for each area, then a list of what is missing."""
    lines = []
    for area, findings in groupby(diagnosis.findings, key=lambda finding: finding.area):
        lines.append(f"{area[:1].upper()}{area[1:]}")
        lines += [line for finding in findings for line in _lines(finding)]
    lines.append(f"{len(diagnosis.missing)} needed and missing" if diagnosis.missing else "Nothing needed is missing")
    lines += [f"  {finding.area}: {finding.subject}" for finding in diagnosis.missing]
    return "\n".join(lines)


def _lines(finding: Finding) -> list[str]:
    mark = "ok" if finding.is_good else "MISSING" if finding.is_needed else "-"
    line = f"  {mark:<8} {finding.subject}: {finding.found}"
    return [line, *([f"  {'':<8} -> {finding.remedy}"] if finding.remedy and not finding.is_good else [])]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "area": finding.area,
        "subject": finding.subject,
        "found": finding.found,
        "good": finding.is_good,
        "needed": finding.is_needed,
        "remedy": finding.remedy,
    }

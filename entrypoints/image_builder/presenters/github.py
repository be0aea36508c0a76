"""GitHub Actions: the outputs of a step and its summary, as the runner reads them from files.

An output is written between two lines of an unpredictable delimiter, so that no value can end itself and begin another.
The summary is Markdown in which all foreign text is escaped.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from image_builder_domain.report.report import Report, ReportedFailure, ReportedImage

from image_builder.presenters.page import is_plain_address

_LARGEST_OUTPUT = 500_000  # characters; GitHub takes 1 MB of UTF-16 for one output of a job
_LARGEST_VARIABLE = 100_000  # characters; Linux takes 128 KiB for one environment variable with its name
_LARGEST_SUMMARY = 100 * 1024  # bytes; an older runner drops a whole summary above 128 KiB
_LONGEST_CELL = 500
_MOST_LINES, _LONGEST_LINE = 50, 300


def outputs(report: Report) -> dict[str, str]:
    """The outputs by name; ``build-report`` is left out when GitHub would not accept it."""
    whole = _short_report(report)
    trust, pipeline = report.trust, report.pipeline
    return {
        "images": json.dumps(report.images_list),
        "architectures": json.dumps(report.architectures),
        "digest": report.digest,
        # A refused run is not on a side.
        "side": trust.side if trust is not None else "",
        "side-reason": trust.reason if trust is not None else "",
        **({"adoResult": pipeline.result} if pipeline is not None else {}),
        **({"build-report": whole} if len(whole) <= _LARGEST_OUTPUT else {}),
    }


def _short_report(report: Report) -> str:
    """The report as JSON that fits into a variable, as far as possible.

    It loses first the engine's last lines, then all details of its images: ``images`` is not in it then.
    """
    whole = json.dumps(report.to_json())
    if len(whole) > _LARGEST_VARIABLE:
        whole = json.dumps(_without_lines(report).to_json())
    if len(whole) > _LARGEST_VARIABLE:
        whole = json.dumps({name: value for name, value in report.to_json().items() if name != "images"})
    return whole


def _without_lines(report: Report) -> Report:
    """The report without the engine's last lines, steps and warnings, which can be large for a single image."""
    short = ((image, image.failure and replace(image.failure, last_lines=(), place=None)) for image in report.images)
    images = (replace(image, failure=failure, steps=(), warnings=()) for image, failure in short)
    return replace(report, images=tuple(images))


def output_file(values: dict[str, str], delimiter: str) -> bytes:
    """Lines for ``GITHUB_OUTPUT``; ``delimiter`` is random and in none of the values."""
    lines = (f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
    return "".join(lines).encode(errors="replace")


def step_summary(report: Report) -> bytes:
    """Markdown for ``GITHUB_STEP_SUMMARY``, at most 100 KiB."""
    name = f"{_plain(report.image_name)}: " if report.image_name else ""
    facts = f"### {name}{_plain(report.outcome)}\n\n"
    if report.trust is not None:
        facts += f"Side: {report.trust.side}, {_plain(report.trust.reason)}\n\n"
    if report.not_signed:
        facts += f"Not signed: {_plain(report.not_signed)}\n\n"
    if report.pipeline is not None and report.pipeline.run is not None:
        run = report.pipeline.run
        facts += f"Run {run.id}, {_plain(report.pipeline.result)}: {_link(run.url)}\n\n"
    problems = [f"- {_plain(problem)}\n" for problem in report.problems or ()]
    if not report.images:
        return _capped([facts, *problems])
    head = "| image | result | digest | destinations | signatures |\n|---|---|---|---|---|\n"
    rows = [_row(report.image_name or "", image) for image in report.images]
    failures = [_failure(image.variant, image.failure) for image in report.images if image.failure is not None]
    return _capped([facts + head, *rows, "\n", *failures])


def _capped(blocks: Iterable[str]) -> bytes:
    """As many whole blocks as there is room for, then the number of those left out."""
    encoded = [block.encode(errors="replace") for block in blocks]
    room, kept = _LARGEST_SUMMARY - 200, 0
    for block in encoded:
        room -= len(block)
        if room < 0:
            break
        kept += 1
    more = f"\n\n{len(encoded) - kept} more parts are in the build report.\n".encode() if kept < len(encoded) else b""
    return b"".join(encoded[:kept]) + more


def _row(name: str, image: ReportedImage) -> str:
    title = name if image.variant is None else f"{name} ({image.variant})"
    places = [*map(str, image.destinations)]
    cells = [
        _plain(title),
        _result(image),
        _plain(image.digest or ""),
        "<br>".join(map(_plain, places)),
        "<br>".join(map(_plain, dict.fromkeys(f"{found.signer}: {found.status}" for found in image.signatures))),
    ]
    return f"| {' | '.join(cells)} |\n"


def _result(image: ReportedImage) -> str:
    if image.failure is not None:
        return "failed"
    is_missing = any(not found.holds_digest for found in image.repositories)
    if is_missing or not image.destinations or any(place.has_failed for place in image.destinations):
        return "unconfirmed"
    return "pushed" if any(place.fate == "withheld" for place in image.destinations) else "published"


def _failure(variant: str | None, failure: ReportedFailure) -> str:
    lines = "\n".join(_literal(line[:_LONGEST_LINE]) for line in failure.last_lines[-_MOST_LINES:])
    label = "" if variant is None else f"{_plain(variant)}: "
    return f"\n{label}{_plain(failure.reason)}\n" + (f"\n<pre>\n{lines}\n</pre>\n" if lines else "")


def _link(url: str) -> str:
    """A link; escaped text where the address holds anything unusual."""
    return f"<{url}>" if is_plain_address(url) else _plain(url)


def _plain(text: str) -> str:
    """Text without Markdown or HTML: every character that could be part of them becomes a character reference."""
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text[:_LONGEST_CELL])
    return re.sub(r"[^\w .,:/@-]", lambda found: f"&#{ord(found[0])};", shown).replace("_", "&#95;")


def _literal(text: str) -> str:
    """Text for the inside of ``<pre>``."""
    shown = re.sub(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", "?", text)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

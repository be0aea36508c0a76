"""GitHub Actions: the outputs of a step and its summary, as the runner reads them from files.

An output is written between two lines of a delimiter that nobody can guess, so that no value can end itself and begin
another. The summary is Markdown in which nothing foreign has a meaning.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

_LARGEST_OUTPUT = 500_000  # characters; GitHub takes 1 MB of UTF-16 for one output of a job
_LARGEST_SUMMARY = 100 * 1024  # bytes; an older runner drops a whole summary above 128 KiB
_LONGEST_CELL = 500
_MOST_LINES, _LONGEST_LINE = 50, 300


def outputs(report: dict[str, Any]) -> dict[str, str]:
    """The outputs by name; ``build-report`` is left out when GitHub would not take it."""
    whole = json.dumps(report)
    if len(whole) > _LARGEST_OUTPUT:
        whole = json.dumps(_without_lines(report))
    return {
        "images": json.dumps(report["images_list"]),
        "architectures": json.dumps(report["architectures"]),
        "digest": report["digest"] or "",
        "side": _side(report, "side"),
        "side-reason": _side(report, "reason"),
        **({"adoResult": report["result"]} if "result" in report else {}),
        **({"build-report": whole} if len(whole) <= _LARGEST_OUTPUT else {}),
    }


def _side(report: dict[str, Any], key: str) -> str:
    """A fact about the side; empty for a refused run, which is not on a side."""
    return str(report["trust"][key]) if report["trust"] else ""


def _without_lines(report: dict[str, Any]) -> dict[str, Any]:
    """The report without the engine's last lines, the one part of it that can be large for a single image."""

    def short(image: dict[str, Any]) -> dict[str, Any]:
        failure = image["failure"]
        return image | {"failure": failure and failure | {"last_lines": []}}

    return report | {"images": [short(image) for image in report["images"]]}


def output_file(values: dict[str, str], delimiter: str) -> bytes:
    """Lines for ``GITHUB_OUTPUT``; ``delimiter`` is random and in none of the values."""
    lines = (f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
    return "".join(lines).encode(errors="replace")


def step_summary(report: dict[str, Any]) -> bytes:
    """Markdown for ``GITHUB_STEP_SUMMARY``, at most 100 KiB."""
    name = f"{_plain(report['image_name'])}: " if report["image_name"] else ""
    title = f"### {name}{_plain(report['status'])}\n\n"
    trust = report["trust"]
    reason = f"Side: {trust['side']}, {_plain(trust['reason'])}\n\n" if trust else ""
    reason += f"Not signed: {_plain(report['not_signed'])}\n\n" if report["not_signed"] else ""
    reason += _remote_run(report)
    problems = [f"- {_plain(problem)}\n" for problem in report.get("problems", ())]
    if not report["images"]:
        return _capped([title + reason, *problems])
    head = "| image | result | digest | destinations | signatures |\n|---|---|---|---|---|\n"
    rows = [_row(report["image_name"], image) for image in report["images"]]
    failures = [_failure(image) for image in report["images"] if image["failure"]]
    return _capped([title + reason + head, *rows, "\n", *failures])


def _remote_run(report: dict[str, Any]) -> str:
    """The run of a remote build, as text: an address in it is nobody's link."""
    run = report.get("run")
    return f"Run {run['id']}, {_plain(report['result'])}: {_plain(run['url'])}\n\n" if run else ""


def _capped(blocks: Iterable[str]) -> bytes:
    """As many whole blocks as there is room for, and how many there are more."""
    encoded = [block.encode(errors="replace") for block in blocks]
    room, kept = _LARGEST_SUMMARY - 200, 0
    for block in encoded:
        room -= len(block)
        if room < 0:
            break
        kept += 1
    more = f"\n\n{len(encoded) - kept} more parts are in the build report.\n".encode() if kept < len(encoded) else b""
    return b"".join(encoded[:kept]) + more


def _row(name: str, image: dict[str, Any]) -> str:
    title = name if image["variant"] is None else f"{name} ({image['variant']})"
    places = [
        f"{'' if place['holds_digest'] else 'unconfirmed: '}{place['reference']}" for place in image["destinations"]
    ]
    signed = [f"{found['signer']}: {found['status']}" for found in image["signatures"]]
    published = bool(places) and all(place["holds_digest"] for place in image["destinations"])
    cells = [
        _plain(title),
        "published" if published else "failed" if image["failure"] else "unconfirmed",
        _plain(image["digest"] or ""),
        "<br>".join(map(_plain, places)),
        "<br>".join(map(_plain, dict.fromkeys(signed))),
    ]
    return f"| {' | '.join(cells)} |\n"


def _failure(image: dict[str, Any]) -> str:
    failure = image["failure"]
    lines = "\n".join(_literal(line[:_LONGEST_LINE]) for line in failure["last_lines"][-_MOST_LINES:])
    whose = "" if image["variant"] is None else f"{_plain(image['variant'])}: "
    return f"\n{whose}{_plain(failure['reason'])}\n" + (f"\n<pre>\n{lines}\n</pre>\n" if lines else "")


def _plain(text: str) -> str:
    """Text without any meaning in Markdown or HTML: what could have one becomes a character reference."""
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text[:_LONGEST_CELL])
    return re.sub(r"[^\w .,:/@-]", lambda found: f"&#{ord(found[0])};", shown).replace("_", "&#95;")


def _literal(text: str) -> str:
    """Text for the inside of ``<pre>``."""
    shown = re.sub(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", "?", text)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

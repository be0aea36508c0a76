"""A report as one HTML page for Prow's html lens: no script, and nothing from elsewhere.

The lens puts the page into the ``srcdoc`` attribute of a frame that may run scripts, and escapes only double quotes; it
puts the title into its own page as it is. So a character reference such as ``&lt;`` becomes a tag there. Therefore
the page has no ``&`` at all, and foreign text has similar characters for those that HTML gives a meaning.
"""

import re
from collections.abc import Iterable, Iterator

from image_builder_domain.report.cause import causes
from image_builder_domain.report.report import Report, ReportedFailure, ReportedImage

_SIMILAR = str.maketrans({"<": "‹", ">": "›", "&": "＆", '"': "”"})  # noqa: RUF001
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~:/?#@!$*+,;=%-]*)?")
_LONGEST, _MOST_LINES = 2_000, 50
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 12px; color: #202124; background: #fff; }
h1 { font-size: 18px; margin: 0 0 8px; } h2 { font-size: 15px; margin: 16px 0 4px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 12px; margin: 0; }
dt { color: #5f6368; } dd { margin: 0; overflow-wrap: anywhere; }
pre { background: #f1f3f4; padding: 8px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
ul { margin: 4px 0; padding-left: 20px; overflow-wrap: anywhere; white-space: pre-line; }
.success { color: #137333; } .failure, .refused { color: #c5221f; } .running { color: #b06000; }
@media (max-width: 420px) { dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: 4px; } }
"""


def page(report: Report) -> bytes:
    """The page."""
    outcome = _shown(report.outcome)
    name = f"{_shown(report.image_name)}: " if report.image_name else ""
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f"<title>Image Builder: {outcome}</title>",
        '<meta name="description" content="What Image Builder built, pushed and signed">',
        '<meta name="viewport" content="width=device-width">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{name}<span class={_class(report.outcome)}>{outcome}</span></h1>",
        *_list(map(_shown, causes(report))),
        *_facts(report),
        *(part for image in report.images for part in _image(report.image_name, image)),
        "</body></html>\n",
    ]
    return "\n".join(parts).encode(errors="replace")


def _class(outcome: str) -> str:
    return outcome if outcome in ("success", "failure", "refused", "running") else "failure"


def _facts(report: Report) -> Iterator[str]:
    run = report.pipeline.run if report.pipeline is not None else None
    trust = report.trust
    yield from _terms(
        ("side", _shown(f"{trust.side}: {trust.reason}") if trust is not None else ""),
        ("ref", _shown(trust.ref or "") if trust is not None else ""),
        ("not signed", _shown(report.not_signed)),
        ("run", _link(run.url) if run is not None else ""),
        ("result", _shown(report.pipeline.result) if report.pipeline is not None else ""),
    )


def _image(name: str, image: ReportedImage) -> Iterator[str]:
    yield f"<h2>{_shown(name if image.variant is None else f'{name} ({image.variant})')}</h2>"
    seconds = "" if image.duration_seconds is None else f"{image.duration_seconds:.1f} s"
    places = map(str, image.destinations)
    signed = dict.fromkeys(f"{found.signer}: {found.status}" for found in image.signatures)
    yield from _terms(
        ("digest", _shown(image.digest or "")),
        ("platforms", _shown(", ".join(image.platforms))),
        ("destinations", "<br>".join(map(_shown, places))),
        ("signatures", "<br>".join(map(_shown, signed))),
        ("time", seconds),
    )
    if image.failure is not None:
        yield from _last_lines(image.failure)


def _last_lines(failure: ReportedFailure) -> Iterator[str]:
    if failure.last_lines:
        lines = "\n".join(map(_shown, failure.last_lines[-_MOST_LINES:]))
        yield f"<pre>{lines}</pre>"


def _terms(*rows: tuple[str, str]) -> Iterator[str]:
    found = [f"<dt>{term}</dt><dd>{text}</dd>" for term, text in rows if text]
    if found:
        yield f"<dl>{''.join(found)}</dl>"


def _list(items: Iterable[str]) -> Iterator[str]:
    found = [f"<li>{item}</li>" for item in items]
    if found:
        yield f"<ul>{''.join(found)}</ul>"


def _link(url: str) -> str:
    """A link in a tab of its own; text where the address holds anything unusual."""
    if not is_plain_address(url):
        return _shown(url)
    return f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'


def is_plain_address(url: str) -> bool:
    """True for an address of the web without characters that HTML or Markdown give a meaning."""
    return _ADDRESS.fullmatch(url) is not None


def _shown(text: str) -> str:
    """Foreign text that stays text, however often a reader decodes it."""
    return _CONTROL.sub(" ", text[:_LONGEST]).translate(_SIMILAR)

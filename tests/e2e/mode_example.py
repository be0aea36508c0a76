"""An example: a text file with commands, and everything that each of them puts out.

It begins with a heading, a YAML mapping of what is given (see ``mode_given``). A line ``$ command`` follows for each
command, and below it one block each for the exit code, standard output, standard error and every file that is new,
changed or gone. What differs in every run has a name instead: ``{folder}``, ``<digest 1>``, ``<time>``.

Expected values are rewritten by ``IMAGE_BUILDER_REWRITE_EXAMPLES=1 pytest tests/e2e/test_modes.py``; read the
difference before you commit it.
"""

import contextlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, final

import yaml

from tests.e2e.run import Finished

_NO_NEWLINE: Final = "(no newline at the end)"
_VARIABLE: Final = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r'("duration_seconds": )\d+(\.\d+)?'), r"\g<1>0"),
    (re.compile(r"\b\d+\.\d+ s\b"), "<seconds> s"),
    (re.compile(r"\bimage-builder-[0-9a-f]{32}\b"), "<delimiter>"),
    (re.compile(rf"^(image-\w+) {re.escape(version('oci-image-builder'))}$", re.MULTILINE), r"\g<1> <version>"),
    # What a machine lets a process do, and this user.
    (
        re.compile(r"^.{11}private root: (?!not tried).*(\n {11}-> .*)?", re.MULTILINE),
        "  <?>      private root: <?>",
    ),
    (
        re.compile(
            r'("subject": "private root",\s+"found": )"(?!not tried)[^"]*",(\s+)"good": [^,]+,(\s+"needed": \w+,\s+)'
            r'"remedy": "[^"]*"'
        ),
        r'\g<1>"<?>",\g<2>"good": <?>,\g<3>"remedy": <?>',
    ),
)
_DIGEST: Final = re.compile(r"\b(?<=sha256:)[0-9a-f]{64}\b")


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One command line, and its blocks: heading (``exit code 0``, ``standard output``, a file's name) and text."""

    command: str
    blocks: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The command line as the process gets it."""
        return shlex.split(self.command, comments=True)

    def __str__(self) -> str:
        parts = [f"{self.command}\n"]
        for heading, text in self.blocks.items():
            ending = "" if not text or text.endswith("\n") else f"\n{_NO_NEWLINE}\n"
            parts.append(f"=== {heading}\n{text}{ending}")
        return "".join(parts)


@final
@dataclass(frozen=True, slots=True)
class Example:
    """``heading`` is the text before the first command, ``given`` the mapping in it."""

    heading: str
    given: dict[str, Any]
    steps: tuple[Step, ...]

    @classmethod
    def read(cls, file: Path) -> "Example":
        """The example in a file."""
        heading, *steps = re.split(r"^\$ ", file.read_text(), flags=re.MULTILINE)
        ends = [text.removesuffix("\n") for text in steps[:-1]]
        return cls(heading, yaml.safe_load(heading) or {}, tuple(map(_step, (*ends, *steps[-1:]))))

    def __str__(self) -> str:
        return self.heading + "\n".join(f"$ {step}" for step in self.steps)


def _step(text: str) -> Step:
    command, _, rest = text.partition("\n")
    found = (block.partition("\n") for block in re.split(r"^=== ", rest, flags=re.MULTILINE)[1:])
    return Step(command, {heading: body.replace(f"\n{_NO_NEWLINE}\n", "") for heading, _, body in found})


def observed(command: str, ended: Finished, files: Mapping[str, bytes | None], names: "Names") -> Step:
    """What a command put out; a file of None is gone."""
    blocks = {f"exit code {ended.code}": ""}
    texts: dict[str, bytes | None] = {
        "standard output": ended.out.encode(),
        "standard error": ended.err.encode(),
        **{f"file {path}": content for path, content in files.items()},
    }
    reports = {text: f"<file {path}>" for path, content in files.items() if (text := _on_one_line(content))}
    for heading, content in texts.items():
        if content is None:
            blocks[f"{names.put(heading)} is gone"] = ""
            continue
        note, text = _shown(content, reports)
        blocks[f"{names.put(heading)}{note}"] = names.put(text)
    return Step(command, blocks)


def _on_one_line(content: bytes | None) -> str:
    """A document on several lines as it is where it stands on one; nothing for other files."""
    with contextlib.suppress(ValueError):
        return json.dumps(json.loads(content or b"")) if (content or b"").count(b"\n") > 1 else ""
    return ""


def _shown(content: bytes, reports: Mapping[str, str]) -> tuple[str, str]:
    """A remark for the heading, and the text: JSON on one line is indented, a report that is shown below is named."""
    text = content.decode(errors="backslashreplace")
    ending = "" if text.endswith("\n") else ", without its end"
    for report, name in reports.items():
        text = text.replace(report, name)
    if text[:1] in "{[" and text.count("\n") <= 1:
        with contextlib.suppress(ValueError):
            return f" (JSON on one line{ending})", json.dumps(json.loads(text), indent=2) + "\n"
    return "", text


@final
class Names:
    """Puts names where something differs in every run; one object for a whole example, so that digests keep theirs."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(sorted(places.items(), key=lambda place: -len(place[1])))
        self._digests: dict[str, int] = {}

    def put(self, text: str) -> str:
        """The text with names."""
        for name, value in self._places.items():
            text = text.replace(value, name)
        for pattern, name in _VARIABLE:
            text = pattern.sub(name, text)
        return _DIGEST.sub(self._digest, text)

    def _digest(self, found: "re.Match[str]") -> str:
        return f"<digest {self._digests.setdefault(found[0], len(self._digests) + 1)}>"

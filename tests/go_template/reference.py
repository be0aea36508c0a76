"""Asks Go's own ``text/template`` for its answers, and compares ours with them."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import final

from image_builder_domain.go.template import TemplateData, render
from returns.result import Success

from tests.go_program import compiled

PROGRAM = Path(__file__).with_name("main.go")

SHA = "abcdef1234567890abcdef1234567890abcdef12"
ENVIRONMENT = {
    "BRANCH": "release-1.2",
    "EMPTY": "",
    "ÄPFEL": "grün 🍏",
    "BYTES": "a\udcffb",
    "MARKUP": "<a href=\"x\">'&'</a>",
    "NUMBER": "42",
}
SECONDS = 1_767_323_045
DATA = TemplateData(
    commit_sha=SHA,
    pr_number="7",
    time=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=SECONDS),
    env=ENVIRONMENT,
    nanosecond=67_800_900,
)
"""What both sides render with: the 2nd of January 2026, 03:04:05.0678009."""

_OWN_LIMITS = ("not supported", "10000 steps", "longer than", "may hold a secret")
"""What an error says that Go does not have; it names the construct, or the limit."""


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What Go gives: a text, or None and an error."""

    text: str | None
    error: str = ""


@final
class Go:
    """A running Go program."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._send(
            {
                "CommitSHA": DATA.commit_sha,
                "PRNumber": DATA.pr_number,
                "Seconds": SECONDS,
                "Nanosecond": DATA.nanosecond,
                "Environment": {name: _base64(value) for name, value in DATA.env.items()},
            }
        )

    def ask(self, source: str) -> Answer:
        """Go's answer to one template."""
        self._send(_base64(source))
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        if answer["text"] is None:
            return Answer(None, answer["error"])
        return Answer(base64.b64decode(answer["text"]).decode("utf-8", "surrogateescape"))

    def _send(self, value: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")
        self._process.stdin.flush()


@contextmanager
def running(go: str, folder: Path, cache: Path) -> Iterator[Go]:
    """Compile the program into ``folder`` and start it."""
    with subprocess.Popen(
        [compiled(go, PROGRAM, folder, cache)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Go(process)
        assert process.stdin is not None
        process.stdin.close()


def version(go: str) -> tuple[int, ...]:
    """The version of a Go compiler, such as (1, 26, 5)."""
    said = subprocess.run([go, "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"[0-9]+", said)))


def difference(source: str, answer: Answer) -> str:
    """How ours differs from Go's answer; empty when it does not. A refusal that names a limit of ours is none."""
    ours = render(source, DATA)
    if isinstance(ours, Success):
        text = ours.unwrap()
        if answer.text is None:
            return f"{source!r}: Go refuses ({answer.error}), we give {text!r}"
        return "" if text == answer.text else f"{source!r}: Go gives {answer.text!r}, we give {text!r}"
    if answer.text is None or is_own_limit(source):
        return ""
    return f"{source!r}: Go gives {answer.text!r}, we refuse: {ours.failure().reason}"


def is_own_limit(source: str) -> bool:
    """True when we refuse by a limit of our own."""
    ours = render(source, DATA)
    return not isinstance(ours, Success) and any(limit in ours.failure().reason for limit in _OWN_LIMITS)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()

"""The templates that are always compared, and what Go answered when it was asked last (for machines without Go).

``python -m tests.go_template`` asks again.
"""

import json
import random
from pathlib import Path

from tests.go_template.grammar import Grammar
from tests.go_template.reference import Answer

RECORDED = Path(__file__).with_name("recorded.json")

_WRITTEN = Path(__file__).with_name("written.txt")
_SEED = 2026
_LONGEST = 160


def written() -> list[str]:
    """The templates that were written by hand; the file says how it is read."""
    lines = _WRITTEN.read_text().splitlines()
    return [json.loads(line) if line[0] == '"' else line for line in lines if line and not line.startswith("# ")]


def generated(count: int) -> list[str]:
    """As many different short templates made by chance, always the same ones."""
    chance = random.Random(_SEED)
    sources: dict[str, None] = {}
    while len(sources) < count:
        source = Grammar(chance.choice).template()
        if len(source) <= _LONGEST:
            sources[source] = None
    return list(sources)


def recorded() -> list[tuple[str, Answer]]:
    """Every recorded template with its answer; Go's errors are not kept."""
    return [(source, Answer(text)) for source, text in json.loads(RECORDED.read_text())]

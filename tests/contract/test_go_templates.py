"""Our templates beside Go's own ``text/template``: the same text, or a refusal; never another text."""

import itertools
import os
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.go_program import shared_go_cache
from tests.go_template.grammar import Grammar
from tests.go_template.recorded import written
from tests.go_template.reference import Go, difference, running, version
from tests.programs import require

OLDEST = (1, 26)
COUNT = int(os.environ.get("IMAGE_BUILDER_TEMPLATES", "2500"))
"""How many templates are generated; always the same ones, unless more are asked for."""


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Go]:
    compiler = require("go")
    if version(compiler) < OLDEST:
        pytest.skip(f"{compiler} is too old: its templates know less than those of Go {'.'.join(map(str, OLDEST))}")
    with running(compiler, tmp_path_factory.mktemp("go"), shared_go_cache(tmp_path_factory)) as program:
        yield program


def test_written_templates_give_what_go_gives(go: Go) -> None:
    assert [found for source in written() if (found := difference(source, go.ask(source)))] == []


def template(choices: bytes) -> str:
    """The template that a grammar makes of these choices, two bytes each; it starts again where they end."""
    numbers = itertools.cycle(zip(choices[::2], choices[1::2], strict=True))

    def choose(options: Sequence[object]) -> object:
        high, low = next(numbers)
        return options[(high << 8 | low) % len(options)]

    return Grammar(choose).template()


@settings(
    max_examples=COUNT,
    derandomize=COUNT == 2500,
    database=None,
    deadline=None,
)
@given(source=st.binary(min_size=400, max_size=400).map(template))
def test_generated_templates_give_what_go_gives(go: Go, source: str) -> None:
    assert difference(source, go.ask(source)) == ""

"""How long templates take: read and rendered each time anew, and rendered again and again."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from image_builder_domain.go.template import TemplateData, render
from image_builder_domain.go.template.interpreter import interpret
from image_builder_domain.go.template.parser import parse

from tests.bench.figure import Figure

_SOURCE = "v{{ .Date }}-{{ .ShortSHA }}"
_DATA = TemplateData(
    commit_sha="abcdef1234567890abcdef1234567890abcdef12",
    pr_number="",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    env={},
)
_ROUNDS = 3


def templates() -> Iterator[Figure]:
    """The default tag, as users get it, and through the whole interpreter, which more than fields alone needs."""
    yield Figure(f"100,000 times {_SOURCE}", _seconds(_as_users_get_it, 100_000), 1.0, " s")
    yield Figure("10,000 times parsed and interpreted", _seconds(_parsed_and_interpreted, 10_000), 1.0, " s")
    yield Figure("100,000 times interpreted, parsed once", _seconds(_interpreted, 100_000), 1.0, " s")


def _as_users_get_it() -> object:
    return render(_SOURCE, _DATA)


def _parsed_and_interpreted() -> object:
    parse.cache_clear()
    return interpret(_SOURCE, _DATA)


def _interpreted() -> object:
    return interpret(_SOURCE, _DATA)


def _seconds(work: Callable[[], object], times: int) -> float:
    """The least of a few rounds, in seconds of processor time."""
    rounds = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        for _ in range(times):
            work()
        rounds.append(time.process_time() - start)
    return min(rounds)

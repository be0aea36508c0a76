"""Problems: collected, reported once, and never without an end; and the words that are near a wrong one."""

from collections.abc import Iterator

import pytest
from image_builder_domain.problem import (
    MOST_PROBLEMS,
    Problem,
    Problems,
    every,
    first_problems,
    nearest,
    problems_of,
    refuse,
)
from returns.result import Result, Success


def problems(count: int) -> Problems:
    return tuple(Problem(f"f:{number}", "wrong") for number in range(count))


def test_all_values_come_in_order_and_all_problems_once() -> None:
    assert every([Success(1), Success(2)]) == Success((1, 2))
    found = problems_of(every([Success(1), refuse("a", "x"), refuse("b", "y"), refuse("a", "x")]))
    assert found == (Problem("a", "x"), Problem("b", "y"))


def test_reading_ends_after_so_many_problems() -> None:
    read: list[int] = []

    def endless() -> Iterator[Result[int, Problems]]:
        for number in range(10 * MOST_PROBLEMS):
            read.append(number)
            yield refuse(f"f:{number}", "wrong")

    found = problems_of(every(endless()))
    assert found[:MOST_PROBLEMS] == problems(MOST_PROBLEMS)
    assert [str(problem) for problem in found[MOST_PROBLEMS:]] == [
        f"f:{MOST_PROBLEMS - 1}: only the first {MOST_PROBLEMS} problems are listed; fix these first"
    ]
    assert len(read) == MOST_PROBLEMS + 1


@pytest.mark.parametrize("count", [0, 1, MOST_PROBLEMS])
def test_as_many_problems_as_are_reported_are_reported_whole(count: int) -> None:
    assert first_problems((*problems(count), *problems(count))) == problems(count)


def test_the_nearest_word_is_named() -> None:
    assert nearest("registy", ["registry", "reproducible"]) == "did you mean 'registry'?"
    assert nearest("x", ["a", "b"]) == "known are a, b"
    assert nearest("x", []) == "there are none here; remove it"
    assert nearest("zzz", map(str, range(99))) == "check its spelling; no known name is similar"


@pytest.mark.parametrize(
    ("word", "known", "before"),
    [
        pytest.param("a" * 65, ["a" * 64], 0, id="long-word"),
        pytest.param("a1", [f"a{number}" for number in range(1001)], 0, id="many-known"),
        pytest.param("registy", ["registry"], 50, id="many-mistakes"),
    ],
)
def test_nothing_is_compared_where_it_would_take_long(word: str, known: list[str], before: int) -> None:
    assert nearest(word, known, before) == "check its spelling"

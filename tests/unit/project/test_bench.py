"""The benchmark can say no: a figure over its limit, a run that fails."""

import sys
from pathlib import Path

import pytest

from tests.bench.figure import Figure, table
from tests.bench.pairs import Run, Together, always, median_difference, median_ratio

QUICK = Run((sys.executable, "-I", "-S", "-c", "pass"), {})
SLOW = Run((sys.executable, "-I", "-S", "-c", "import time; time.sleep(0.5)"), {})


def test_a_figure_holds_up_to_its_limit_and_no_further() -> None:
    assert Figure("memory", 100.0, 100.0, " MiB").holds
    assert not Figure("memory", 100.1, 100.0, " MiB").holds
    assert Figure("speed", 50.0, 50.0, " MB/s", is_minimum=True).holds
    assert not Figure("speed", 49.9, 50.0, " MB/s", is_minimum=True).holds


def test_the_table_names_the_figure_that_does_not_hold() -> None:
    lines = table([Figure("good", 1.0, 2.5, "x"), Figure("bad", 9.25, 7.0, "x")]).splitlines()
    assert [cell.strip() for cell in lines[-1].strip("|").split("|")] == ["bad", "9.250x", "at most 7x", "NO"]
    assert len({len(line) for line in lines}) == 1


def test_pairs_compare_the_first_with_the_second() -> None:
    assert median_difference(always(SLOW, QUICK), 2) > 0.3
    assert median_ratio(always(QUICK, SLOW), 2) < 1


MEETS = """
import pathlib, sys, time
own, other = map(pathlib.Path, sys.argv[1:])
own.touch()
end = time.monotonic() + 60
while not other.exists():
    time.sleep(0.01)
    assert time.monotonic() < end
"""


def test_runs_together_run_at_the_same_time(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    meeting = [Run((sys.executable, "-I", "-c", MEETS, *names), {}) for names in ((one, two), (two, one))]
    assert Together(meeting).seconds() > 0


def test_a_run_that_fails_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="exit code 3"):
        Run((sys.executable, "-I", "-c", "raise SystemExit(3)"), {}).seconds()

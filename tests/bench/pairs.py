"""Whole processes, timed in pairs: what is compared runs side by side in time, so that a busy machine hits both."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True, slots=True)
class Run:
    """A command line and its whole environment."""

    command: Sequence[str]
    environment: Mapping[str, str]

    def seconds(self) -> float:
        """Wall-clock time from start to end. Raises when it does not succeed: a failure is quick, and no figure."""
        started = time.perf_counter()
        done = subprocess.run(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        taken = time.perf_counter() - started
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace")
            raise RuntimeError(f"{self.command[0]} ended with exit code {done.returncode}:\n{reason}")
        return taken


Pair = Callable[[int], tuple[Run, Run]]


def always(first: Run, second: Run) -> Pair:
    """The same two in every round."""
    return lambda _: (first, second)


def median_ratio(pair: Pair, pairs: int) -> float:
    """How many times as long the first takes as the second."""
    return statistics.median(first / second for first, second in _timed(pair, pairs))


def median_difference(pair: Pair, pairs: int) -> float:
    """How many seconds longer the first takes than the second."""
    return statistics.median(first - second for first, second in _timed(pair, pairs))


def _timed(pair: Pair, pairs: int) -> list[tuple[float, float]]:
    """Both in turn begin; ``pair`` makes the runs of each round, so that no round finds the cache of another."""
    found = []
    for number in range(pairs):
        first, second = pair(number)
        if number % 2 == 0:
            one = first.seconds()
            other = second.seconds()
        else:
            other = second.seconds()
            one = first.seconds()
        found.append((one, other))
    return found

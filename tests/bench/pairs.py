"""Whole processes, timed in pairs: what is compared runs side by side in time, so that a busy machine hits both."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, final


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


@final
@dataclass(frozen=True, slots=True)
class Together:
    """Several runs, started at the same time."""

    runs: Sequence[Run]

    def seconds(self) -> float:
        """From the start until the last one has ended; raises as :meth:`Run.seconds` does."""
        started = time.perf_counter()
        with ThreadPoolExecutor(len(self.runs)) as pool:
            list(pool.map(Run.seconds, self.runs))
        return time.perf_counter() - started


class Timed(Protocol):
    """What can be measured."""

    def seconds(self) -> float: ...


Pair = Callable[[int], tuple[Timed, Timed]]


def always(first: Timed, second: Timed) -> Pair:
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

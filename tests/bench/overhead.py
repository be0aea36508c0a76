"""What a whole run costs on top of the same call of buildctl by hand, with a daemon that is warm."""

from collections.abc import Iterator

from tests.bench.figure import Figure
from tests.bench.pairs import always, median_difference, median_ratio
from tests.bench.workshop import Workshop

CACHED_PAIRS = 9
LONG_PAIRS = 3


def overhead(workshop: Workshop) -> Iterator[Figure]:
    """A cached build in seconds, a long one as a ratio."""
    cached = workshop.context("cached", 'RUN ["/bin/busybox", "echo", "hello"]')
    tool, by_hand = workshop.tool(cached), workshop.by_hand(cached)
    by_hand.seconds()  # fills the daemon's cache and the registries
    more = median_difference(always(tool, by_hand), CACHED_PAIRS)
    yield Figure("cached build, two destinations: more than buildctl by hand", more, 0.5, " s")

    long = workshop.context("long", 'RUN ["/bin/busybox", "sh", "-c", "echo $FRESH; exec /bin/busybox sleep 10"]')
    ratio = median_ratio(
        lambda number: (workshop.tool(long, f"tool-{number}"), workshop.by_hand(long, f"hand-{number}")), LONG_PAIRS
    )
    yield Figure("build of 10 s: against buildctl by hand", ratio, 1.05, "x")

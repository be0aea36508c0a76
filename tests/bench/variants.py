"""Several variants of one Dockerfile: against the same calls of buildctl started together, and against one by one."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.pairs import Run, Together, median_ratio
from tests.bench.workshop import Workshop
from tests.git_repository import BASE_COMMIT, check_out

EXAMPLE = Path(__file__).parents[2] / "examples"
ALL = ("--max-parallel", "8")
TOGETHER_PAIRS = 7
SLEEPING_PAIRS = 2


def variants(workshop: Workshop) -> Iterator[Figure]:
    """Eight variants as ratios; every round has files or arguments of its own, or the daemon would remember steps."""
    base = workshop.publish_base(EXAMPLE / "base")
    ratio = median_ratio(lambda number: _together(workshop, base, number), TOGETHER_PAIRS)
    yield Figure("eight variants at the same time: against eight buildctl started together", ratio, 1.15, "x")

    sleeping = workshop.context(
        "sleeping", "ARG VERSION", 'RUN ["/bin/busybox", "sh", "-c", "echo $VERSION $FRESH; /bin/busybox sleep 2"]'
    )
    (sleeping / "variants.yaml").write_text("".join(f"v{number}: {{VERSION: {number}}}\n" for number in range(8)))
    ratio = median_ratio(
        lambda number: (
            workshop.tool(sleeping, f"four-{number}", "--max-parallel", "4"),
            workshop.tool(sleeping, f"one-{number}", "--max-parallel", "1"),
        ),
        SLEEPING_PAIRS,
    )
    yield Figure("eight variants that sleep 2 s, four at the same time: against one by one", ratio, 0.4, "x")


def _together(workshop: Workshop, base: str, number: int) -> tuple[Run, Together]:
    by_tool, by_hand = (_example(workshop, f"{who}-{number}") for who in ("tool", "hand"))
    calls = [_with_base(run, base) for run in workshop.calls_by_hand(by_hand, *ALL)]
    return workshop.tool(by_tool, "", *ALL, "--build-arg", f"BASE={base}"), Together(calls)


def _with_base(run: Run, base: str) -> Run:
    return replace(run, command=(*run.command, "--opt", f"build-arg:BASE={base}"))


def _example(workshop: Workshop, name: str) -> Path:
    """A copy of the example with a file that no other round has."""
    folder = workshop.folder / name
    shutil.copytree(EXAMPLE / "variants", folder)
    with (folder / "tool.sh").open("a") as file:
        file.write(f"# {name}\n")
    check_out(folder, BASE_COMMIT)
    return folder

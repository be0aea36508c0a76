"""``python -m tests.bench``: measure, print the figures as a table, and say whether they are what they must be.

Exit code: 0 when every figure holds, 1 when one does not, 2 when a program is missing. Run it by ``scripts/bench``,
which brings the programs; an idle machine gives the steadiest figures.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests import guard
from tests.bench.figure import Figure, table
from tests.bench.installed import install
from tests.bench.memory import memory
from tests.bench.overhead import overhead
from tests.bench.publishing import publishing
from tests.bench.remote_memory import remote_memory
from tests.bench.rendering import rendering
from tests.bench.signing import signing
from tests.bench.start_up import start_up
from tests.bench.templates import templates
from tests.bench.variants import variants
from tests.bench.workshop import open_workshop

PROGRAMS = ("uv", "buildctl", "buildkitd", "runc", "registry", "busybox", "executor")


def main() -> int:
    """See the top of this file."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures image-builder.")
    parser.add_argument("--full", action="store_true", help="print 1 GiB through BuildKit itself, not by a stand-in")
    full = parser.parse_args().full
    guard.install()
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        _say(f"not on PATH: {', '.join(missing)}; run scripts/bench, which brings them")
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        figures = _measure(Path(folder), full=full)
    sys.stdout.write(f"{table(figures)}\n")
    return 0 if all(figure.holds for figure in figures) else 1


def _measure(folder: Path, *, full: bool) -> list[Figure]:
    installed = install(folder / "environment")
    with open_workshop(folder, installed) as workshop:
        figures = []
        for figure in overhead(workshop):
            _say(f"measured: {figure.name}")
            figures.append(figure)
        for figure in (
            *templates(),
            *variants(workshop),
            *start_up(folder, installed),
            *signing(folder / "signing", installed),
            *rendering(workshop),
            *publishing(workshop),
        ):
            _say(f"measured: {figure.name}")
            figures.append(figure)
        figures.append(memory(workshop, full=full))
        figures.append(remote_memory(folder / "remote", installed))
        return figures


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

"""How long it takes to say something: against a Python that says nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figure import Figure
from tests.bench.installed import Installed
from tests.bench.pairs import Run, always, median_ratio
from tests.bench.workshop import job

PAIRS = 25


def start_up(folder: Path, installed: Installed) -> Iterator[Figure]:
    """``--help`` of both commands and ``--parse-tags-only`` as multiples of ``python -I -c pass``."""
    config = folder / "tags.yaml"
    config.write_text(json.dumps({"registry": "registry.example/prod"}))
    environment = job(folder)
    bare = Run((installed.python, "-I", "-c", "pass"), environment)
    said = {
        ("--help against python -I -c pass", 2.5): (installed.command, "--help"),
        ("image-signer --help against python -I -c pass", 2.5): (installed.signer, "--help"),
        ("--parse-tags-only against python -I -c pass", 7.0): (
            *(installed.command, "--parse-tags-only"),
            *("--config", str(config)),
        ),
    }
    for (name, limit), command in said.items():
        run = Run(command, environment)
        run.seconds()  # compiles what was not compiled yet
        yield Figure(name, median_ratio(always(run, bare), PAIRS), limit, "x")

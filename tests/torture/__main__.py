"""``python -m tests.torture``: let every request of a build fail, one in each trial, in every way. Prints the number.

Takes hours for everything: ``--every 5`` tries each fifth request, and the options choose engines, signers and faults.
Exit code: 0 all trials were good, 1 at least one was not.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.buildkit import running_daemon
from tests.torture.proxy import Fault
from tests.torture.trial import ENGINES, SIGNERS, Case, Stage, Verdict

_SHOWN_EVERY = 25
FAULTS = [fault.name.lower() for fault in Fault if fault is not Fault.NONE]


def main(arguments: Sequence[str]) -> int:
    """See above."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=str(__doc__).splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only this engine; may be repeated")
    parser.add_argument("--signer", choices=SIGNERS, action="append", help="only this signer; may be repeated")
    parser.add_argument("--fault", choices=FAULTS, action="append", help="only this fault; may be repeated")
    parser.add_argument("--at", type=int, action="append", help="only this request; may be repeated")
    parser.add_argument("--every", type=int, default=1, help="only each so many-th request")
    parser.add_argument("--rotate", action="store_true", help="one fault for each request, in turn, instead of all")
    parser.add_argument("--jobs", type=int, default=2, help="trials at the same time")
    chosen = parser.parse_args(arguments)
    pairs = [(engine, signer) for engine in chosen.engine or ENGINES for signer in chosen.signer or SIGNERS]
    with (
        tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder,
        running_daemon(Path(folder) / "buildkit") as address,
    ):
        stage = Stage(Path(folder), address)
        verdicts = [verdict for pair in pairs for verdict in _trials(stage, *pair, chosen)]
    return _summary(verdicts)


def _trials(stage: Stage, engine: str, signer: str, chosen: argparse.Namespace) -> Iterator[Verdict]:
    """All trials of an engine with a signer: first one without a fault, which counts the requests."""
    usual = stage.try_case(Case(engine, signer, Fault.NONE, 0))
    yield _shown(usual)
    if usual.problems:
        return
    faults = [Fault[name.upper()] for name in chosen.fault or FAULTS]
    places = chosen.at or range(1, usual.requests + 1, chosen.every)
    cases = [
        Case(engine, signer, fault, at)
        for number, at in enumerate(places)
        for fault in (faults[number % len(faults) :][:1] if chosen.rotate else faults)
    ]
    _print(f"{engine}, {signer}: {usual.requests} requests, {len(cases)} trials")
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for number, verdict in enumerate(pool.map(lambda case: stage.try_case(case, usual.digests), cases), 1):
            yield _shown(verdict)
            if number % _SHOWN_EVERY == 0:
                _print(f"{number} of {len(cases)} trials")


def _shown(verdict: Verdict) -> Verdict:
    for problem in verdict.problems:
        hit = re.sub(r"_state=[^&]*&?", "", verdict.hit)
        _print(f"{verdict.case} ({hit}), exit codes {verdict.codes}: {problem}")
    return verdict


def _summary(verdicts: Sequence[Verdict]) -> int:
    tried = [verdict for verdict in verdicts if verdict.case.fault is not Fault.NONE]
    hit = [verdict for verdict in tried if verdict.hit]
    bad = [verdict for verdict in verdicts if verdict.problems]
    for fault in Fault:
        codes = Counter(verdict.codes[0] for verdict in hit if verdict.case.fault is fault)
        if codes:
            shown = ", ".join(f"{count} with exit code {code}" for code, count in sorted(codes.items()))
            _print(f"{fault.value}: {sum(codes.values())} runs, {shown}")
    _print(f"{len(tried)} cases tried, {len(hit)} hit a request, {len(bad)} are not good")
    return 1 if bad else 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

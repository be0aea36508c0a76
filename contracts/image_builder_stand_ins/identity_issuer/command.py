"""The issuer as a command, for demos and for trying a configuration by hand."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from image_builder_stand_ins.identity_issuer.issuer import IdentityIssuer
from image_builder_stand_ins.signing_command import address, stop_signals_blocked, write_whole

_STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_DESCRIPTION = "A local issuer of identity tokens, as GitHub Actions has one for its jobs; https on loopback."
_EPILOG = """\
JOBS is JSON: {"push": {"repository": "acme/demo", "ref": "refs/heads/main", "sha": "...", "event_name": "push"}}. Each
job has claims that take the place of the usual ones. DIR holds, once DIR/ready.json is there: ca.pem, the authority
that clients must trust. ready.json names the issuer and, for each job, the variables by which it asks for its token.
Exit code: 0 after SIGINT or SIGTERM, 2 when it cannot start."""


def main(arguments: Sequence[str], output: TextIO = sys.stdout) -> int:
    """Run until SIGINT or SIGTERM. Exit code: 0 stopped, 2 cannot start."""
    chosen = _parser().parse_args(arguments)
    try:
        with stop_signals_blocked(), tempfile.TemporaryDirectory(prefix="issuer-") as spare:
            _serve(chosen, chosen.folder or Path(spare), output)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"identity_issuer: {error}\n")
        return 2
    return 0


def _serve(chosen: argparse.Namespace, folder: Path, output: TextIO) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "ready.json").unlink(missing_ok=True)
    with IdentityIssuer.start(*chosen.listen) as issuer:
        issuer.jobs.update(_jobs(chosen.jobs))
        write_whole(folder / "ca.pem", issuer.authority.certificate)
        variables = {job: issuer.variables(job) for job in issuer.jobs}
        ready = json.dumps({"issuer": issuer.url, "ca": str(folder / "ca.pem"), "jobs": variables})
        write_whole(folder / "ready.json", (ready + "\n").encode())
        output.write(json.dumps({"issuer": issuer.url}) + "\n")  # the variables hold a secret
        output.flush()
        signal.sigwait(_STOP_SIGNALS)


def _jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a JSON file. Raises ``OSError`` or ``ValueError``."""
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(claims, dict) for claims in found.values()):
        raise ValueError(f"{file}: expected an object of jobs, each an object of claims")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_builder_stand_ins.identity_issuer", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument(
        "--listen", type=address, default=("127.0.0.1", 0), metavar="ADDRESS:PORT", help="default: 127.0.0.1:0"
    )
    parser.add_argument("--jobs", type=Path, required=True, metavar="JOBS", help="the jobs that may ask for a token")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where its files go (default: a temporary one)")
    return parser

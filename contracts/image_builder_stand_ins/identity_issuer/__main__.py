"""The issuer as a command, for demos and for trying a configuration by hand."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from image_builder_stand_ins.command import Session, parser, run, write_whole
from image_builder_stand_ins.identity_issuer.issuer import IdentityIssuer

_DESCRIPTION = "A local issuer of identity tokens, as GitHub Actions has one for its jobs; https on loopback."
_EPILOG = """\
JOBS is JSON: {"push": {"repository": "acme/demo", "ref": "refs/heads/main", "sha": "...", "event_name": "push"}}. Each
job has claims that take the place of the usual ones. DIR holds, once DIR/ready.json is there: ca.pem, the authority
that clients must trust. ready.json names the issuer and, for each job, the variables by which it asks for its token.
Exit code: 0 after SIGINT or SIGTERM, 2 when it cannot start."""


def main(arguments: Sequence[str], output: TextIO = sys.stdout) -> int:
    """Run until SIGINT or SIGTERM. Exit code: 0 stopped, 2 cannot start."""
    made = parser("identity_issuer", _DESCRIPTION, _EPILOG)
    made.add_argument("--jobs", type=Path, required=True, metavar="JOBS", help="the jobs that may ask for a token")
    chosen = made.parse_args(arguments)
    return run("identity_issuer", chosen.folder, output, lambda session: _serve(chosen, session))


def _serve(chosen: argparse.Namespace, session: Session) -> None:
    with IdentityIssuer.start(*chosen.listen) as issuer:
        issuer.jobs.update(_jobs(chosen.jobs))
        authority = session.folder / "ca.pem"
        write_whole(authority, issuer.authority.certificate)
        variables = {job: issuer.variables(job) for job in issuer.jobs}
        ready = {"issuer": issuer.url, "ca": str(authority), "jobs": variables}
        session.serve(ready, printed={"issuer": issuer.url})  # the variables hold a secret


def _jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a JSON file. Raises ``OSError`` or ``ValueError``."""
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(claims, dict) for claims in found.values()):
        raise ValueError(f"{file}: expected an object of jobs, each an object of claims")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Azure DevOps as a command, for demos and for trying a configuration by hand."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from image_builder_stand_ins.azure_devops.agent.agent import AgentSettings
from image_builder_stand_ins.azure_devops.agent.variable import Variable
from image_builder_stand_ins.azure_devops.faults import FAULTS
from image_builder_stand_ins.azure_devops.representation import Source
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import ServiceOptions
from image_builder_stand_ins.azure_devops.yaml_node import RefusedError
from image_builder_stand_ins.command import Session, parser, run, write_whole

_DESCRIPTION = """\
A local Azure DevOps: one organization, one project, one pipeline. A run of the pipeline executes the steps of FILE on
this machine, as you: only for definitions that you trust."""
_EPILOG = """\
GROUPS is JSON: {"group": {"NAME": "value", "SECRET": {"value": "…", "secret": true}}}; a group that the pipeline names
must be in it. DIR holds, once DIR/ready.json is there: pat (the personal access token), client-secret (of the service
principal), and below it the logs and work folders of runs. Of this command's environment steps see PATH, HOME, LANG,
TMPDIR, SSL_CERT_FILE, BUILDKIT_HOST, XDG_RUNTIME_DIR and XDG_STATE_HOME. Exit code: 0 after SIGINT or SIGTERM, 2 when
it cannot start."""


def main(arguments: Sequence[str], output: TextIO = sys.stdout) -> int:
    """Run until SIGINT or SIGTERM. Exit code: 0 stopped, 2 cannot start."""
    chosen = _parser().parse_args(arguments)
    if chosen.list_faults:
        output.writelines(f"{name:24} {fault.what}\n" for name, fault in FAULTS.items())
        return 0
    if chosen.pipeline is None:
        sys.stderr.write("azure_devops: give the pipeline's definition with --pipeline FILE\n")
        return 2
    return run("azure_devops", chosen.folder, output, lambda session: _serve(chosen, session))


def _serve(chosen: argparse.Namespace, session: Session) -> None:
    folder = session.folder
    definition = chosen.pipeline.read_text(encoding="utf-8")
    agent = AgentSettings(_groups(chosen.groups), _environment())
    host, port = chosen.listen
    with AzureDevOps.start(ServiceOptions(host, port, folder=folder)) as service:
        source = Source(yaml_file=chosen.pipeline.name)
        pipeline = service.add_pipeline(chosen.pipeline.stem, definition, agent=agent, source=source)
        for name in chosen.fault:
            service.fail(name)
        write_whole(folder / "pat", service.pat.encode())
        write_whole(folder / "client-secret", service.principal.secret.encode())
        ready = {
            "organization_url": service.organization_url,
            "project": service.project,
            "pipeline_id": pipeline.card.id,
            "authority": service.authority,
            "tenant": service.principal.tenant,
            "client": service.principal.client,
            "pat": str(folder / "pat"),
            "client_secret": str(folder / "client-secret"),
        }
        session.serve(ready)


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "BUILDKIT_HOST", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _groups(file: Path | None) -> dict[str, dict[str, Variable]]:
    """The variable groups of a JSON file. Raises ``OSError`` or ``ValueError``."""
    if file is None:
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not all(isinstance(group, dict) for group in found.values()):
        raise RefusedError(f"{file}: expected an object of groups, each an object of variables")
    return {
        name: {each: _variable(file, each, value) for each, value in group.items()} for name, group in found.items()
    }


def _variable(file: Path, name: str, value: object) -> Variable:
    if isinstance(value, str):
        return Variable(value)
    if isinstance(value, dict) and isinstance(value.get("value"), str) and isinstance(value.get("secret"), bool):
        return Variable(value["value"], value["secret"])
    raise RefusedError(f'{file}: {name} must be text, or {{"value": text, "secret": true or false}}')


def _parser() -> argparse.ArgumentParser:
    made = parser("azure_devops", _DESCRIPTION, _EPILOG)
    made.add_argument("--pipeline", type=Path, metavar="FILE", help="the definition that runs execute")
    made.add_argument("--groups", type=Path, metavar="GROUPS", help="variable groups (default: none)")
    made.add_argument(
        "--fault", action="append", default=[], choices=sorted(FAULTS), metavar="NAME", help="inject it; repeatable"
    )
    made.add_argument("--list-faults", action="store_true", help="print the names of all faults and stop")
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

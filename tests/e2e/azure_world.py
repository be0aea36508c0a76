"""An Azure DevOps organization around the small world: its pipeline, its agents, and a git server's folder."""

import base64
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import yaml
from image_builder_contracts.servers.azure_devops.agent import AgentSettings
from image_builder_contracts.servers.azure_devops.agent_variable import Variable
from image_builder_contracts.servers.azure_devops.service import AzureDevOps
from image_builder_contracts.servers.azure_devops.state import Pipeline

from tests.azure_devops import Client
from tests.e2e.world import World
from tests.programs import require

DEFINITION = Path(__file__).parents[2] / "pipelines" / "oci-image-builder.yaml"


@final
@dataclass(frozen=True, slots=True)
class AzureWorld:
    """``merged`` is the commit of ``main``, ``proposed`` one that nobody merged, a child of it."""

    world: World
    service: AzureDevOps
    pipeline: Pipeline
    merged: str
    proposed: str

    @property
    def client(self) -> Client:
        """A client with the personal access token."""
        return Client(self.service)

    def postsubmit(self, **changed: str) -> dict[str, str]:
        """The parameters of a push."""
        return self._common("postsubmit") | changed

    def presubmit(self, **changed: str) -> dict[str, str]:
        """The parameters of pull request 7."""
        return self._common("presubmit") | {"PullNumber": "7", "PullPullSHA": self.proposed} | changed

    def _common(self, job_type: str) -> dict[str, str]:
        return {
            "RepoOwner": "acme",
            "RepoName": "demo",
            "JobType": job_type,
            "PullBaseSHA": self.merged,
            "BaseRef": "main",
            "Name": "app",
            "Context": ".",
            "Dockerfile": "",
            "BuildEngine": "buildx",
            "Tags": encoded("latest=latest"),
        }


def encoded(text: str) -> str:
    """A list of tags as contract v2 sends it."""
    return base64.b64encode(text.encode()).decode()


@contextlib.contextmanager
def azure_world(world: World, **environment: str) -> Iterator[AzureWorld]:
    """Commit the world's build context to ``acme/demo``, and import the repository's pipeline.

    ``environment`` is what the agent has beside what every agent needs.
    """
    merged, proposed = _repository(world)
    groups = {
        "oci-image-builder-development": _group(world, False),
        "oci-image-builder-production": _group(world, True),
    }
    agent = AgentSettings(groups, {**_agent_environment(world), **environment}, grace=15)
    with AzureDevOps.start() as service:
        pipeline = service.add_pipeline("oci-image-builder", DEFINITION.read_text(), agent=agent)
        yield AzureWorld(world, service, pipeline, merged, proposed)


def _repository(world: World) -> tuple[str, str]:
    place = world.folder / "git" / "acme" / "demo"
    place.parent.mkdir(parents=True)
    world.context.rename(place)
    _git(place, "init", "--quiet", "--initial-branch=main")
    _git(place, "add", ".")
    _git(place, "commit", "--quiet", "--message=first")
    merged = _git(place, "rev-parse", "HEAD")
    _git(place, "checkout", "--quiet", "-b", "proposed")
    with (place / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('RUN ["/bin/busybox", "echo", "hello from the pull request"]\n')
    _git(place, "commit", "--quiet", "--all", "--message=second")
    proposed = _git(place, "rev-parse", "HEAD")
    _git(place, "checkout", "--quiet", "main")
    _git(place, "update-ref", "refs/pull/7/head", proposed)
    _git(place, "branch", "--quiet", "-D", "proposed")
    return merged, proposed


def _git(folder: Path, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), **who}
    command = [require("git"), "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def _group(world: World, is_production: bool) -> dict[str, Variable]:
    build = {key: value for key, value in world.config.items() if key != "sign-config"}
    names = {"CONFIG_FILE": build} | ({"SIGN_CONFIG_FILE": world.config} if is_production else {})
    found = {"SOURCE_URL": Variable(f"file://{world.folder}/git")}
    for name, content in names.items():
        file = world.folder / f"{name}-{is_production}.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        found[name] = Variable(str(file))
    return found


def _agent_environment(world: World) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{world.path}",
        "HOME": str(world.folder),
        "XDG_STATE_HOME": str(world.folder / "state"),
        "SSL_CERT_FILE": str(world.secret.parent / "signing-ca.pem"),
    }

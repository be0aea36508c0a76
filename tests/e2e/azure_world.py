"""An Azure DevOps organization around a world: its pipeline, its agents, a git server's folder, an issuer."""

import base64
import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import yaml
from image_builder_stand_ins.azure_devops.agent.agent import AgentSettings
from image_builder_stand_ins.azure_devops.agent.variable import Variable
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.azure_devops.state import Pipeline
from image_builder_stand_ins.identity_issuer import IdentityIssuer

from tests import jobs
from tests.azure_devops import Client
from tests.e2e.world import World
from tests.git_repository import GitRepository

SOURCE_URL = "https://github.com"
DEFINITION = Path(__file__).parents[2] / "pipelines" / "oci-image-builder.yaml"


@final
@dataclass(frozen=True, slots=True)
class AzureWorld:
    """``merged`` is the commit of ``main``, ``proposed`` one that nobody merged, a child of it.

    ``issuer`` makes the identity tokens that the pipeline asks for; ``authorities`` is a file with all whom to trust.
    """

    world: World
    service: AzureDevOps
    pipeline: Pipeline
    issuer: IdentityIssuer
    authorities: Path
    merged: str
    proposed: str

    @property
    def client(self) -> Client:
        """A client with the personal access token."""
        return Client(self.service)

    def postsubmit(self, **changed: str) -> dict[str, str]:
        """The parameters of a push, with the token of the job that saw it."""
        token = self.issuer.token("acme/demo", "refs/heads/main", self.merged)
        return self._common("postsubmit") | {"Authorization": token} | changed

    def presubmit(self, **changed: str) -> dict[str, str]:
        """The parameters of pull request 7, without a token."""
        return self._common("presubmit") | {"PullNumber": "7", "PullPullSHA": self.proposed} | changed

    def github_push(self) -> dict[str, str]:
        """The environment of a GitHub job for the push of ``merged``, which may ask for a token."""
        claims = {"ref": "refs/heads/main", "sha": self.merged, "event_name": "push"}
        return self._github(jobs.PUSH, jobs.PUSH_EVENT, claims)

    def github_pull_request(self) -> dict[str, str]:
        """The environment of a GitHub job for pull request 7, which may ask for a token."""
        claims = {"ref": "refs/pull/7/merge", "sha": "3" * 40, "event_name": "pull_request", "base_ref": "main"}
        return self._github(jobs.PULL_REQUEST, jobs.PULL_REQUEST_EVENT, claims)

    def _github(self, job: dict[str, str], event: dict[str, Any], claims: dict[str, str]) -> dict[str, str]:
        self.issuer.jobs["build"] = {"repository": "acme/demo", **claims}
        file = self.world.folder / "event.json"
        file.write_text(self._with_commits(json.dumps(event)))
        found = {name: self._with_commits(value) for name, value in job.items()}
        trusted = {"SSL_CERT_FILE": str(self.authorities)}
        return found | {"GITHUB_EVENT_PATH": str(file)} | self.issuer.variables("build") | trusted

    def _with_commits(self, text: str) -> str:
        return text.replace(jobs.BASE, self.merged).replace(jobs.HEAD, self.proposed)

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
    with AzureDevOps.start() as service, IdentityIssuer.start() as issuer:
        groups = {
            "oci-image-builder-development": _group(world, issuer, False),
            "oci-image-builder-production": _group(world, issuer, True),
        }
        authorities = world.folder / "authorities.pem"
        signing = (world.secret.parent / "signing-ca.pem").read_bytes()
        authorities.write_bytes(signing + issuer.authority.certificate)
        agent = AgentSettings(groups, {**_agent_environment(world, authorities), **environment}, stop_seconds=15)
        pipeline = service.add_pipeline("oci-image-builder", DEFINITION.read_text(), agent=agent)
        yield AzureWorld(world, service, pipeline, issuer, authorities, merged, proposed)


def _repository(world: World) -> tuple[str, str]:
    place = world.folder / "git" / "acme" / "demo"
    place.parent.mkdir(parents=True)
    (world.context / ".git").unlink()
    world.context.rename(place)
    git = GitRepository.make(place).git
    git("add", ".")
    git("commit", "--quiet", "--message=first")
    merged = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "-b", "proposed")
    with (place / "Dockerfile").open("a") as dockerfile:
        dockerfile.write('RUN ["/bin/busybox", "echo", "hello from the pull request"]\n')
    git("commit", "--quiet", "--all", "--message=second")
    proposed = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "main")
    git("update-ref", "refs/pull/7/head", proposed)
    git("branch", "--quiet", "-D", "proposed")
    return merged, proposed


def _group(world: World, issuer: IdentityIssuer, is_production: bool) -> dict[str, Variable]:
    config = {**world.config, "production-refs": {"acme/demo": ["main"]}}
    build = {key: value for key, value in config.items() if key != "sign-config"}
    names = {"CONFIG_FILE": build} | ({"SIGN_CONFIG_FILE": config} if is_production else {})
    found = {
        "SOURCE_URL": Variable(SOURCE_URL),
        "PRODUCTION_REFS": Variable("{acme/demo: [main]}"),
        "OIDC_ISSUER": Variable(issuer.url),
        "UNMERGED_WITHOUT_AUTHORIZATION": Variable("true"),
    }
    for name, content in names.items():
        file = world.folder / f"{name}-{is_production}.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        found[name] = Variable(str(file))
    return found


def _agent_environment(world: World, authorities: Path) -> dict[str, str]:
    """Git finds the repositories of :data:`SOURCE_URL` in a folder."""
    system = world.folder / "gitconfig"
    system.write_text(f'[url "file://{world.folder}/git"]\n\tinsteadOf = {SOURCE_URL}\n')
    return {
        "GIT_CONFIG_SYSTEM": str(system),
        "PATH": f"{Path(sys.executable).parent}:{world.path}",
        "HOME": str(world.folder),
        "XDG_STATE_HOME": str(world.folder / "state"),
        "SSL_CERT_FILE": str(authorities),
    }

"""The documented job of each CI system, in our image with a shell.

The script is that of the page. The container has the variables of the system, and the user of the job and the owner of
the checkout are those of the system. A push publishes, a pull request only for development.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests import jobs
from tests.buildkit import running_daemon
from tests.documented_job import DocumentedJob, configuration_file, documented_jobs, github_step
from tests.e2e.image_world import Images
from tests.git_repository import GitRepository
from tests.small_debian import Container

# The first test makes the small Debian and the image.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

WORKSPACE, OUTPUTS = "/builds/hello", "/outputs"
# The user of the job, and the owner of the checkout. On GitHub's runners they differ.
USERS = {
    "GitHub Actions": (0, 1001),
    "GitLab CI": (0, 0),
    "Jenkins": (1000, 1000),
    "Azure Pipelines": (1001, 1001),
    "Bitbucket Pipelines": (0, 0),
    "Buildkite": (2000, 2000),
    "Tekton": (65532, 65532),
    "Woodpecker": (0, 0),
}
_MERGES = ("GitHub Actions", "Azure Pipelines", "Bitbucket Pipelines")
"""Systems that check out a merge of the pull request with its target."""


@final
@dataclass(frozen=True, slots=True)
class Site:
    """The image in a container, two daemons, a registry, and the repository of all jobs."""

    container: Container
    registry: str
    hosts: tuple[str, str]
    origin: GitRepository
    folder: Path

    def run(self, job: DocumentedJob, *, is_pull: bool) -> tuple[int, str]:
        """The exit code and the output of one run of a job."""
        user, owner = USERS[job.system]
        checkout = self._checked_out(job, is_pull=is_pull)
        outputs = self.folder / f"outputs-{job.system}-{is_pull}"
        outputs.mkdir()
        for name in ("output", "summary", "event.json"):
            (outputs / name).touch()
        variables = self._filled(job.pull if is_pull else job.push)
        if job.system == "GitHub Actions":
            event = jobs.PULL_REQUEST_EVENT if is_pull else jobs.PUSH_EVENT
            (outputs / "event.json").write_text(json.dumps(self._filled(event)).replace("demo", "hello"))
        (outputs / "script").write_text(job.script)
        self._configure(outputs, job.system)
        # git reads no repository of another user, and Buildkite's job fetches.
        origin = self.folder / f"origin-{job.system}-{is_pull}"
        shutil.copytree(self.origin.folder, origin)
        for folder in (checkout.folder, outputs, origin):
            for path in (folder, *folder.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)
        container = self.container
        home = container.root / "home" / "job"
        shutil.rmtree(home)  # each job has a container of its own
        home.mkdir()
        home.chmod(0o1777)
        container.user, container.working_directory = (user, user), WORKSPACE
        sockets = {host.removeprefix("unix://"): (Path(host.removeprefix("unix://")), True) for host in self.hosts}
        container.mounts = {
            WORKSPACE: (checkout.folder, True),
            OUTPUTS: (outputs, True),
            "/tekton/results": (outputs, True),
            "/config": (outputs, False),
            str(self.origin.folder): (origin, True),
            **sockets,
        }
        return container.run(program=(*job.shell, f"{OUTPUTS}/script"), environment=variables)

    def tags(self, job: DocumentedJob, side: str) -> list[str]:
        """The tags in the registry of one side."""
        try:
            with urlopen(f"http://{self.registry}/v2/{_slug(job.system)}/{side}/hello/tags/list", timeout=20) as answer:
                found: list[str] = json.load(answer)["tags"]
                return found
        except HTTPError:
            return []

    def _checked_out(self, job: DocumentedJob, *, is_pull: bool) -> GitRepository:
        clone = self.origin.clone(self.folder / f"checkout-{job.system}-{is_pull}")
        head = self.origin.git("rev-parse", "fix")
        if is_pull and job.system in _MERGES:
            clone.git("branch", "--quiet", "--track", "fix", "origin/fix")
            clone.git("merge", "--quiet", "--no-ff", "-m", "merge", head)
        elif is_pull:
            clone.git("checkout", "--quiet", "--detach", head)
        return clone

    def _filled(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """The same with the commits of the repository."""
        text = json.dumps(content)
        for placeholder, ref in ((jobs.BASE, "main"), (jobs.HEAD, "fix")):
            commit = self.origin.git("rev-parse", ref)
            text = text.replace(placeholder, commit).replace(f'"{placeholder[:12]}"', f'"{commit[:12]}"')
        filled: dict[str, Any] = json.loads(text)
        return filled

    def _configure(self, folder: Path, system: str) -> None:
        content = configuration_file()
        place = f"{self.registry}/{_slug(system)}"
        content |= {"registry": f"{place}/prod", "dev-registry": f"{place}/dev"}
        content["engines"] = {"buildkit": {"host": self.hosts[0], "dev-host": self.hosts[1]}}
        (folder / "image-builder-config.yaml").write_text(json.dumps(content))


def _slug(system: str) -> str:
    return system.partition(" ")[0].lower()


@pytest.fixture(scope="module")
def site(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything is made once, because unpacking an image takes longer than a job."""
    folder = tmp_path_factory.mktemp("site")
    container = images.ci(folder / "container")
    origin = GitRepository.make(folder / "origin")
    origin.commit(Dockerfile="FROM scratch\nCOPY Dockerfile /Dockerfile\n")
    origin.proposal("fix", Dockerfile="FROM scratch\nCOPY Dockerfile /proposed\n")
    with running_daemon(folder / "one") as one, running_daemon(folder / "two") as two:
        for host in (one, two):
            os.chmod(host.removeprefix("unix://"), 0o666)  # as an address in the network is for every user
        yield Site(container, images.registry.host_port, (one, two), origin, folder)


def github() -> DocumentedJob:
    script, variables = github_step()
    files = {"GITHUB_EVENT_PATH": "event.json", "GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    common = {**variables, **{name: f"{OUTPUTS}/{file}" for name, file in files.items()}, "HOME": OUTPUTS}
    named = {"GITHUB_REPOSITORY": "acme/hello", "GITHUB_WORKSPACE": WORKSPACE}
    push, pull = ({**job, **common, **named} for job in (jobs.PUSH, jobs.PULL_REQUEST))
    return DocumentedJob("GitHub Actions", script, ("sh", "-e"), push, pull)


JOBS = [pytest.param(job, id=job.system) for job in (github(), *documented_jobs())]


@pytest.mark.parametrize("job", JOBS)
def test_documented_job_publishes_a_push_and_keeps_a_pull_request_in_development(
    job: DocumentedJob, site: Site
) -> None:
    code, out = site.run(job, is_pull=True)
    assert code == 0, out[-3000:]
    assert "latest" in site.tags(job, "dev")
    assert site.tags(job, "prod") == []
    code, out = site.run(job, is_pull=False)
    assert code == 0, out[-3000:]
    assert "latest" in site.tags(job, "prod")
    outputs = site.folder / f"outputs-{job.system}-False"
    if job.system == "GitHub Actions":
        assert f"{site.registry}/github/prod/hello:latest" in (outputs / "output").read_text()
        assert "### hello: success" in (outputs / "summary").read_text()
    if job.system == "Tekton":
        url, digest, listed = ((outputs / name).read_text() for name in ("IMAGE_URL", "IMAGE_DIGEST", "IMAGES"))
        assert (url, listed) == (f"{site.registry}/tekton/prod/hello", f"{url}@{digest}")

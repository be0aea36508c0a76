"""The environment of one run of any mode: stand-in servers, a job, a build context, and an engine that needs no daemon.

``with mode_world(folder) as world:`` gives a world on a laptop. Everything that a command may write lies below
``folder``. Only processes are started here: no module of the product is imported.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TextIO, final

import yaml
from image_builder_domain.publish.identity import REVISION, SOURCE
from image_builder_stand_ins.azure_devops.service import AzureDevOps
from image_builder_stand_ins.certificates import MutualTls, mutual_tls
from image_builder_stand_ins.registry import Registry
from image_builder_stand_ins.signing_service import SigningService
from image_builder_stand_ins.signing_service.protocol import Protocol
from image_builder_stand_ins.signing_service.state import ServiceOptions

from tests import jobs
from tests.e2e import run
from tests.e2e.run import Finished, Process
from tests.e2e.settings import sign_config
from tests.foreign_package import Package
from tests.git_repository import BASE_COMMIT, HEAD_COMMIT, check_out
from tests.jobs import prow_job
from tests.oci_registry import push_image
from tests.programs import require

REPOSITORY = Path(__file__).parents[2]
TAR_ENGINE = REPOSITORY / "examples" / "tar-engine" / "src"
NOT_OF_A_RUN = ("context", "context.git", "programs", "plugins", "signing")
"""Folders of the world that a command reads."""


@final
@dataclass
class ModeWorld:
    """Change ``environment``, ``config`` or ``programs`` (the ``PATH``) before a run.

    ``locked`` is a registry that asks for a password, which nothing here knows.
    """

    folder: Path
    registry: Registry
    locked: Registry
    signing: SigningService
    service: AzureDevOps
    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    programs: str = ""

    def __post_init__(self) -> None:
        for name in ("context", "job", "programs", "signing", "artifacts"):
            (self.folder / name).mkdir()
        self.programs = str(self.folder / "programs")
        (self.folder / "programs" / "git").symlink_to(require("git"))
        self.write("context/Dockerfile", "FROM scratch\nADD rootfs.tar /\n")
        with tarfile.open(self.folder / "context" / "rootfs.tar", "w") as archive:
            archive.addfile(tarfile.TarInfo("hello"), io.BytesIO())
        self._install()
        self._configure()
        self.become("laptop")

    @property
    def pipeline_definition(self) -> str:
        """The pipeline of this repository."""
        return (REPOSITORY / "pipelines" / "oci-image-builder.yaml").read_text()

    @property
    def places(self) -> dict[str, str]:
        """What differs in every run, by the name that stands for it in examples."""
        return {
            "{folder}": str(self.folder),
            "{registry}": self.registry.host_port,
            "{locked}": self.locked.host_port.replace("127.0.0.1", "localhost"),  # comes last where names are sorted
            "{signing}": self.signing.url.split("/")[2],
            "{azure}": self.service.organization_url.split("/")[2],
            "{repository}": str(REPOSITORY),
        }

    def fill(self, text: str) -> str:
        """The text with what the names of :attr:`places` stand for."""
        for name, value in self.places.items():
            text = text.replace(name, value)
        return text

    def write(self, path: str, content: str) -> None:
        """Write a file below the folder."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.fill(content))

    def become(self, job: str) -> None:
        """Become a job of this name."""
        self.environment = _JOBS[job](self)

    @property
    def identity(self) -> dict[str, str]:
        """What an image of the job says of itself."""
        return {SOURCE: "https://github.com/acme/demo", REVISION: self.environment.get("PULL_BASE_SHA", "")}

    def push(self, repository: str, tag: str, annotations: Mapping[str, str] | None = None) -> str:
        """Bring an image into the registry that nobody built here; its digest."""
        pushed = push_image(self.registry.host_port, repository, tag, marker=tag, annotations=annotations)
        return str(pushed.descriptor.digest)

    def start(self, words: list[str], out: TextIO | None = None, pipe_size: int = -1, **environment: str) -> Process:
        """Start an installed command in the folder of the job."""
        self.write("config.yaml", yaml.safe_dump(self.config, sort_keys=False))
        own = {
            "PATH": self.programs,
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "SSL_CERT_FILE": str(self.folder / "signing" / "ca.pem"),
            "SOURCE_DATE_EPOCH": "1700000000",
            "PYTHONPATH": os.pathsep.join((str(self.folder / "plugins"), str(TAR_ENGINE))),
        }
        filled = [self.fill(word) for word in words]
        variables = {**own, **self.environment, **environment}
        return run.start(filled, self.folder / "job", variables, out=out, pipe_size=pipe_size)

    def run(self, words: list[str]) -> Finished:
        """Run an installed command to its end."""
        return self.finished(self.start(words))

    def finished(self, process: Process) -> Finished:
        """Wait for the end of a command."""
        return run.finished(process, self.folder / "artifacts")

    def files(self) -> dict[str, bytes]:
        """Every file that a run may have written but what BuildKit keeps, by its path below the folder."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            place = path.relative_to(self.folder)
            is_read = place.parts[0] in (*NOT_OF_A_RUN, "config.yaml")
            if not is_read and "buildkit" not in place.parts and path.is_file():
                found[str(place)] = path.read_bytes()
        return found

    def _install(self) -> None:
        package = Package(self.folder / "plugins", "", "image_builder.engines")
        package.folder.mkdir()
        package.install("", "tar", "", "tar")
        info = package.folder / "tar-1.2.dist-info" / "entry_points.txt"
        info.write_text("[image_builder.engines]\ntar = tar_engine:TAR\n")

    def _configure(self) -> None:
        tls = _mutual_tls()
        (self.folder / "signing" / "client.json").touch(mode=0o600)
        (self.folder / "signing" / "client.json").write_bytes(tls.authority.issue_client().as_secret())
        (self.folder / "signing" / "ca.pem").write_bytes(tls.authority.certificate)
        self.config = {
            "registry": f"{self.registry.host_port}/prod",
            "dev-registry": f"{self.registry.host_port}/dev",
            "engines": {"tar": {"layouts": str(self.folder / "layouts")}},
            "sign-config": sign_config(self.signing.url, self.folder / "signing" / "client.json"),
        }


def _laptop(world: ModeWorld) -> dict[str, str]:
    check_out(world.folder / "context", BASE_COMMIT)
    return {"CI": "false"}  # tests may run in a container without a terminal


def _prow(world: ModeWorld, *, merged: bool) -> dict[str, str]:
    check_out(world.folder / "context", BASE_COMMIT if merged else HEAD_COMMIT)
    pulls = () if merged else ((7, HEAD_COMMIT),)
    job = prow_job("postsubmit" if merged else "presubmit", BASE_COMMIT, *pulls)
    return job | {"ARTIFACTS": str(world.folder / "artifacts")}


def _github(world: ModeWorld, job: Mapping[str, str], event: Mapping[str, Any], *, merged: bool) -> dict[str, str]:
    check_out(world.folder / "context", BASE_COMMIT if merged else HEAD_COMMIT)
    files = {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": "", "GITHUB_EVENT_PATH": json.dumps(_real(event))}
    for name, content in files.items():
        world.write(f"github/{name}", content)
    return _real(job) | {name: str(world.folder / "github" / name) for name in files}


def _azure(world: ModeWorld) -> dict[str, str]:
    check_out(world.folder / "context", BASE_COMMIT)
    world.config |= jobs.LISTED
    return _real(jobs.AZURE_PUSH)


def _real(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same variables or payload with the commits that can be checked out."""
    text = json.dumps(content).replace(jobs.BASE, BASE_COMMIT).replace(jobs.HEAD, HEAD_COMMIT)
    found: dict[str, Any] = json.loads(text)
    return found


_JOBS = {
    "laptop": _laptop,
    "prow postsubmit": lambda world: _prow(world, merged=True),
    "prow presubmit": lambda world: _prow(world, merged=False),
    "github push": lambda world: _github(world, jobs.PUSH, jobs.PUSH_EVENT, merged=True),
    "github pull request": lambda world: _github(world, jobs.PULL_REQUEST, jobs.PULL_REQUEST_EVENT, merged=False),
    "azure push": _azure,
}


@cache
def _mutual_tls() -> MutualTls:
    return mutual_tls()


@contextmanager
def mode_world(folder: Path) -> Iterator[ModeWorld]:
    """A world in an empty folder."""
    options = ServiceOptions(Protocol.V2, tls=_mutual_tls().server_context)
    with ExitStack() as stack:
        registry, locked = (stack.enter_context(Registry.start(who)) for who in (None, ("kim", "a-password")))
        signing, service = stack.enter_context(SigningService.start(options)), stack.enter_context(AzureDevOps.start())
        yield ModeWorld(folder, registry, locked, signing, service)

"""The environment of one build: two registries, a signing service, a job's variables and a build context."""

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, final

import yaml
from image_builder_stand_ins.signing_service import SigningService

from tests.e2e import run
from tests.e2e.run import SECONDS, Finished, Process
from tests.e2e.settings import sign_config
from tests.git_repository import BASE_COMMIT, HEAD_COMMIT, check_out
from tests.jobs import prow_job
from tests.oci_registry import RunningRegistry
from tests.programs import require

COMMIT, HEAD = BASE_COMMIT, HEAD_COMMIT
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"


def run_step(script: str, flags: str = "") -> str:
    """A RUN line that gives ``script`` to busybox's shell, which is ``$b``."""
    return f"RUN {flags} {json.dumps(['/bin/busybox', 'sh', '-c', f'b=/bin/busybox; {script}'])}"


@final
@dataclass
class World:
    """Change ``config`` and ``environment`` before a run."""

    folder: Path
    registry: RunningRegistry
    mirror: RunningRegistry
    signing: SigningService
    secret: Path
    config: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    path: str = field(default_factory=lambda: os.environ["PATH"])
    python: str = sys.executable

    def __post_init__(self) -> None:
        self.context.mkdir()
        self.artifacts.mkdir()
        shutil.copy(require("busybox"), self.context / "busybox")
        self.dockerfile('RUN ["/bin/busybox", "echo", "hello from the RUN step"]')
        self.config = {
            "registry": [f"{self.registry.host_port}/prod", f"{self.mirror.host_port}/prod"],
            "dev-registry": f"{self.registry.host_port}/dev",
            "sign-config": sign_config(self.signing.url, self.secret),
        }

    @property
    def context(self) -> Path:
        """The build context."""
        return self.folder / "context"

    @property
    def artifacts(self) -> Path:
        """``$ARTIFACTS``."""
        return self.folder / "artifacts"

    def dockerfile(self, *lines: str) -> None:
        """Write a Dockerfile that begins with busybox alone."""
        first = ("FROM scratch", "ARG VERSION", "COPY busybox /bin/busybox")
        (self.context / "Dockerfile").write_text("\n".join((*first, *lines, "")))

    def variants(self, *names: str) -> None:
        """Write variants whose argument VERSION is their name."""
        (self.context / "variants.yaml").write_text("".join(f"'{name}': {{VERSION: '{name}'}}\n" for name in names))

    def postsubmit(self) -> None:
        """Become a Prow postsubmit job."""
        self.environment = {**prow_job("postsubmit", COMMIT), "USE_BUILDKIT": "true"}
        check_out(self.context, COMMIT)

    def presubmit(self) -> None:
        """Become a Prow presubmit job of pull request 7."""
        self.environment = {**prow_job("presubmit", COMMIT, (7, HEAD)), "USE_BUILDKIT": "true"}
        check_out(self.context, HEAD)

    def start(
        self,
        *arguments: str,
        name: str | None = "app",
        config: str | None = None,
        report: str | None = None,
        out: BinaryIO | None = None,
        err: BinaryIO | None = None,
    ) -> Process:
        """Start a build as a job would."""
        defaults = [
            *("--config", config or self.config_file(), "--context", str(self.context)),
            *("--build-report-path", report or str(self.artifacts / "report.json")),
            *(("--name", name) if name is not None else ()),
        ]
        return self.launch("image-builder", *arguments, *defaults, out=out, err=err)

    def config_file(self) -> str:
        """Write the configuration file."""
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        return str(file)

    def launch(self, *words: str, out: BinaryIO | None = None, err: BinaryIO | None = None) -> Process:
        """Start an installed command."""
        own = {
            "PATH": self.path,
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "ARTIFACTS": str(self.artifacts),
            "SSL_CERT_FILE": str(self.secret.parent / "signing-ca.pem"),
            "CI": "false",  # tests outside CI may run in a container without a terminal
        }
        environment = {**own, **self.environment}
        return run.start(words, self.folder, environment, python=self.python, out=out, err=err)

    def run(
        self, *arguments: str, name: str | None = "app", config: str | None = None, report: str | None = None
    ) -> Finished:
        """Run the command to its end."""
        return self.finished(self.start(*arguments, name=name, config=config, report=report))

    def command(self, *words: str) -> Finished:
        """Run an installed command to its end."""
        return self.finished(self.launch(*words))

    def sign(self, *arguments: str, program: str = "image-signer") -> Finished:
        """Run ``image-signer``, or another command that signs, to its end."""
        report = str(self.artifacts / "report.json")
        return self.command(program, *arguments, "--config", self.config_file(), "--build-report-path", report)

    def finished(self, process: Process, seconds: float = SECONDS) -> Finished:
        """Wait for the end of a command."""
        return run.finished(process, self.artifacts, seconds)

    def manifest(self, reference: str) -> bytes | None:
        """The manifest under ``host/path:tag``, None when the registry does not hold it."""
        host, _, rest = reference.partition("/")
        path, _, tag = rest.rpartition(":")
        request = urllib.request.Request(f"http://{host}/v2/{path}/manifests/{tag}", headers={"Accept": MANIFESTS})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

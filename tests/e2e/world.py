"""A small world for one command: two registries, a signing service, a job's environment and a build context."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, final

import yaml
from image_builder_stand_ins.signing_service import SigningService

from tests.git_repository import BASE_COMMIT, HEAD_COMMIT, check_out
from tests.jobs import prow_job
from tests.oci_registry import RunningRegistry
from tests.programs import require

COMMIT, HEAD = BASE_COMMIT, HEAD_COMMIT
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
TIMEOUT = 60


def run_step(script: str, flags: str = "") -> str:
    """A RUN line that gives ``script`` to busybox's shell, which is ``$b``."""
    return f"RUN {flags} {json.dumps(['/bin/busybox', 'sh', '-c', f'b=/bin/busybox; {script}'])}"


@final
@dataclass(frozen=True, slots=True)
class Finished:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str
    artifacts: Path

    @property
    def report(self) -> dict[str, Any]:
        """The build report."""
        found: dict[str, Any] = json.loads((self.artifacts / "report.json").read_text())
        return found

    def log(self, name: str = "app") -> str:
        """The engine's log."""
        return (self.artifacts / f"build_{name}.log").read_text()


@final
@dataclass
class World:
    """Everything that the command meets. Change ``config`` and ``environment`` before a run."""

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
            "sign-config": {
                "enabled-signers": {"*": ["local"]},
                "signers": [
                    {
                        "name": "local",
                        "type": "notary",
                        "config": {
                            "endpoint": self.signing.url,
                            "retry-timeout": "100ms",
                            "secret": {"path": str(self.secret), "type": "mtls"},
                        },
                    }
                ],
            },
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
    ) -> "subprocess.Popen[str]":
        """Start a build as a job would."""
        defaults = [
            *("--config", config or self.config_file(), "--context", str(self.context)),
            *("--build-report-path", report or str(self.artifacts / "report.json")),
            *(("--name", name) if name is not None else ()),
        ]
        return self.launch("image_builder", *arguments, *defaults, out=out, err=err)

    def config_file(self) -> str:
        """Write the configuration file."""
        file = self.folder / "config.yaml"
        file.write_text(yaml.safe_dump(self.config, sort_keys=False))
        return str(file)

    def launch(
        self, module: str, *arguments: str, out: BinaryIO | None = None, err: BinaryIO | None = None
    ) -> "subprocess.Popen[str]":
        """Start a command of ours; nothing of the tests' own environment is passed on."""
        own = {
            "PATH": self.path,
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "ARTIFACTS": str(self.artifacts),
            "SSL_CERT_FILE": str(self.secret.parent / "signing-ca.pem"),
            "CI": "false",  # tests outside CI may run in a container without a terminal
        }
        return subprocess.Popen(
            [self.python, "-m", module, *arguments],
            env={**own, **self.environment},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if out is None else out,
            stderr=subprocess.PIPE if err is None else err,
            text=True,
            errors="replace",
        )

    def run(
        self, *arguments: str, name: str | None = "app", config: str | None = None, report: str | None = None
    ) -> Finished:
        """Run the command to its end."""
        return self.finished(self.start(*arguments, name=name, config=config, report=report))

    def sign(self, *arguments: str, module: str = "image_builder.sign_only") -> Finished:
        """Run ``image-signer``, or another command that signs, to its end."""
        report = str(self.artifacts / "report.json")
        return self.finished(
            self.launch(module, *arguments, "--config", self.config_file(), "--build-report-path", report)
        )

    def finished(self, process: "subprocess.Popen[str]") -> Finished:
        """Wait for the end of a command."""
        out, err = process.communicate(timeout=TIMEOUT)
        return Finished(process.returncode, out, err, self.artifacts)

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

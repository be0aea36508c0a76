"""A registry with both images of ours, built with this tool on a small Debian, and a job to run them in."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from image_builder_contracts.servers.fixtures import SecuredService

from tests.e2e.world import COMMIT, MANIFESTS
from tests.machine import Container, tell, unpack_image
from tests.oci_registry import RunningRegistry
from tests.programs import require

REPOSITORY = Path(__file__).parents[2]
# As moby/buildkit's own: set-user-ID programs could not write the maps in a container, where root has little power.
ROOTLESS = """FROM {base}
COPY buildctl buildkitd runc rootlesskit /usr/local/bin/
RUN useradd --uid 1000 --create-home user && echo user:100000:65536 | tee /etc/subuid > /etc/subgid
RUN cd /usr/bin && chmod u-s newuidmap newgidmap && setcap cap_setuid=ep newuidmap && setcap cap_setgid=ep newgidmap
"""
# The second stage brings a system of its own over the first one's, and neither leaves our trust or our libraries alone.
STAGES = """FROM {base} AS one
RUN python3 -c "print('made by one', file=open('/made', 'w'))" && rm -rf /etc/ssl
FROM {base}
RUN echo broken > /etc/ssl/openssl.cnf && rm -rf /lib/x86_64-linux-gnu/libssl* /usr/lib/python3*
COPY --from=one /made /made
RUN test "$(cat /made)" = "made by one"
"""

@final
@dataclass(frozen=True, slots=True)
class Images:
    """A registry with the two images, and what they were made of."""

    folder: Path
    registry: RunningRegistry
    made: set[str] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"{self.registry.host_port}/made/debian:latest"

    def build(self, name: str, backend: str, context: Path, *arguments: str) -> float:
        """Build with this tool, outside CI; gives the seconds it took."""
        config = self.folder / "config.yaml"
        config.write_text(f"registry: {self.registry.host_port}/made\n")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "KANIKO_EXECUTOR": require("executor"),
            "PULL_BASE_SHA": COMMIT,
        }
        words = [
            "--backend",
            backend,
            "--config",
            str(config),
            "--name",
            name,
            "--tag",
            "latest",
            "--context",
            str(context),
        ]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "image_builder", *words, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return time.monotonic() - started

    def make_debian(self, tarball: Path) -> None:
        """The base of everything else."""
        self.build("debian", "buildkit", context(self.folder / "debian", "FROM scratch\nADD rootfs.tar /\n", rootfs=tarball))

    def make_ours(self, name: str, source: str, backend: str, dockerfile: str, **files: Path) -> None:
        """Build an image of ours, once, from the base and from the image ``source``, which is made of ``files``."""
        if name in self.made:
            return
        self.build(source, "buildkit", context(self.folder / source, dockerfile.format(base=self.base), **files))
        argument = f"{source.upper()}={self.registry.host_port}/made/{source}:latest"
        words = ["--build-arg", f"BASE={self.base}", "--build-arg", argument]
        seconds = self.build(name, backend, REPOSITORY, "--dockerfile", f"images/{source}/Dockerfile", *words)
        tell(f"{name}: built with {backend} in {seconds:.0f} s")
        self.made.add(name)

    def get(self, name: str, what: str) -> bytes:
        address = f"http://{self.registry.host_port}/v2/made/{name}/{what}"
        with urllib.request.urlopen(
            urllib.request.Request(address, headers={"Accept": MANIFESTS}), timeout=60
        ) as answer:
            body: bytes = answer.read()
            return body

    def container(self, name: str, folder: Path) -> Container:
        """The image, unpacked and ready to run; tells its size."""
        manifest = json.loads(self.get(name, "manifests/latest"))
        config = json.loads(self.get(name, f"blobs/{manifest['config']['digest']}"))["config"]
        layers = [gzip.decompress(self.get(name, f"blobs/{layer['digest']}")) for layer in manifest["layers"]]
        unpack_image(layers, folder / "root")
        size, unpacked = sum(layer["size"] for layer in manifest["layers"]), sum(map(len, layers))
        tell(f"{name}: {size / 1e6:.1f} MB in the registry, {unpacked / 1e6:.1f} MB unpacked")
        environment = dict(variable.split("=", 1) for variable in config["Env"])
        user, _, group = (config.get("User") or "0:0").partition(":")
        return Container(folder, environment, tuple(config["Entrypoint"]), (int(user), int(group)))


def context(folder: Path, dockerfile: str, **files: Path) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    for name, source in files.items():
        os.link(source, folder / f"{name}.tar") if source.suffix == ".tar" else shutil.copy(source, folder / name)
    return folder


def run_job(
    images: Images, container: Container, signing: SecuredService, folder: Path
) -> tuple[int, str, dict[str, Any]]:
    """Run the image as a postsubmit job would; exit code, output and report."""
    job = prepare_job(images, container, signing, folder)
    code, out = container.run(*JOB, environment=job)
    report = folder / "logs" / "report.json"
    return code, out, json.loads(report.read_text()) if report.exists() else {}


def prepare_job(images: Images, container: Container, signing: SecuredService, folder: Path) -> dict[str, str]:
    """Mount a postsubmit job's files; gives its environment."""
    assert signing.ca is not None
    workspace = context(folder / "workspace", STAGES.format(base=images.base))
    secret = context(folder / "secret", "")
    shutil.copy(signing.secret, secret / "notary.json")
    shutil.copy(signing.ca, secret / "ca.pem")
    config = context(folder / "config", "")
    signer = {
        "name": "local",
        "type": "notary",
        "config": {"endpoint": signing.service.url, "secret": {"path": "/secret/notary.json", "type": "mtls"}},
    }
    settings = {
        "registry": f"{images.registry.host_port}/prod",
        "sign-config": {"enabled-signers": {"*": ["local"]}, "signers": [signer]},
    }
    (config / "image-builder-config.yaml").write_text(json.dumps(settings))
    logs = folder / "logs"
    logs.mkdir()
    for file in (workspace, secret, config, logs, *secret.iterdir()):
        os.chown(file, *container.user)
    mounts = {"/workspace": workspace, "/secret": secret, "/config": config, "/logs": logs}
    container.mounts = {target: (source, source is logs) for target, source in mounts.items()}
    refs = {"org": "acme", "repo": "demo", "base_ref": "main", "base_sha": COMMIT}
    return {
        "CI": "true",
        "PROW_JOB_ID": "6d1f",
        "JOB_TYPE": "postsubmit",
        "JOB_NAME": "build",
        "BUILD_ID": "1",
        "REPO_OWNER": "acme",
        "REPO_NAME": "demo",
        "PULL_BASE_REF": "main",
        "PULL_BASE_SHA": COMMIT,
        "PULL_REFS": f"main:{COMMIT}",
        "JOB_SPEC": json.dumps({"type": "postsubmit", "job": "build", "buildid": "1", "refs": refs}),
        "ARTIFACTS": "/logs",
        "SSL_CERT_FILE": "/secret/ca.pem",
    }



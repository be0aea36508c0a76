"""Both images of ours: built with this tool on a small Debian, then run, to build, push and sign in their turn."""

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pytest
from image_builder_contracts.servers.fixtures import SecuredService

from tests.e2e.world import COMMIT, MANIFESTS
from tests.machine import Container, debian_tarball, tell, unpack_image
from tests.oci_registry import RunningRegistry, start_registry
from tests.programs import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

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

JOB = ("--name=app", "--tag=latest", "--context=/workspace", "--build-report-path=/logs/report.json")


@final
@dataclass(frozen=True, slots=True)
class Images:
    """A registry with the two images, and what they were made of."""

    folder: Path
    registry: RunningRegistry

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


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    for program in ("buildctl", "buildkitd", "runc", "executor"):
        require(program)
    tarball, folder = debian_tarball(), tmp_path_factory.mktemp("images")
    with start_registry(folder / "registry") as registry:
        found = Images(folder, registry)
        found.build(
            "debian", "buildkit", context(folder / "debian", "FROM scratch\nADD rootfs.tar /\n", rootfs=tarball)
        )
        yield found


def context(folder: Path, dockerfile: str, **files: Path) -> Path:
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    for name, source in files.items():
        os.link(source, folder / f"{name}.tar") if source.suffix == ".tar" else shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def kaniko_container(images: Images, tmp_path: Path) -> Container:
    source = context(
        tmp_path / "kaniko", "FROM scratch\nCOPY executor /kaniko/executor\n", executor=Path(require("executor"))
    )
    images.build("kaniko", "buildkit", source)
    arguments = [f"BASE={images.base}", f"KANIKO={images.registry.host_port}/made/kaniko:latest"]
    made_from = [
        "--dockerfile",
        "images/kaniko/Dockerfile",
        *(word for text in arguments for word in ("--build-arg", text)),
    ]
    tell(f"image-builder: built with kaniko in {images.build('image-builder', 'kaniko', REPOSITORY, *made_from):.0f} s")
    return images.container("image-builder", tmp_path / "container")


def test_kaniko_image_builds_pushes_and_signs(
    images: Images, kaniko_container: Container, mtls_signing_service: SecuredService, tmp_path: Path
) -> None:
    measure_start_up("image-builder", kaniko_container)
    code, out, report = run_job(images, kaniko_container, mtls_signing_service, tmp_path)
    assert code == 0, out[-4000:]
    assert (report["pushed"], report["signed"]) == (True, True)
    assert {str(image.digest) for image in mtls_signing_service.service.received} == {report["digest"]}


@pytest.fixture
def buildkit_container(images: Images, tmp_path: Path) -> Container:
    programs = {name: Path(require(name)) for name in ("buildctl", "buildkitd", "runc", "rootlesskit")}
    images.build("rootless", "buildkit", context(tmp_path / "rootless", ROOTLESS.format(base=images.base), **programs))
    arguments = [f"BASE={images.base}", f"BUILDKIT={images.registry.host_port}/made/rootless:latest"]
    words = ["--dockerfile", "images/buildkit/Dockerfile"]
    words += [word for text in arguments for word in ("--build-arg", text)]
    seconds = images.build("buildkit-image-builder", "buildkit", REPOSITORY, *words)
    tell(f"buildkit-image-builder: built with BuildKit in {seconds:.0f} s")
    return images.container("buildkit-image-builder", tmp_path / "container")


def test_buildkit_image_builds_pushes_and_signs_without_being_root(
    images: Images, buildkit_container: Container, mtls_signing_service: SecuredService, tmp_path: Path
) -> None:
    assert buildkit_container.user == (1000, 1000)
    measure_start_up("buildkit-image-builder", buildkit_container)
    code, out, report = run_job(images, buildkit_container, mtls_signing_service, tmp_path)
    assert code == 0, out[-4000:]
    assert (report["pushed"], report["signed"]) == (True, True)
    assert {str(image.digest) for image in mtls_signing_service.service.received} == {report["digest"]}


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


def measure_start_up(name: str, container: Container) -> None:
    """Tell how long the image takes to say its version, the container's own start included and alone."""
    taken: dict[str, list[float]] = {"--version": [], "nothing": []}
    nothing = (*_python(container), "-I", "-S", "-c", "pass")
    for _ in range(5):
        for what, program in (("--version", container.entrypoint), ("nothing", nothing)):
            started = time.monotonic()
            code, out = container.run(*(["--version"] if what == "--version" else []), program=program)
            taken[what].append(time.monotonic() - started)
            assert code == 0, out
    ours, bare = (statistics.median(values) * 1000 for values in taken.values())
    tell(f"{name}: tells its version after {ours:.0f} ms; a container whose Python does nothing: {bare:.0f} ms")


def _python(container: Container) -> tuple[str]:
    entry = container.root / os.readlink(container.root / container.entrypoint[0].lstrip("/")).lstrip("/")
    return (entry.read_text().split("\n", 1)[0].removeprefix("#!").split()[0],)

"""A registry with our two images, built with this tool on a small Debian, and the jobs that run them."""

import gzip
import json
import os
import shutil
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from image_builder_stand_ins.fixtures import SecuredService

from tests.e2e import run
from tests.e2e.settings import sign_config
from tests.e2e.world import COMMIT, HEAD, MANIFESTS
from tests.git_repository import check_out
from tests.jobs import prow_job
from tests.oci_registry import RunningRegistry
from tests.programs import require
from tests.small_debian import Container, tell, unpack_image

REPOSITORY = Path(__file__).parents[2]
# The same as moby/buildkit's own image, with its environment for a daemon that it serves. In a container set-user-ID
# programs could not write the identity maps, because root lacks the capabilities there.
_ROOTLESS = """FROM {base}
COPY buildctl buildkitd runc rootlesskit /usr/bin/
RUN useradd --uid 1000 --create-home user && echo user:100000:65536 | tee /etc/subuid > /etc/subgid
RUN cd /usr/bin && chmod u-s newuidmap newgidmap && setcap cap_setuid=ep newuidmap && setcap cap_setgid=ep newgidmap
RUN echo exit 9 > /usr/bin/buildctl-daemonless.sh && chmod 755 /usr/bin/buildctl-daemonless.sh
RUN mkdir -p /run/user/1000 /home/user/.local/tmp && chown -R user /run/user/1000 /home/user
USER 1000:1000
ENV HOME=/home/user USER=user XDG_RUNTIME_DIR=/run/user/1000 TMPDIR=/home/user/.local/tmp
ENV BUILDKIT_HOST=unix:///run/user/1000/buildkit/buildkitd.sock
"""
_KANIKO = "FROM scratch\nCOPY executor /kaniko/executor\n"
# The second stage replaces the system of the first one. Both damage certificate authorities, libraries or the rules for
# host names.
STAGES = """FROM {base} AS one
RUN python3 -c "print('made by one', file=open('/made', 'w'))" && rm -rf /etc/ssl
FROM {base}
RUN echo broken > /etc/ssl/openssl.cnf && rm -rf /lib/x86_64-linux-gnu/libssl* /usr/lib/python3*
RUN echo hosts: broken > /etc/nsswitch.conf
COPY --from=one /made /made
RUN test "$(cat /made)" = "made by one"
"""


@final
@dataclass(slots=True)
class Images:
    """The registry, and the images that it already holds."""

    folder: Path
    registry: RunningRegistry
    made: set[str] = field(default_factory=set)

    @property
    def base(self) -> str:
        """The small Debian's reference."""
        return f"{self.registry.host_port}/made/debian:latest"

    def make_debian(self, tarball: Path) -> None:
        """Make the base of all other images."""
        source = write_context(self.folder / "debian", "FROM scratch\nADD rootfs.tar /\n")
        shutil.copy(tarball, source / "rootfs.tar")
        self._build("debian", "buildkit", source)

    def kaniko(self, folder: Path) -> Container:
        """``image-builder``, built with kaniko, unpacked in ``folder``."""
        self._make_ours("image-builder", "kaniko", _KANIKO, "executor")
        return self._container("image-builder", folder)

    def buildkit(self, folder: Path) -> Container:
        """``buildkit-image-builder``, built with BuildKit, unpacked in ``folder``."""
        programs = ("buildctl", "buildkitd", "runc", "rootlesskit")
        self._make_ours("buildkit-image-builder", "buildkit", _ROOTLESS.format(base=self.base), *programs)
        return self._container("buildkit-image-builder", folder)

    def ci(self, folder: Path) -> Container:
        """``ci-image-builder``, unpacked in ``folder``. Its base is the small Debian; buildctl is all that it takes."""
        self._make_ours("ci-image-builder", "ci", "FROM scratch\nCOPY buildctl /usr/bin/\n", "buildctl")
        return self._container("ci-image-builder", folder)

    def _make_ours(self, name: str, engine: str, dockerfile: str, *programs: str) -> None:
        """Build one of our images once, from the base and an image with the engine's programs."""
        if name in self.made:
            return
        source = write_context(self.folder / engine, dockerfile)
        for program in programs:
            shutil.copy(require(program), source / program)
        self._build(engine, "buildkit", source)
        made = f"{self.registry.host_port}/made/{engine}:latest"
        arguments = {
            "BASE": self.base,
            **({"CI": self.base, "BUILDKIT": made} if engine == "ci" else {engine.upper(): made}),
        }
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        backend = "kaniko" if engine == "kaniko" else "buildkit"
        seconds = self._build(name, backend, REPOSITORY, "--dockerfile", f"images/{engine}/Dockerfile", *words)
        tell(f"{name}: built with {backend} in {seconds:.0f} s")
        self.made.add(name)

    def _build(self, name: str, backend: str, context: Path, *arguments: str) -> float:
        """Build with this tool, outside CI. Returns the seconds that it took."""
        config = self.folder / "config.yaml"
        config.write_text(f"registry: {self.registry.host_port}/made\n")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PULL_BASE_SHA": COMMIT}
        environment |= {"CI": "false", "KANIKO_EXECUTOR": require("executor")}
        words = ["image-builder", "--backend", backend, "--config", str(config), "--name", name, "--tag", "latest"]
        started = time.monotonic()
        words += ["--context", str(context), *arguments]
        done = run.finished(run.start(words, self.folder, environment), self.folder, seconds=600)
        assert done.code == 0, (done.out + done.err)[-4000:]
        return time.monotonic() - started

    def _container(self, name: str, folder: Path) -> Container:
        manifest = json.loads(self._get(name, "manifests/latest"))
        config = json.loads(self._get(name, f"blobs/{manifest['config']['digest']}"))["config"]
        layers = [gzip.decompress(self._get(name, f"blobs/{layer['digest']}")) for layer in manifest["layers"]]
        unpack_image(layers, folder / "root")
        size = sum(layer["size"] for layer in manifest["layers"])
        tell(f"{name}: {size / 1e6:.1f} MB in the registry, {sum(map(len, layers)) / 1e6:.1f} MB unpacked")
        environment = dict(variable.split("=", 1) for variable in config["Env"])
        user, _, group = (config.get("User") or "0:0").partition(":")
        return Container(folder, environment, tuple(config.get("Entrypoint") or ()), (int(user), int(group)))

    def _get(self, name: str, what: str) -> bytes:
        address = f"http://{self.registry.host_port}/v2/made/{name}/{what}"
        question = urllib.request.Request(address, headers={"Accept": MANIFESTS})
        with urllib.request.urlopen(question, timeout=60) as answer:
            body: bytes = answer.read()
            return body


def write_context(folder: Path, dockerfile: str) -> Path:
    """A build context of one Dockerfile."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(dockerfile)
    return folder


@final
@dataclass(frozen=True, slots=True)
class Job:
    """The folders that a job mounts, and its environment. ``logs`` is mounted at ``/logs``."""

    context: Path
    config: Path
    secret: Path
    logs: Path
    environment: dict[str, str]

    @property
    def artifacts(self) -> Path:
        """The folder of ``$ARTIFACTS`` on the machine."""
        return self.logs / "artifacts"


def prepare_job(images: Images, signing: SecuredService, folder: Path, owner: tuple[int, int], *, merged: bool) -> Job:
    """A postsubmit, or a presubmit, of a repository with a Dockerfile of several stages."""
    assert signing.ca is not None
    context, secret, config, logs = (folder / name for name in ("workspace", "secret", "config", "logs"))
    write_context(context, STAGES.format(base=images.base))
    check_out(context, COMMIT if merged else HEAD, context / ".git")
    for made in (secret, config, logs, logs / "artifacts"):
        made.mkdir()
    shutil.copy(signing.secret, secret / "notary.json")
    shutil.copy(signing.ca, secret / "ca.pem")
    endpoint = signing.service.url.replace("127.0.0.1", "localhost")  # a name, which must be looked up
    settings = {
        "registry": f"{images.registry.host_port}/prod",
        "dev-registry": f"{images.registry.host_port}/dev",
        "sign-config": sign_config(endpoint, "/secret/notary.json"),
    }
    (config / "image-builder-config.yaml").write_text(json.dumps(settings))
    for file in (context, secret, config, logs, logs / "artifacts", *secret.iterdir()):
        os.chown(file, *owner)
    return Job(context, config, secret, logs, _prow_environment(merged=merged))


def _prow_environment(*, merged: bool) -> dict[str, str]:
    pulls = () if merged else ((7, HEAD),)
    return {
        **prow_job("postsubmit" if merged else "presubmit", COMMIT, *pulls, repo="hello"),
        "ARTIFACTS": "/logs/artifacts",
        "GOPATH": "/home/prow/go",
        "SSL_CERT_FILE": "/secret/ca.pem",
    }

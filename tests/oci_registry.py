"""A real OCI registry on loopback, and tiny valid images to put into it.

``with start_registry(folder) as registry: pushed = push_image(registry.host_port, "dev/demo", "v1")``
"""

import base64
import hashlib
import http.client
import json
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final
from urllib.parse import urlsplit

from image_builder_contracts.registry import HeldImage
from image_builder_domain.image.descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference

from tests.programs import require

_LISTENING = re.compile(r'msg="listening on (127\.0\.0\.1:[0-9]+)')
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


@final
@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A registry process; ``host_port`` is what references start with, ``folder`` what it keeps everything in."""

    host_port: str
    process: "subprocess.Popen[bytes]"
    folder: Path

    def stop(self) -> None:
        """End the process and wait for it. Safe to call twice."""
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()


def start_registry(
    folder: Path,
    auth: Mapping[str, object] | None = None,
    program: str = "registry",
    tls: Mapping[str, str] | None = None,
) -> RunningRegistry:
    """Start a registry that keeps everything in ``folder`` and chooses a free port by itself.

    ``auth`` is the section of that name in its configuration, such as ``{"htpasswd": {"realm": …, "path": …}}``, and
    ``tls`` the one with the files ``certificate`` and ``key``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0", "secret": "only for tests", **({"tls": dict(tls)} if tls else {})},
        **({"auth": dict(auth)} if auth is not None else {}),
    }
    file, log = folder / "registry.yml", folder / "registry.log"
    file.write_text(json.dumps(configuration))  # JSON is YAML
    with log.open("wb") as output:
        # An empty environment: REGISTRY_* variables would override the file.
        process = subprocess.Popen(
            [require(program), "serve", str(file)], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={}
        )
    try:
        return RunningRegistry(_address(process, log), process, folder)
    except BaseException:
        process.kill()
        process.wait()
        raise


USER, PASSWORD = "user", "pass:word"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_HTPASSWD = f"{USER}:$2b$04$m3Vt/0SXhLhT/tRlGkrQle9xpur3bpPFla//HpiHJfwzd6OCwSobi\n"


def start_private_registry(folder: Path, tls: Mapping[str, str] | None = None) -> RunningRegistry:
    """As :func:`start_registry`, with :data:`USER` and :data:`PASSWORD` as the only login."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(_HTPASSWD)
    return start_registry(folder, {"htpasswd": {"realm": "private", "path": str(folder / "htpasswd")}}, tls=tls)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the registry did not start:\n{log.read_text(errors='replace')}")


@final
@dataclass(frozen=True, slots=True)
class PushedImage:
    """What was pushed: the descriptor of the manifest or index, its bytes, and a single image's configuration."""

    descriptor: Descriptor
    body: bytes
    config: Descriptor | None


def push_image(
    host_port: str,
    repository: str,
    tag: str,
    *,
    platforms: tuple[str, ...] = (),
    docker: bool = False,
    marker: str = "",
    authorization: str | None = None,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> PushedImage:
    """Push a tiny image, or an index of several when ``platforms`` are given, over plain HTTP.

    ``docker`` takes Docker's media types instead of OCI's; another ``marker`` makes another digest. ``annotations``
    are those of each image's manifest, ``labels`` those of its configuration.
    """
    pusher = _Pusher(host_port, repository, docker, authorization, annotations or {}, labels or {})
    if not platforms:
        return pusher.image(tag, "linux/amd64", marker)
    children = [(platform, pusher.image(None, platform, marker)) for platform in platforms]
    listed = [{**_entry(image.descriptor), "platform": _platform(name)} for name, image in children]
    return pusher.manifest(tag, DOCKER_LIST if docker else OCI_INDEX, {"manifests": listed}, None)


def held_image(host_port: str, tag: str, platforms: tuple[str, ...] = (), **more: Any) -> HeldImage:
    """Push an image as ``team/app``; ``more`` are options of :func:`push_image`."""
    pushed = push_image(host_port, "team/app", tag, platforms=platforms, **more)
    reference = ImageReference.parse(f"{host_port}/team/app:{tag}").unwrap()
    return HeldImage(reference, pushed.descriptor, pushed.config)


@final
@dataclass(frozen=True, slots=True)
class _Pusher:
    host_port: str
    repository: str
    docker: bool
    authorization: str | None
    annotations: Mapping[str, str]
    labels: Mapping[str, str]

    def image(self, tag: str | None, platform: str, marker: str) -> PushedImage:
        config = {
            **_platform(platform),
            "config": {"Labels": {"marker": marker, **self.labels}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        kind = "application/vnd.docker.container.image.v1+json" if self.docker else _OCI_CONFIG
        described = self.blob(kind, json.dumps(config).encode())
        body: dict[str, Any] = {"config": _entry(described), "layers": []}
        body |= {"annotations": dict(self.annotations)} if self.annotations else {}
        return self.manifest(tag, DOCKER_MANIFEST if self.docker else OCI_MANIFEST, body, described)

    def manifest(
        self, tag: str | None, media_type: str, content: Mapping[str, object], config: Descriptor | None
    ) -> PushedImage:
        body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}).encode()
        descriptor = _describe(media_type, body)
        path = f"/v2/{self.repository}/manifests/{tag or descriptor.digest}"
        self.send("PUT", path, body, {"Content-Type": media_type})
        return PushedImage(descriptor, body, config)

    def blob(self, media_type: str, body: bytes) -> Descriptor:
        descriptor = _describe(media_type, body)
        upload = urlsplit(self.send("POST", f"/v2/{self.repository}/blobs/uploads/", b"", {}))
        target = f"{upload.path}?{upload.query}&digest={descriptor.digest}"
        self.send("PUT", target, body, {"Content-Type": "application/octet-stream"})
        return descriptor

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
        """The Location of the answer."""
        if self.authorization is not None:
            headers["Authorization"] = self.authorization
        connection = http.client.HTTPConnection(self.host_port, timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status not in (201, 202):
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return answer.getheader("Location", "")


_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"


def _describe(media_type: str, body: bytes) -> Descriptor:
    return Descriptor(media_type, Digest(f"sha256:{hashlib.sha256(body).hexdigest()}"), len(body))


def _entry(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def _platform(text: str) -> dict[str, str]:
    return dict(zip(("os", "architecture", "variant"), text.split("/"), strict=False))

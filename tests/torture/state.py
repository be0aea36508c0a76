"""What registries hold after a run: tags, whether each names a whole image, and whether that image is signed."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from tests.cosign import environment
from tests.programs import require

_MANIFESTS: Final = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
_SIGNATURES: Final = "sha256-"
"""Tags that begin so belong to cosign."""


@final
@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of one repository, ``path`` of the registry ``host``, with the digests that they name."""

    host: str
    path: str
    digests: dict[str, str]

    def problems(self, is_signed: Callable[["Tags", str], bool]) -> Iterator[str]:
        """Tags that name an incomplete or unsigned image; ``is_signed`` says it of a tag."""
        for tag, digest in self.digests.items():
            missing = list(_missing(self.host, self.path, digest))
            if missing:
                yield f"{self.path}:{tag} names {digest}, of which {', '.join(missing)} is missing"
            elif not is_signed(self, tag):
                yield f"{self.path}:{tag} names {digest}, which is not signed"


def tags_of(host: str, path: str) -> Tags:
    """The tags of a repository; none if it does not exist."""
    listed = _get(host, f"{path}/tags/list", "*/*")
    names: list[str] = (json.loads(listed)["tags"] if listed is not None else None) or []
    own = sorted(tag for tag in names if not tag.startswith(_SIGNATURES))
    return Tags(host, path, {tag: _digest(host, path, tag) for tag in own})


def holds(host: str, path: str, digest: str) -> bool:
    """Whether the registry holds the manifest and all that it names."""
    return not list(_missing(host, path, digest))


def _digest(host: str, path: str, tag: str) -> str:
    request = urllib.request.Request(f"http://{host}/v2/{path}/manifests/{tag}", headers={"Accept": _MANIFESTS})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def _missing(host: str, path: str, digest: str) -> Iterator[str]:
    content = _get(host, f"{path}/manifests/{digest}", _MANIFESTS)
    if content is None:
        yield digest
        return
    manifest: dict[str, Any] = json.loads(content)
    for child in manifest.get("manifests", ()):
        yield from _missing(host, path, child["digest"])
    for blob in (manifest["config"], *manifest["layers"]) if "config" in manifest else ():
        if _get(host, f"{path}/blobs/{blob['digest']}", "*/*") is None:
            yield blob["digest"]


def cosign_verifies(image: str, public_key: Path) -> bool:
    """Whether cosign verifies an image of a registry without TLS, by digest."""
    words = ["verify", "--key", str(public_key), "--insecure-ignore-tlog=true", "--allow-http-registry", image]
    done = subprocess.run(
        [require("cosign"), *words], env=environment(public_key.parent), capture_output=True, timeout=60
    )
    return done.returncode == 0


def _get(host: str, path: str, accept: str) -> bytes | None:
    request = urllib.request.Request(f"http://{host}/v2/{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None

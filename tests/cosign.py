"""Real cosign for tests: key pairs, and what a registry holds of its signatures."""

import base64
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from image_builder_domain.image.descriptor import Descriptor
from image_builder_domain.image.reference import Digest

from tests.programs import require

PASSWORD = "a-password-for-keys"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


@final
@dataclass(frozen=True, slots=True)
class Keys:
    """Files of a key pair."""

    private: str
    public: str


def key_pair(folder: Path, password: str = PASSWORD) -> Keys:
    """Make a key pair in ``folder``, which must be there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "COSIGN_PASSWORD": password}
    subprocess.run(
        [require("cosign"), "generate-key-pair"], cwd=folder, env=environment, check=True, capture_output=True
    )
    return Keys(str(folder / "cosign.key"), str(folder / "cosign.pub"))


def environment(folder: Path, **more: str) -> Mapping[str, str]:
    """A job's environment with cosign on PATH, and a home of its own."""
    path = os.pathsep.join((os.path.dirname(require("cosign")), os.environ["PATH"]))
    return {"PATH": path, "HOME": str(folder), "COSIGN_PASSWORD": PASSWORD, **more}


def signed_subjects(host_port: str, repository: str, digest: Digest) -> list[Descriptor]:
    """What the signatures that the registry lists for ``digest`` are for, as their manifests say; no referrers API."""
    listed = _get(host_port, f"{repository}/manifests/sha256-{digest.hexadecimal}", _INDEX)
    entries = [] if listed is None else listed["manifests"]
    manifests = [_get(host_port, f"{repository}/manifests/{one['digest']}", one["mediaType"]) for one in entries]
    subjects = [one["subject"] for one in manifests if one is not None and one["artifactType"] == BUNDLE]
    return [Descriptor(one["mediaType"], Digest(one["digest"]), one["size"]) for one in subjects]


def statement(host_port: str, repository: str, digest: Digest) -> dict[str, Any]:
    """What the only signature of ``digest`` says, without checking it."""
    listed = _get(host_port, f"{repository}/manifests/sha256-{digest.hexadecimal}", _INDEX)
    assert listed is not None
    (entry,) = listed["manifests"]
    manifest = _get(host_port, f"{repository}/manifests/{entry['digest']}", entry["mediaType"])
    assert manifest is not None
    bundle = _get(host_port, f"{repository}/blobs/{manifest['layers'][0]['digest']}", "*/*")
    assert bundle is not None
    found: dict[str, Any] = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return found


def _get(host_port: str, path: str, accept: str) -> dict[str, Any] | None:
    request = urllib.request.Request(f"http://{host_port}/v2/{path}", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None

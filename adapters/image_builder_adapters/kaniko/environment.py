"""The environment that the executor sees: named one by one, so no secret of the job reaches it; pure.

A build step sees none of this (the executor gives it the image's own), but as root it could read the executor's.
"""

from collections.abc import Mapping
from typing import Final

from image_builder_adapters.registry.credentials import CLOUD_VARIABLES

KANIKO: Final = "/kaniko"
"""The one folder of our container that the executor never touches (kaniko's README)."""

INSIDE: Final = "/.kaniko"
"""The same in a root of its own: not ``/kaniko``, or an image that has such a folder, as ours, would lose it."""

_COMMON: Final = (
    *("PATH", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("KANIKO_REGISTRY_MIRROR", "KANIKO_REGISTRY_MAP"),
)
# In a pod the executor has helpers of its own for cloud registries.
_IN_A_CONTAINER: Final = (
    *("HOME", "TMPDIR", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "container"),
    *CLOUD_VARIABLES,
)
# Where the executor looks for the program of a step when the image has no PATH; ours leaves these folders out.
_PATH_OF_STEPS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The executor has no other way to know who it is.
_USER: Final = {"USER": "root"}


def container_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """For an executor in the tool's own container."""
    # Any other KANIKO_DIR would make the executor move its folder there, and us with it.
    own = _USER | {"KANIKO_DIR": KANIKO, "PATH": ":".join(filter(None, (environment.get("PATH"), _PATH_OF_STEPS)))}
    return _chosen(environment, (*_COMMON, *_IN_A_CONTAINER)) | own


def own_root_environment(environment: Mapping[str, str], certificate_folders: tuple[str, ...]) -> dict[str, str]:
    """For an executor in a root of its own."""
    inside = {"HOME": "/root", "DOCKER_CONFIG": f"{INSIDE}/.docker", "KANIKO_DIR": INSIDE}
    return _chosen(environment, _COMMON) | _USER | inside | {"SSL_CERT_DIR": ":".join(certificate_folders)}


def _chosen(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}

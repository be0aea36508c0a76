"""The executor's environment. Each variable is listed by name, so no secret of the job gets in. Pure.

A build step gets the image's environment instead, but as root it could read the executor's.
"""

from collections.abc import Mapping
from typing import Final

from image_builder_adapters.registry.credentials import CLOUD_VARIABLES

KANIKO: Final = "/kaniko"
"""The only folder of our container that the executor never changes (kaniko's README)."""

INSIDE: Final = "/.kaniko"
"""The same in a root of its own. It is not ``/kaniko``, because an image with that folder, as ours, would lose it."""

_COMMON: Final = (
    *("PATH", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("KANIKO_REGISTRY_MIRROR", "KANIKO_REGISTRY_MAP"),
)
# In a container the executor brings credential helpers for cloud registries.
_IN_A_CONTAINER: Final = (
    *("HOME", "TMPDIR", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "container"),
    *CLOUD_VARIABLES,
)
# The executor looks there for the program of a step when the image has no PATH. Our own PATH lacks these folders.
_PATH_OF_STEPS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The executor cannot look its user up: it has no passwd file.
_USER: Final = {"USER": "root"}


def container_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """For an executor in the tool's own container."""
    # With another KANIKO_DIR the executor would move its folder there, and this tool with it.
    own = _USER | {"KANIKO_DIR": KANIKO, "PATH": ":".join(filter(None, (environment.get("PATH"), _PATH_OF_STEPS)))}
    return _chosen(environment, (*_COMMON, *_IN_A_CONTAINER)) | own


def own_root_environment(environment: Mapping[str, str], certificate_folders: tuple[str, ...]) -> dict[str, str]:
    """For an executor in a root of its own."""
    inside = {"HOME": "/root", "DOCKER_CONFIG": f"{INSIDE}/.docker", "KANIKO_DIR": INSIDE}
    return _chosen(environment, _COMMON) | _USER | inside | {"SSL_CERT_DIR": ":".join(certificate_folders)}


def _chosen(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}

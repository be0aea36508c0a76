"""The environment of BuildKit's programs. Each variable is listed by name, so no secret of the job gets in. Pure."""

from collections.abc import Mapping
from typing import Final

from image_builder_adapters.registry.credentials import CLOUD_VARIABLES

_COMMON: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
# For `docker-container://` buildctl runs docker, for `kube-pod://` kubectl and for `ssh://` ssh.
_CLIENT: Final = (
    *("DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"),
    *("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "SSH_AUTH_SOCK"),
    *CLOUD_VARIABLES,  # it runs credential helpers
)
_DAEMONLESS: Final = ("BUILDKITD_FLAGS", "BUILDKITD", "BUILDCTL", "ROOTLESSKIT", "BUILDCTL_CONNECT_RETRIES_MAX")
# By default BuildKit cuts a step's output at 2 MiB and 200 KiB/s. Our log files are complete.
_WHOLE_LOGS: Final = {"BUILDKIT_STEP_LOG_MAX_SIZE": "-1", "BUILDKIT_STEP_LOG_MAX_SPEED": "-1"}


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """For ``buildctl``. It gets the daemon's address as a flag, so ``BUILDKIT_HOST`` is left out."""
    return _chosen(environment, (*_COMMON, *_CLIENT))


def daemon_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """For a private ``buildkitd``. It has no registry credentials of its own: ``buildctl`` sends those of a build."""
    return _WHOLE_LOGS | _chosen(environment, (*_COMMON, *_WHOLE_LOGS))


def daemonless_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """For ``buildctl-daemonless.sh``, which starts both programs and has settings of its own."""
    return _WHOLE_LOGS | _chosen(environment, (*_COMMON, *_CLIENT, *_DAEMONLESS, *_WHOLE_LOGS))


def rootless_variables(environment: Mapping[str, str], user: int, runtime: str) -> dict[str, str]:
    """For an ordinary user's daemon. Replaces the CI job's ``XDG_RUNTIME_DIR``, and an empty or misleading ``USER``.

    ``runc`` keeps its state in ``XDG_RUNTIME_DIR``. Without ``USER`` BuildKit treats the process as real root.
    """
    name = environment.get("USER", "")
    return {"XDG_RUNTIME_DIR": runtime, "USER": str(user) if name in ("", "root") else name}


def _chosen(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}

"""The environment that BuildKit's programs see: named one by one, so no secret of the job reaches them; pure."""

from collections.abc import Mapping
from typing import Final

from image_builder_adapters.registry.cloud_variables import CLOUD_VARIABLES

_COMMON: Final = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
# `docker-container://` runs docker, `kube-pod://` kubectl and `ssh://` ssh; they find their server and keys by these.
_CLIENT: Final = (
    *("DOCKER_CONFIG", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"),
    *("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "SSH_AUTH_SOCK"),
    *CLOUD_VARIABLES,  # it runs credential helpers
)
_DAEMONLESS: Final = ("BUILDKITD_FLAGS", "BUILDKITD", "BUILDCTL", "ROOTLESSKIT", "BUILDCTL_CONNECT_RETRIES_MAX")
# BuildKit cuts a step's output at 2 MiB and 200 KiB/s unless told otherwise; our log files are complete.
_WHOLE_LOGS: Final = {"BUILDKIT_STEP_LOG_MAX_SIZE": "-1", "BUILDKIT_STEP_LOG_MAX_SPEED": "-1"}


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What ``buildctl`` sees. The address is passed as a flag, so ``BUILDKIT_HOST`` is not in it."""
    return _chosen(environment, (*_COMMON, *_CLIENT))


def daemon_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a private ``buildkitd`` sees. Registry credentials are not its business: ``buildctl`` lends it those."""
    return _WHOLE_LOGS | _chosen(environment, (*_COMMON, *_WHOLE_LOGS))


def daemonless_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What ``buildctl-daemonless.sh`` sees: it starts both, and has settings of its own."""
    return _WHOLE_LOGS | _chosen(environment, (*_COMMON, *_CLIENT, *_DAEMONLESS, *_WHOLE_LOGS))


def rootless_variables(environment: Mapping[str, str], user: int, runtime: str) -> dict[str, str]:
    """What a daemon of an ordinary user needs, which a CI job may lack or have from somebody else.

    ``runc`` keeps its state in ``XDG_RUNTIME_DIR``; BuildKit takes a process without ``USER`` for real root.
    """
    name = environment.get("USER", "")
    return {"XDG_RUNTIME_DIR": runtime, "USER": str(user) if name in ("", "root") else name}


def _chosen(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}

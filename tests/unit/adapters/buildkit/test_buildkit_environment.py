"""What BuildKit's programs get to see of the job's environment."""

from collections.abc import Callable

import pytest
from image_builder_adapters.buildkit.environment import (
    client_environment,
    daemon_environment,
    daemonless_environment,
    rootless_variables,
)

SECRETS = {
    "ADO_PAT": "x",
    "AZURE_CLIENT_SECRET": "x",
    "PULL_REFS": "x",
    "JOB_SPEC": "x",
    "GITHUB_TOKEN": "x",
    "SOURCE_DATE_EPOCH": "1",
    "BUILDKIT_HOST": "unix:///x",
    "VERSION": "x",
}
USUAL = {"PATH": "/bin", "HOME": "/root", "HTTPS_PROXY": "http://proxy", "no_proxy": "localhost", "SSL_CERT_FILE": "/c"}


@pytest.mark.parametrize("choose", [client_environment, daemon_environment, daemonless_environment])
def test_secrets_and_job_variables_are_left_out(choose: Callable[[dict[str, str]], dict[str, str]]) -> None:
    seen = choose({**SECRETS, **USUAL})
    assert not SECRETS.keys() & seen.keys()
    assert USUAL.items() <= seen.items()


def test_only_the_client_reads_registry_credentials_and_helper_settings() -> None:
    mine = {"DOCKER_CONFIG": "/d", "DOCKER_HOST": "tcp://d", "KUBECONFIG": "/k"}
    mine |= {"GOOGLE_APPLICATION_CREDENTIALS": "/g", "AWS_WEB_IDENTITY_TOKEN_FILE": "/a"}
    assert client_environment(mine) == mine
    assert not mine.keys() & daemon_environment(mine).keys()


def test_daemon_keeps_whole_logs_unless_the_user_says_otherwise() -> None:
    assert daemon_environment({})["BUILDKIT_STEP_LOG_MAX_SIZE"] == "-1"
    assert daemon_environment({"BUILDKIT_STEP_LOG_MAX_SIZE": "5"})["BUILDKIT_STEP_LOG_MAX_SIZE"] == "5"


@pytest.mark.parametrize(("name", "seen"), [(None, "1000"), ("", "1000"), ("root", "1000"), ("ci", "ci")])
def test_ordinary_user_never_looks_like_root_to_buildkit(name: str | None, seen: str) -> None:
    environment = {} if name is None else {"USER": name}
    assert rootless_variables(environment, 1000, "/run/x") == {"XDG_RUNTIME_DIR": "/run/x", "USER": seen}

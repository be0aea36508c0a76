"""The environment of BuildKit's programs."""

from collections.abc import Callable

import pytest
from image_builder_adapters.buildkit.environment import (
    client_environment,
    daemon_environment,
    daemonless_environment,
    rootless_variables,
)

JOB = (
    *("ADO_PAT", "AZURE_CLIENT_SECRET", "PULL_REFS", "JOB_SPEC", "GITHUB_TOKEN"),
    *("SOURCE_DATE_EPOCH", "BUILDKIT_HOST", "VERSION"),
)
USUAL = {"PATH": "/bin", "HOME": "/root", "HTTPS_PROXY": "http://proxy", "no_proxy": "localhost", "SSL_CERT_FILE": "/c"}
CLIENT = {"DOCKER_CONFIG": "/d", "DOCKER_HOST": "tcp://d", "KUBECONFIG": "/k"} | {
    "GOOGLE_APPLICATION_CREDENTIALS": "/g",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/a",
}


@pytest.mark.parametrize("choose", [client_environment, daemon_environment, daemonless_environment])
def test_secrets_and_variables_of_the_job_are_left_out(choose: Callable[[dict[str, str]], dict[str, str]]) -> None:
    chosen = choose(dict.fromkeys(JOB, "x") | USUAL)
    assert not chosen.keys() & set(JOB)
    assert USUAL.items() <= chosen.items()


def test_only_the_client_gets_registry_credentials_and_settings_of_helpers() -> None:
    assert client_environment(CLIENT) == CLIENT
    assert not CLIENT.keys() & daemon_environment(CLIENT).keys()


@pytest.mark.parametrize(("given", "size"), [({}, "-1"), ({"BUILDKIT_STEP_LOG_MAX_SIZE": "5"}, "5")])
def test_daemon_keeps_whole_logs_unless_the_user_limits_them(given: dict[str, str], size: str) -> None:
    assert daemon_environment(given)["BUILDKIT_STEP_LOG_MAX_SIZE"] == size


@pytest.mark.parametrize(
    ("given", "user"),
    [({}, "1000"), ({"USER": ""}, "1000"), ({"USER": "root"}, "1000"), ({"USER": "ci"}, "ci")],
)
def test_ordinary_user_never_looks_like_root_to_buildkit(given: dict[str, str], user: str) -> None:
    assert rootless_variables(given, 1000, "/run/x") == {"XDG_RUNTIME_DIR": "/run/x", "USER": user}

"""Which values are taken for secrets before a build begins: enough of them, and no common words."""

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.known_secrets import known_secrets, secrets_in, secrets_of_files
from image_builder_domain.secret_name import OWN_SECRETS, is_secret


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "abcd") for name in sorted(OWN_SECRETS)),
        ("NPM_TOKEN", "npm_0123456789"),
        ("DB_PASSWORD", "correct-horse-battery-staple"),
        ("MYSQL_PWD", "horsebattery"),
        ("SSH_PRIVATE_KEY", "-----BEGIN KEY-----\nabc"),
        ("APIKEY", "0123456789"),
        ("GITLAB_PAT", "glpat-0123456789"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("client_secret", "0123456789abc"),
    ],
)
def test_value_of_a_secret_variable_is_secret(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("DB_PASSWORD", "short12", id="less-than-eight"),
        pytest.param("KEYCLOAK_REALM", "realm-0001", id="word-that-begins-with-key"),
        pytest.param("MONKEY", "banana-0001", id="word-that-ends-with-key"),
        pytest.param("SECRET_BACKEND", "kubernetes", id="plain-word"),
        pytest.param("CREDENTIALS_MODE", "service-account", id="plain-words"),
        pytest.param("AZURE_FEDERATED_TOKEN_FILE", "/var/run/azure0", id="place"),
        pytest.param("ACTIONS_ID_TOKEN_REQUEST_URL", "https://token.example/1", id="address"),
        pytest.param("AWS_ACCESS_KEY_ID", "AKIA0123456789", id="name-of-a-key"),
        pytest.param("PWD", "/home/user/1", id="working-directory"),
        pytest.param("SSH_AUTH_SOCK", "/tmp/agent.1234", id="socket"),
        pytest.param("ADO_PAT", "", id="empty"),
    ],
)
def test_other_values_are_shown(name: str, value: str) -> None:
    assert not is_secret(name, value)


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_no_environment_raises(environment: dict[str, str]) -> None:
    list(known_secrets({name: value for name, value in environment.items() if not value.startswith("/")}))


@given(
    st.text() | st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps)
)
def test_no_file_raises(text: str) -> None:
    list(secrets_in(text))


def test_secret_members_of_json_are_found_at_any_depth_and_public_ones_are_not() -> None:
    auth = base64.b64encode(b"robot:hunter-22").decode()
    found = set(secrets_in(json.dumps({"auths": {"reg.example": {"auth": auth, "username": "robot-name-1"}}})))
    assert {auth, "robot:hunter-22", "hunter-22"} <= found
    assert "robot-name-1" not in found


def test_values_of_settings_are_found_and_their_names_are_not() -> None:
    found = set(secrets_in("[default]\naws_secret_access_key = abc/0123456789\nregion = eu-central-1\n"))
    assert "abc/0123456789" in found
    assert not any("region" in secret for secret in found)


def test_whole_file_is_a_secret_without_any_structure(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789\n")
    assert list(secrets_of_files([str(file), str(tmp_path / "missing"), str(tmp_path)])) == ["0123456789\n"]


def test_a_program_that_a_variable_names_is_not_a_secret(tmp_path: Path) -> None:
    program = tmp_path / "scanner"
    program.write_bytes(b"\x7fELF\0\0\0 many words of a program")
    os.mkfifo(tmp_path / "pipe")
    environment = {"SECRET_SCANNER": str(program), "TOKEN_PIPE": str(tmp_path / "pipe")}
    assert list(known_secrets(environment)) == []


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://robot:hunter2%2B2@git.example/a", {"hunter2%2B2", "hunter2+2"}),
        ("https://ghp_0123456789@github.com/a", {"ghp_0123456789"}),
        ("ssh://git@git.example/a", set()),
        ("https://registry.example/a@sha256:00", set()),
    ],
)
def test_password_of_an_address_is_found(url: str, secrets: set[str]) -> None:
    assert set(known_secrets({"UPSTREAM": url})) == secrets


def test_credentials_in_docker_auth_config_are_known() -> None:
    auth = base64.b64encode(b"user:s3cret-s3cret").decode()
    content = json.dumps(
        {"auths": {"reg.example": {"auth": auth, "email": None}, "b": {"registrytoken": "t0ken-t0ken"}}}
    )
    assert {auth, "s3cret-s3cret", "t0ken-t0ken"} <= set(known_secrets({"DOCKER_AUTH_CONFIG": content}))

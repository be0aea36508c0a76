"""Credentials for Azure DevOps from environment variables."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_builder_adapters.azure_devops.access_token import check_readable
from image_builder_adapters.azure_devops.credential import (
    PersonalAccessToken,
    ServicePrincipal,
    read_credential,
)
from returns.pipeline import is_successful

PRINCIPAL = {"AZURE_TENANT_ID": "11111111-2222-3333-4444-555555555555", "AZURE_CLIENT_ID": "app"}
SECRET = {**PRINCIPAL, "AZURE_CLIENT_SECRET": "s3cret"}


def test_a_token_is_sent_as_basic_with_an_empty_user_name() -> None:
    found = read_credential({"ADO_PAT": " token\n"}).unwrap()
    assert isinstance(found, PersonalAccessToken)
    assert base64.b64decode(found.header().removeprefix("Basic ")) == b":token"


def test_a_complete_service_principal_is_used_before_a_token() -> None:
    assert isinstance(read_credential({**SECRET, "ADO_PAT": "token"}).unwrap(), ServicePrincipal)


@pytest.mark.parametrize("missing", SECRET)
def test_an_incomplete_service_principal_leaves_the_token(missing: str) -> None:
    partial = {name: value for name, value in SECRET.items() if name != missing}
    assert isinstance(read_credential({**partial, "ADO_PAT": "token"}).unwrap(), PersonalAccessToken)
    problem = read_credential(partial).failure()
    assert all(name in str(problem) for name in partial)


def test_without_any_variable_the_message_names_both_ways() -> None:
    problem = str(read_credential({}).failure())
    assert "ADO_PAT" in problem
    assert "AZURE_CLIENT_ID" in problem


@pytest.mark.parametrize(
    ("given_host", "authority"),
    [
        ("https://login.microsoftonline.us/", "https://login.microsoftonline.us"),
        ("login.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_authority_is_taken_as_microsofts_clients_take_it(given_host: str, authority: str) -> None:
    found = read_credential({**SECRET, "AZURE_AUTHORITY_HOST": given_host}).unwrap()
    assert isinstance(found, ServicePrincipal)
    assert found.authority == authority


@pytest.mark.parametrize(
    "host", ["http://login.example", "ftp://x", "https://u:p@x", "https://x/?q", "https://x:99999"]
)
def test_an_authority_without_tls_is_refused(host: str) -> None:
    assert "AZURE_AUTHORITY_HOST" in str(read_credential({**SECRET, "AZURE_AUTHORITY_HOST": host}).failure())


@pytest.mark.parametrize("tenant", ["../x", "a b", "a/b", "?"])
def test_a_tenant_cannot_change_the_address(tenant: str) -> None:
    assert "AZURE_TENANT_ID" in str(read_credential({**SECRET, "AZURE_TENANT_ID": tenant}).failure())


def test_a_token_with_a_line_break_inside_is_refused() -> None:
    assert not is_successful(read_credential({"ADO_PAT": "to\nken"}))


@given(st.text(min_size=5))
def test_nothing_shows_a_secret(secret: str) -> None:
    for environment in ({"ADO_PAT": f"zz{secret}"}, {**PRINCIPAL, "AZURE_CLIENT_SECRET": f"zz{secret}"}):
        assert f"zz{secret}" not in repr(read_credential(environment))


def test_a_federated_token_must_be_readable_before_anything_is_done(tmp_path: Path) -> None:
    file = tmp_path / "token"
    environment = {**PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    credential = read_credential(environment).unwrap()
    assert str(file) in str(check_readable(credential).failure())
    file.write_text("\n")
    assert "no token" in str(check_readable(credential).failure())
    file.write_text("eyJ.x.y\n")
    assert is_successful(check_readable(credential))

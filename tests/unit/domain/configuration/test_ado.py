"""The part of the configuration file that names the Azure DevOps pipeline: every key, and every mistake."""

import pytest
from image_builder_domain.configuration.ado import AdoSettings

from tests.given import loaded

PIPELINE = """\
ado-config:
  ado-organization-url: https://dev.azure.example/acme/
  ado-project-name: demo project
  ado-pipeline-id: 12
"""
MORE = """\
  ado-pipeline-version: 3
  ado-retry-strategy: {attempts: 5, delay: 500ms}
  ado-refresh-interval: 1m
  parameters: v3
  api-version: 7.0
"""


def load(text: str) -> AdoSettings | None:
    return loaded(text).unwrap().ado


def problem(text: str) -> str:
    (only,) = loaded(text).failure()
    return str(only)


def test_a_pipeline_is_named_by_organization_project_and_id() -> None:
    assert load(PIPELINE) == AdoSettings("https://dev.azure.example/acme", "demo project", 12)


def test_without_the_section_there_is_no_pipeline() -> None:
    assert load("{}") is None


def test_every_key() -> None:
    assert load(PIPELINE + MORE) == AdoSettings(
        "https://dev.azure.example/acme",
        "demo project",
        12,
        pipeline_version=3,
        attempts=5,
        delay_seconds=0.5,
        refresh_seconds=60,
        parameters="v3",
        api_version="7.0",
    )


def test_revision_0_is_the_newest() -> None:
    assert load(PIPELINE + "  ado-pipeline-version: 0\n") == load(PIPELINE)


def test_a_colon_in_the_path_is_not_a_port() -> None:
    found = load(PIPELINE.replace("example/acme/", "example:443/a:99999"))
    assert found is not None
    assert found.organization_url == "https://dev.azure.example:443/a:99999"


@pytest.mark.parametrize("url", ["http://localhost", "http://127.0.0.1:8080/acme", "http://[::1]:80/acme"])
def test_loopback_needs_no_tls(url: str) -> None:
    found = load(PIPELINE.replace("https://dev.azure.example/acme/", f"'{url}'"))
    assert found is not None
    assert found.organization_url == url


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("https://dev", "http://dev", "it must be https (http goes to loopback only)"),
        ("https://dev", "http://127.0.0.1.dev", "it must be https"),
        ("https://dev", "http://localhost.dev", "it must be https"),
        ("https://dev", "https://user:word@dev", "this is not a URL of a host, without user, query or fragment"),
        ("acme/", "acme?a=b", "this is not a URL of a host"),
        ("https://dev.azure.example/acme/", "https://h:99999/", "a port is a number from 1 to 65535"),
        ("https://dev.azure.example/acme/", "https://h:0/", "a port is a number from 1 to 65535"),
        ("https://dev.azure.example/acme/", "https://h:x/", "this is not a URL of a host"),
        ("12", "12\n  api-version: latest", "this is not a version of the REST API"),
        ("12", "12\n  api-version: 7.1&x=y", "this is not a version of the REST API"),
        ("demo project", "a/b", "this is neither a project name"),
        ("demo project", "_b", "this is neither a project name"),
        ("demo project", "b.", "this is neither a project name"),
        ("12", "twelve", "ado-pipeline-id must be a whole number from 1 to 2147483647, not 'twelve'"),
        ("12", "'12'", "not '12'; write digits, without quotes"),
        ("12", "0", "from 1"),
        ("12", "2147483648", "to 2147483647"),
        ("12", "-1", "from 1"),
        ("12", "1.5", "not '1.5'"),
        ("12", "[1]", "not a list"),
        ("  ado-pipeline-id: 12\n", "", "config.yaml:2:3: ado-config.ado-pipeline-id is missing"),
        ("12", "12\n  ado-pipeline: 1", "config.yaml:5:3: unknown key 'ado-config.ado-pipeline'; did you mean"),
        ("12", "12\n  ado-refresh-interval: 15", "'15' is not a duration"),
        ("12", "12\n  ado-refresh-interval: 0s", "'0s' is too short; write more than 0s"),
        ("12", "12\n  ado-refresh-interval: -1s", "'-1s' is too short"),
        ("12", "12\n  ado-refresh-interval: 25h", "'25h' is too long; write 86400s or less"),
        ("12", "12\n  ado-retry-strategy: {attempts: 0}", "attempts must be a whole number from 1 to 100"),
        ("12", "12\n  ado-retry-strategy: {atempts: 1}", "did you mean 'attempts'?"),
        ("12", "12\n  parameters: v4", "parameters cannot be 'v4'"),
    ],
)
def test_a_mistake_is_reported(old: str, new: str, reported: str) -> None:
    assert old in PIPELINE
    assert reported in problem(PIPELINE.replace(old, new))


@pytest.mark.parametrize(
    ("written", "number"),
    [("0x1f", 31), ("1_000", 1000), ("010", 8), ("0o10", 8), ("0b11", 3), ("+7", 7), ("1e3", 1000), ("5.0", 5)],
)
def test_a_whole_number_is_read_as_yaml_v3_reads_it(written: str, number: int) -> None:
    found = load(PIPELINE.replace("12", written))
    assert found is not None
    assert found.pipeline_id == number

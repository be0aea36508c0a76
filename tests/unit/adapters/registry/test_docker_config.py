"""Files and keys of registry credentials, and invalid files."""

import base64
import json
import os
from pathlib import Path

import pytest
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials, config_paths
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Repository
from returns.methods import unwrap_or_failure

AUTH = base64.b64encode(b"u:p:w\xc3\xb6rd").decode()
FOUND = Credentials("u", "p:wörd")


def find(folder: Path, content: object, repository: str = "reg.example/team/app") -> object:
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return look_up({"DOCKER_CONFIG": str(folder)}, repository)


def look_up(environment: dict[str, str], repository: str = "reg.example/team/app") -> object:
    return unwrap_or_failure(
        DockerCredentials(environment).find(Repository.parse(repository).unwrap(), ManualCancellation())
    )


def test_files_are_searched_in_order_and_empty_variables_are_unset() -> None:
    environment = {"XDG_CONFIG_HOME": "/c", "XDG_RUNTIME_DIR": "/r", "REGISTRY_AUTH_FILE": "/a", "HOME": "/h"}
    names = ["/h/.docker/config.json", "/a", "/r/containers/auth.json", "/c/containers/auth.json", "/h/.dockercfg"]
    assert config_paths({**environment, "DOCKER_CONFIG": ""}) == tuple(map(Path, names))
    assert config_paths({"DOCKER_CONFIG": "/d", **environment})[0] == Path("/d/config.json")


def test_podmans_files_have_places_without_variables() -> None:
    names = ["/h/.docker/config.json", "/run/containers/7/auth.json", "/h/.config/containers/auth.json"]
    assert config_paths({"HOME": "/h"}, user=7)[:3] == tuple(map(Path, names))


@pytest.mark.parametrize(
    "key",
    [
        "reg.example",
        "https://reg.example",
        "https://reg.example/",
        "https://reg.example/v1/",
        "https://reg.example/v2/",
        "REG.example",
        "reg.example/team",
        "reg.example/team/app",
    ],
)
def test_key_names_the_repository(tmp_path: Path, key: str) -> None:
    assert find(tmp_path, {"auths": {key: {"auth": AUTH}}}) == FOUND


@pytest.mark.parametrize("key", ["reg.example:443", "reg.example/tea", "g.example", "reg.example/team/app/sub", ""])
def test_key_names_something_else(tmp_path: Path, key: str) -> None:
    assert find(tmp_path, {"auths": {key: {"auth": AUTH}}}) is None


def test_the_longest_key_wins_in_any_order(tmp_path: Path) -> None:
    other = {"username": "x", "password": "y"}
    auths = {"reg.example/team/app": {"auth": AUTH}, "reg.example": other, "reg.example/team": other}
    assert find(tmp_path, {"auths": auths}) == FOUND


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_is_found_under_its_names(tmp_path: Path, key: str) -> None:
    assert find(tmp_path, {"auths": {key: {"auth": AUTH}}}, "alpine") == FOUND


def test_the_first_file_with_the_host_is_used(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"other.example": {"auth": AUTH}}}))
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"reg.example": {"auth": AUTH}}}))
    assert look_up({"DOCKER_CONFIG": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}) == FOUND


def test_no_file_is_anonymous(tmp_path: Path) -> None:
    assert look_up({"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}) is None


@pytest.mark.parametrize(
    "entry",
    [{"identitytoken": "i"}, {"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "i"}],
    ids=["alone", "with-auth"],
)
def test_identity_token_is_found(tmp_path: Path, entry: dict[str, str]) -> None:
    found = find(tmp_path, {"auths": {"reg.example": entry}})
    assert isinstance(found, Credentials)
    assert found.identity_token == "i"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param("{s3cret", "not JSON", id="no-json"),
        pytest.param("[]", "object", id="list"),
        pytest.param("[" * 100_000, "JSON", id="deep"),
        pytest.param({"auths": []}, "'auths'", id="auths"),
        pytest.param({"credsStore": 1}, "'credsStore'", id="store-type"),
        pytest.param({"auths": {"reg.example": {"auth": "s3cret"}}}, "base64", id="no-base64"),
        pytest.param({"auths": {"reg.example": {"auth": "czNjcmV0"}}}, "user:password", id="no-colon"),
        pytest.param({"auths": {"reg.example": "s3cret"}}, "is not an object", id="entry"),
        pytest.param({"auths": {"reg.example": {"username": 7}}}, "'username'", id="number"),
        pytest.param({"auths": {"reg.example": {"password": "s3cret"}}}, "without a user", id="no-user"),
        pytest.param({"credHelpers": {"reg.example": 7}}, "not a string", id="helper-type"),
        pytest.param({"credHelpers": {"reg.example": "ecr"}}, "docker-credential-ecr is not on PATH", id="helper"),
        pytest.param({"credsStore": "desktop"}, "docker-credential-desktop is not on PATH", id="store"),
        pytest.param({"credsStore": "../desktop"}, "is not a valid name of a credential helper", id="path"),
        pytest.param(" " * 1024 * 1024 + "{}", "1 MiB", id="large"),
    ],
)
def test_unusable_content_is_an_error_that_names_the_file_and_quotes_nothing(
    tmp_path: Path, content: object, word: str
) -> None:
    found = find(tmp_path, content)
    assert isinstance(found, BadCredentials)
    assert word in str(found)
    assert str(tmp_path / "config.json") in str(found)
    assert "s3cret" not in str(found)


def test_helper_of_another_host_disturbs_nothing(tmp_path: Path) -> None:
    content = {"credHelpers": {"other.example": "ecr"}, "auths": {"reg.example": {"auth": AUTH}}}
    assert find(tmp_path, content) == FOUND


def test_folder_in_place_of_the_file_is_read_past(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    assert look_up({"DOCKER_CONFIG": str(tmp_path)}) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "config.json").chmod(0)
    assert isinstance(look_up({"DOCKER_CONFIG": str(tmp_path)}), BadCredentials)


def test_each_file_is_read_once(tmp_path: Path) -> None:
    credentials = DockerCredentials({"DOCKER_CONFIG": str(tmp_path)})
    repository = Repository.parse("reg.example/app").unwrap()
    assert unwrap_or_failure(credentials.find(repository, ManualCancellation())) is None
    (tmp_path / "config.json").write_text("{")
    assert unwrap_or_failure(credentials.find(repository, ManualCancellation())) is None


def test_repr_shows_no_secret() -> None:
    assert "p:w" not in repr(FOUND)


def test_a_lone_surrogate_is_refused(tmp_path: Path) -> None:
    found = find(tmp_path, r'{"auths": {"reg.example": {"username": "u", "password": "s3cret\ud800"}}}')
    assert isinstance(found, BadCredentials)
    assert "'password' that is not a string" in str(found)
    assert "s3cret" not in str(found)

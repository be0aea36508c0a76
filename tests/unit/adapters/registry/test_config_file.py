"""Files that Docker, buildctl, go-containerregistry and Podman accept, and how each reads them.

Many rows are inputs of the public tests of docker/cli, go-containerregistry and containers/image, in our words.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.registry.config_file import parse_configuration, read_entry
from image_builder_adapters.registry.credentials import Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials, normalised
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Repository
from returns.methods import unwrap_or_failure

AUTH = base64.b64encode(b"u:p").decode()
ENTRY = {"auth": AUTH}
GOOD = json.dumps({"auths": {"reg.example": ENTRY}})
FOUND = Credentials("u", "p")


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def look_up(environment: dict[str, str], repository: str = "reg.example/team/app") -> object:
    credentials = DockerCredentials({"XDG_RUNTIME_DIR": "/nowhere", **environment})
    return unwrap_or_failure(credentials.find(Repository.parse(repository).unwrap(), ManualCancellation()))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"auth": AUTH}, FOUND, id="auth"),
        pytest.param({"username": "u", "password": "p"}, FOUND, id="user-and-password"),
        pytest.param({"auth": AUTH, "username": "x", "password": "y"}, FOUND, id="auth-wins"),
        pytest.param({"auth": "", "username": "u", "password": "p"}, FOUND, id="empty-auth"),
        pytest.param({"auth": AUTH, "email": None}, FOUND, id="null-email"),
        pytest.param({"auth": AUTH, "email": "u@example.com", "serveraddress": "x"}, FOUND, id="old-names"),
        pytest.param({"auth": AUTH, "expires": 1234, "more": {"a": []}}, FOUND, id="unknown-names"),
        pytest.param({"auth": AUTH, "password": None, "identitytoken": None}, FOUND, id="null-fields"),
        pytest.param({"Auth": AUTH}, FOUND, id="upper-case-name"),
        pytest.param({"auth": "x", "AUTH": AUTH}, FOUND, id="last-of-two-equal-names"),
        pytest.param({"auth": f"{AUTH[:2]}\n{AUTH[2:]}\r\n"}, FOUND, id="line-breaks"),
        pytest.param({"auth": f" {AUTH}\t"}, FOUND, id="blanks-around"),
        pytest.param({"auth": b64("u:pa").rstrip("=")}, Credentials("u", "pa"), id="no-padding"),
        pytest.param({"auth": b64("u:p:q:")}, Credentials("u", "p:q:"), id="colons"),
        pytest.param({"auth": b64("u:")}, Credentials("u", ""), id="empty-password"),
        pytest.param({"auth": b64("u:p\0\0")}, FOUND, id="trailing-zero-bytes"),
        pytest.param({"auth": b64("00000000-0000-0000-0000-000000000000:"), "identitytoken": "i"}, None, id="acr"),
        pytest.param({"auth": b64(b"u:\xff")}, Credentials("u", "\udcff"), id="not-utf-8"),
        pytest.param({"identitytoken": "i"}, Credentials(identity_token="i"), id="identity-token"),
        pytest.param({"auth": b64(":"), "identitytoken": "i"}, Credentials(identity_token="i"), id="empty-user"),
        pytest.param({"registrytoken": "r"}, Credentials(registry_token="r"), id="registry-token"),
        pytest.param({"auth": AUTH, "registrytoken": "r"}, Credentials("u", "p", "", "r"), id="both"),
    ],
)
def test_entry_is_read(entry: dict[str, Any], expected: Credentials | None) -> None:
    found = read_entry(entry).unwrap()
    assert found is not None
    if expected is None:
        assert (found.identity_token, found.username[:4]) == ("i", "0000")
    else:
        assert found == expected


@pytest.mark.parametrize("entry", [{}, {"auth": ""}, {"auth": None}, {"email": "x"}, {"username": "", "password": ""}])
def test_entry_without_credentials_is_empty(entry: dict[str, Any]) -> None:
    assert read_entry(entry).unwrap() is None


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (7, "is not an object"),
        ([AUTH], "is not an object"),
        ({"auth": 7}, "'auth' that is not a string"),
        ({"auth": {}}, "'auth' that is not a string"),
        ({"identitytoken": True}, "'identitytoken'"),
        ({"auth": "s3cret"}, "base64"),
        ({"auth": b64("s3cret")}, "user:password"),
        ({"auth": "!!!!"}, "base64"),
        ({"auth": "YWJj-_"}, "base64"),
        ({"auth": b64(":s3cret")}, "without a user"),
    ],
)
def test_entry_that_nobody_accepts_is_refused_and_not_quoted(entry: object, word: str) -> None:
    reason = read_entry(entry).failure()
    assert word in reason
    assert "s3cret" not in reason


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(" \n", id="blank"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="object"),
        pytest.param('{"auths": null, "credHelpers": null, "credsStore": null}', id="null-members"),
        pytest.param('{"auths": {}, "HttpHeaders": {"a": "b"}, "proxies": {"default": {}}}', id="other-members"),
        pytest.param('{"auths": {"reg.example": null}}', id="null-entry"),
        pytest.param('{"auths": {"reg.example": {}}}', id="empty-entry"),
        pytest.param('{"credHelpers": {"reg.example": ""}, "credsStore": "missing"}', id="empty-helper"),
        pytest.param('{"credHelpers": {"reg.example": null}, "credsStore": "missing"}', id="null-helper"),
        pytest.param('{"credHelpers": {"other.example": 7}}', id="another-hosts-helper"),
        pytest.param('{"auths": {"other.example": {"auth": 7}}}', id="another-hosts-entry"),
        pytest.param('{"auths": {"reg.example/other": {"auth": 7}}}', id="another-namespaces-entry"),
    ],
)
def test_file_without_credentials_for_the_host_is_anonymous(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert look_up({"DOCKER_CONFIG": str(tmp_path)}) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"\ufeff{GOOD}", id="byte-order-mark"),
        pytest.param(f"{GOOD}\n{{rest", id="text-after-it"),
        pytest.param(GOOD.replace('"auths"', '"Auths"'), id="upper-case-member"),
        pytest.param(GOOD[:-1] + ', "x": "\udcff"}', id="not-utf-8"),
        pytest.param('{"auths": {"reg.example": 7, "reg.example": {"auth": "dTpw"}}}', id="last-of-two-equal-keys"),
        pytest.param(GOOD.replace(AUTH, AUTH[:3] + "\\r\\n" + AUTH[3:]), id="line-break-in-base64"),
        pytest.param('{"credHelpers": {"reg.example": ""}, "credsStore": "missing", ' + GOOD[1:], id="empty-helper"),
        pytest.param('{"auths": {"reg.example/team": null, ' + GOOD[len('{"auths": {') :], id="null-namespace"),
    ],
)
def test_file_that_others_accept_gives_the_credentials(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    assert look_up(environment) == FOUND
    assert unwrap_or_failure(DockerCredentials(environment).check((REPOSITORY,))) is None


REPOSITORY = Repository.parse("reg.example/team/app").unwrap()


@pytest.mark.parametrize("text", ["{", "[]", "7", '"x"', "{'auths': {}}", "\x00", '{"auths": 7}', '{"credsStore": {}}'])
def test_text_that_nobody_accepts_is_refused(text: str) -> None:
    assert not isinstance(unwrap_or_failure(parse_configuration("f", text.encode())), Credentials)
    assert parse_configuration("f", text.encode()).failure().split()[0] in ("is", "has")


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        (".docker/config.json", {"HOME": "{}"}),
        ("config.json", {"DOCKER_CONFIG": "{}"}),
        ("any-name", {"REGISTRY_AUTH_FILE": "{}/any-name"}),
        ("containers/auth.json", {"XDG_RUNTIME_DIR": "{}"}),
        ("containers/auth.json", {"XDG_CONFIG_HOME": "{}"}),
        (".config/containers/auth.json", {"HOME": "{}"}),
        (".docker/config.json", {"HOME": "{}", "DOCKER_CONFIG": "{}/none"}),
    ],
)
def test_every_place_of_docker_and_podman_is_read(tmp_path: Path, name: str, variables: dict[str, str]) -> None:
    write(tmp_path, name, GOOD)
    assert look_up({key: value.format(tmp_path) for key, value in variables.items()}) == FOUND


def test_the_oldest_format_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".dockercfg", json.dumps({"https://reg.example/v1/": ENTRY}))
    assert look_up({"HOME": str(tmp_path)}) == FOUND


@pytest.mark.parametrize("content", [GOOD, f" {GOOD}\n", GOOD[:-1] + ', "credHelpers": {}}'])
def test_docker_auth_config_has_precedence(tmp_path: Path, content: str) -> None:
    write(tmp_path, "config.json", GOOD.replace(AUTH, b64("x:y")))
    assert look_up({"DOCKER_AUTH_CONFIG": content, "DOCKER_CONFIG": str(tmp_path)}) == FOUND
    assert look_up({"DOCKER_AUTH_CONFIG": " ", "DOCKER_CONFIG": str(tmp_path)}) == Credentials("x", "y")


def test_an_invalid_docker_auth_config_is_an_error_that_names_the_variable() -> None:
    found = look_up({"DOCKER_AUTH_CONFIG": "s3cret"})
    assert isinstance(found, BadCredentials)
    assert str(found).startswith("DOCKER_AUTH_CONFIG: is not JSON")


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("home/.docker/config.json", {"DOCKER_CONFIG": "{}/good", "HOME": "{}/home"}),
        ("home/.config/containers/auth.json", {"DOCKER_CONFIG": "{}/good", "HOME": "{}/home"}),
        ("run/containers/auth.json", {"REGISTRY_AUTH_FILE": "{}/good/config.json", "XDG_RUNTIME_DIR": "{}/run"}),
    ],
)
def test_a_broken_file_is_read_past_if_a_variable_names_another(
    tmp_path: Path, name: str, variables: dict[str, str]
) -> None:
    write(tmp_path, name, "{")
    write(tmp_path, "good/config.json", GOOD)
    environment = {key: value.format(tmp_path) for key, value in variables.items()}
    assert look_up(environment) == FOUND
    assert unwrap_or_failure(DockerCredentials(environment).check((REPOSITORY,))) is None


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_default_file_is_an_error_where_no_other_is_named(tmp_path: Path, content: str) -> None:
    write(tmp_path, ".docker/config.json", content)
    assert isinstance(look_up({"HOME": str(tmp_path)}), BadCredentials)


def test_the_null_device_is_an_empty_file() -> None:
    assert look_up({"REGISTRY_AUTH_FILE": "/dev/null"}) is None


@pytest.mark.parametrize("config_is", ["folder", "empty", "missing"])
def test_the_next_file_counts(tmp_path: Path, config_is: str) -> None:
    if config_is == "folder":
        (tmp_path / ".docker/config.json").mkdir(parents=True)
    if config_is == "empty":
        write(tmp_path, ".docker/config.json", "")
    path = write(tmp_path, "auth.json", GOOD)
    assert look_up({"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(path)}) == FOUND


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("reg.example", "reg.example"),
        ("https://reg.example/any/path", "reg.example"),
        ("http://reg.example", "reg.example"),
        ("reg.example/v2/", "reg.example"),
        ("reg.example/team/", "reg.example/team"),
        ("REG.example:5000/Team", "reg.example:5000/Team"),
        ("docker.io", "index.docker.io"),
        ("registry-1.docker.io", "index.docker.io"),
        ("https://index.docker.io/v1/", "index.docker.io"),
        ("", ""),
    ],
)
def test_keys_are_compared_as_docker_and_podman_do(key: str, expected: str) -> None:
    assert normalised(key) == expected


def test_the_source_of_credentials_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "config.json", GOOD)
    found = look_up({"DOCKER_CONFIG": str(tmp_path)})
    assert isinstance(found, Credentials)
    assert found.source == f"{path}: auths['reg.example']"


def test_the_searched_places_are_named_with_the_reason_why_one_is_read_past(tmp_path: Path) -> None:
    write(tmp_path, "auth.json", "{}")
    write(tmp_path, ".dockercfg", "{")
    environment = {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": f"{tmp_path}/auth.json", "XDG_RUNTIME_DIR": "/nowhere"}
    assert DockerCredentials(environment).searched() == (
        f"{tmp_path}/.docker/config.json (not there), {tmp_path}/auth.json, {tmp_path}/.dockercfg (is not JSON), "
        "every auth.json of Podman"
    )


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"auths": {"reg.example": {"auth": "bad"}}}, "base64"),
        ({"credHelpers": {"reg.example": "none"}}, "docker-credential-none is not on PATH"),
        ({"credsStore": "none"}, "docker-credential-none is not on PATH"),
        ({"credHelpers": {"reg.example": 7}}, "not a string"),
    ],
)
def test_check_finds_what_is_wrong_for_a_repository_and_for_no_other(
    tmp_path: Path, content: dict[str, Any], word: str
) -> None:
    write(tmp_path, "config.json", json.dumps(content))
    credentials = DockerCredentials({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path)})
    assert word in str(credentials.check((REPOSITORY,)).failure())
    if "credsStore" not in content:
        assert unwrap_or_failure(credentials.check((Repository.parse("other.example/a").unwrap(),))) is None

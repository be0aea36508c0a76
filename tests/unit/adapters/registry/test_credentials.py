"""Credential helpers that answer, fail, hang or print nonsense."""

import base64
import json
import os
import time
from pathlib import Path

import pytest
from image_builder_adapters.registry.credentials import CredentialHelpers, Credentials
from image_builder_adapters.registry.docker_config import DockerCredentials
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import Repository
from returns.methods import unwrap_or_failure

GOOD = """printf '{"ServerURL":"x","Username":"u","Secret":"%s"}' "s3cret-$server" """
AUTH = base64.b64encode(b"file:user").decode()


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": f"{folder}:{os.environ['PATH']}", "DOCKER_CONFIG": str(folder), **more}


def helper(folder: Path, script: str, name: str = "x") -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f'#!/bin/sh\necho "$1" >>{folder}/calls\nread -r server\n{script}\n')
    program.chmod(0o755)


def calls(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text().split() if file.exists() else []


def ask(folder: Path, name: str = "x", seconds: float = 20.0) -> object:
    return unwrap_or_failure(
        CredentialHelpers(environment(folder), seconds).ask(name, "reg.example", ManualCancellation())
    )


def find(folder: Path, content: object, repository: str = "reg.example/app", **more: str) -> object:
    (folder / "config.json").write_text(json.dumps(content))
    credentials = DockerCredentials(environment(folder, **more))
    return unwrap_or_failure(credentials.find(Repository.parse(repository).unwrap(), ManualCancellation()))


def test_a_helper_gets_the_server_on_standard_input(tmp_path: Path) -> None:
    helper(tmp_path, GOOD)
    assert ask(tmp_path) == Credentials("u", "s3cret-reg.example")
    assert calls(tmp_path) == ["get"]


def test_identity_token_is_marked_by_its_user(tmp_path: Path) -> None:
    helper(tmp_path, """echo '{"Username":"<token>","Secret":"s3cret"}'""")
    assert ask(tmp_path) == Credentials(identity_token="s3cret")


def test_standard_error_of_a_helper_is_ignored(tmp_path: Path) -> None:
    helper(tmp_path, f"echo warning >&2; {GOOD}; echo more >&2")
    assert ask(tmp_path) == Credentials("u", "s3cret-reg.example")


def test_a_helper_may_have_no_credentials(tmp_path: Path) -> None:
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert ask(tmp_path) is None


@pytest.mark.parametrize(
    ("script", "word"),
    [
        pytest.param("echo s3cret; exit 3", "exit code 3", id="failure"),
        pytest.param("echo s3cret", "did not print a JSON object", id="rubbish"),
        pytest.param("printf '\\377\\376'", "did not print a JSON object", id="bytes"),
        pytest.param("true", "did not print a JSON object", id="nothing"),
        pytest.param("""echo '["s3cret"]'""", "did not print a JSON object", id="list"),
        pytest.param("""echo '{"Username":"s3cret"}'""", "Username and Secret", id="no-secret"),
        pytest.param("""echo '{"Username":"","Secret":"s3cret"}'""", "Username and Secret", id="no-user"),
        pytest.param("""echo '{"Username":7,"Secret":"s3cret"}'""", "Username and Secret", id="number"),
        pytest.param(
            r"""printf '{"Username":"u","Secret":"s3cret\\ud800"}'""", "Username and Secret", id="half-a-surrogate-pair"
        ),
        pytest.param("yes s3cret | head -c 100000", "more than 64 KiB", id="flood"),
        pytest.param("kill -9 $$", "exit code", id="killed"),
    ],
)
def test_a_failing_helper_is_named_and_its_output_is_not_shown(tmp_path: Path, script: str, word: str) -> None:
    helper(tmp_path, script)
    found = ask(tmp_path)
    assert isinstance(found, str)
    assert "docker-credential-x" in found
    assert word in found
    assert "s3cret" not in found


def test_a_hanging_helper_is_stopped_with_its_children(tmp_path: Path) -> None:
    helper(tmp_path, f"(sleep 60; echo late >{tmp_path}/late) & sleep 60")
    started = time.monotonic()
    assert ask(tmp_path, seconds=0.5) == "docker-credential-x took more than 0.5 s"
    assert time.monotonic() - started < 20
    assert not (tmp_path / "late").exists()


def test_a_cancelled_run_does_not_wait_for_its_helper(tmp_path: Path) -> None:
    helper(tmp_path, "sleep 60")
    cancellation = ManualCancellation()
    cancellation.cancel()
    found = unwrap_or_failure(CredentialHelpers(environment(tmp_path)).ask("x", "reg.example", cancellation))
    assert found == "docker-credential-x was stopped"


def test_a_burst_of_requests_runs_a_helper_once(tmp_path: Path) -> None:
    helper(tmp_path, GOOD)
    now = [0.0]
    helpers = CredentialHelpers(environment(tmp_path), clock=lambda: now[0])
    for _ in range(5):
        helpers.ask("x", "reg.example", ManualCancellation())
    assert calls(tmp_path) == ["get"]
    now[0] = 61.0
    helpers.ask("x", "reg.example", ManualCancellation())
    assert calls(tmp_path) == ["get", "get"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "x;y"])
def test_a_name_that_is_a_path_is_never_started(tmp_path: Path, name: str) -> None:
    assert "is not a valid name of a credential helper" in str(ask(tmp_path, name))


def test_own_secrets_do_not_reach_a_helper(tmp_path: Path) -> None:
    helper(tmp_path, f"env >{tmp_path}/env; {GOOD}")
    own = {"ADO_PAT": "s3cret", "COSIGN_PASSWORD": "s3cret", "AWS_PROFILE": "ci"}
    CredentialHelpers(environment(tmp_path, **own)).ask("x", "reg.example", ManualCancellation())
    seen = (tmp_path / "env").read_text()
    assert "s3cret" not in seen
    assert "AWS_PROFILE=ci" in seen


# --- which one is asked -------------------------------------------------------------------------------------------


def test_own_helper_comes_before_the_store_and_the_file(tmp_path: Path) -> None:
    helper(tmp_path, GOOD.replace('"u"', '"own"'), "own")
    helper(tmp_path, GOOD.replace('"u"', '"store"'), "store")
    auths = {"reg.example": {"auth": AUTH}, "other.example": {"auth": AUTH}}
    content = {"credHelpers": {"https://reg.example": "own"}, "credsStore": "store", "auths": auths}
    assert find(tmp_path, content) == Credentials("own", "s3cret-reg.example")
    assert find(tmp_path, content, "other.example/app") == Credentials("store", "s3cret-other.example")


def test_the_file_is_used_when_the_store_has_no_credentials(tmp_path: Path) -> None:
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert find(tmp_path, {"credsStore": "x", "auths": {"reg.example": {"auth": AUTH}}}) == Credentials("file", "user")
    assert find(tmp_path, {"credsStore": "x"}) is None


def test_a_failing_helper_does_not_lead_to_anonymous_access(tmp_path: Path) -> None:
    helper(tmp_path, "exit 1")
    found = find(tmp_path, {"credsStore": "x", "auths": {"reg.example": {"auth": AUTH}}})
    assert isinstance(found, BadCredentials)
    assert "credsStore: docker-credential-x failed" in str(found)


def test_docker_hub_has_a_name_of_its_own(tmp_path: Path) -> None:
    helper(tmp_path, GOOD)
    assert find(tmp_path, {"credsStore": "x"}, "alpine") == Credentials("u", "s3cret-https://index.docker.io/v1/")


@pytest.mark.parametrize("registry", ["gcr.io", "eu.gcr.io", "europe-docker.pkg.dev"])
def test_google_registries_take_the_application_credentials(tmp_path: Path, registry: str) -> None:
    helper(tmp_path, GOOD, "gcr")
    key = {"GOOGLE_APPLICATION_CREDENTIALS": "/key.json"}
    assert find(tmp_path, {}, f"{registry}/p/app", **key) == Credentials("u", f"s3cret-{registry}")
    assert find(tmp_path, {}, f"{registry}/p/app") is None
    assert find(tmp_path, {}, f"{registry}.example/p/app", **key) is None


def test_missing_google_helper_is_named(tmp_path: Path) -> None:
    found = find(tmp_path, {}, "eu.gcr.io/p/app", GOOGLE_APPLICATION_CREDENTIALS="/key.json")
    assert isinstance(found, BadCredentials)
    assert "docker-credential-gcr is not on PATH" in str(found)


def test_a_helper_that_is_not_installed_is_found_before_the_build(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"reg.example": "nowhere"}}))
    credentials = DockerCredentials(environment(tmp_path))
    mine, other = (Repository.parse(f"{host}/app").unwrap() for host in ("reg.example", "other.example"))
    assert "docker-credential-nowhere is not on PATH" in str(unwrap_or_failure(credentials.check([other, mine])))
    assert unwrap_or_failure(credentials.check([other])) is None

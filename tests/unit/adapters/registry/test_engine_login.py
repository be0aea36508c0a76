"""The ``config.json`` of an engine, and the folder that it is in."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from image_builder_adapters.registry.engine_login import EngineLogin, EngineLogins, login_folder
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.build import BuildRequest, CacheReferences
from image_builder_domain.failure import BadCredentials
from image_builder_domain.image.reference import ImageReference, Repository
from returns.methods import unwrap_or_failure

HOST, BASE, CACHE = "reg.example", "base.example", "cache.example"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def request(folder: Path, path: str = "team/app") -> BuildRequest:
    (folder / "Dockerfile").write_text(f"FROM {BASE}/x\nCOPY --from={HOST}/other/tool / /\n")
    cache = CacheReferences((ImageReference.parse(f"{CACHE}/c:1").unwrap(),))
    return BuildRequest("app", None, str(folder), "Dockerfile", (Repository(HOST, path),), cache=cache)


def login(folder: Path, own: Any, podman: Any = None, *, has_helpers: bool = True, path: str = "team/app") -> object:
    for name, content in (("config.json", own), ("auth.json", podman)):
        (folder / name).write_text(json.dumps(content if content is not None else {}))
    environment = {"DOCKER_CONFIG": str(folder), "REGISTRY_AUTH_FILE": f"{folder}/auth.json", "PATH": str(folder)}
    learned = list[str]()
    logins = EngineLogins(environment, learned.append, has_helpers=has_helpers)
    found = unwrap_or_failure(logins.login(request(folder, path), ManualCancellation()))
    return found if isinstance(found, BadCredentials) else (json.loads(found.content), found.notes, set(learned))


def content(*arguments: Any, **more: Any) -> dict[str, Any]:
    found = login(*arguments, **more)
    assert isinstance(found, tuple), found
    data: dict[str, Any] = found[0]
    return data


def entry(text: str) -> Mapping[str, str]:
    return {"auth": b64(text)}


def test_credentials_of_every_registry_of_the_build_are_put_over_the_users_own(tmp_path: Path) -> None:
    own = {"auths": {HOST: entry("old:1"), "own.example": entry("own:1")}, "currentContext": "remote"}
    own["auths"][f"{HOST}/team"] = entry("team:1")  # type: ignore[index]  # a mapping
    podman = {"auths": {BASE: entry("base:1"), CACHE: entry("cache:1"), "unused.example": entry("unused:1")}}
    data = content(tmp_path, own, podman)
    assert data["currentContext"] == "remote"
    assert {key: data["auths"][key] for key in (HOST, BASE, CACHE, "own.example")} == {
        HOST: entry("team:1"),
        BASE: entry("base:1"),
        CACHE: entry("cache:1"),
        "own.example": entry("own:1"),
    }
    assert "unused.example" not in data["auths"]
    assert set(data["credHelpers"].values()) == {""}


def test_a_repository_with_other_credentials_is_named_and_kaniko_finds_them(tmp_path: Path) -> None:
    own = {"auths": {f"{HOST}/team": entry("team:1"), f"{HOST}/other": entry("other:1")}}
    found = login(tmp_path, own)
    assert isinstance(found, tuple)
    data, notes, learned = found
    assert data["auths"][HOST] == entry("team:1")
    assert data["auths"][f"{HOST}/other/tool"] == entry("other:1")
    assert [f"{HOST}/team/app and {HOST}/other/tool have different credentials" in note for note in notes] == [True]
    assert {b64("team:1"), b64("other:1")} <= learned
    assert not any(b64("team:1") in note for note in notes)


@pytest.mark.parametrize("has_helpers", [True, False])
def test_helpers_of_other_registries_stay_where_they_can_be_run(tmp_path: Path, has_helpers: bool) -> None:
    own = {"auths": {HOST: entry("u:1")}, "credHelpers": {"x.example": "x", HOST: "", BASE: ""}, "credsStore": ""}
    data = content(tmp_path, own, has_helpers=has_helpers)
    assert data["credHelpers"] == ({"x.example": "x", HOST: "", BASE: ""} if has_helpers else {HOST: ""})
    assert ("credsStore" in data) is has_helpers


@pytest.mark.parametrize(
    "own",
    [
        {"auths": {HOST: entry("u:1"), "x": {"auth": 7}, "y": None, "z": {}}, "credHelpers": {"q": 7, HOST: None}},
        {"Auths": {HOST: {"username": "u", "password": "1", "email": None, "x": 1}}},
    ],
)
def test_what_docker_would_refuse_is_left_out(tmp_path: Path, own: object) -> None:
    data = content(tmp_path, own)
    assert data["auths"] == {HOST: entry("u:1")}
    assert data["credHelpers"] == {HOST: ""}


def test_tokens_and_docker_hubs_name_are_kept(tmp_path: Path) -> None:
    own = {"auths": {HOST: {"registrytoken": "r"}, BASE: {"identitytoken": "i"}}}
    assert content(tmp_path, own)["auths"] == {HOST: {"registrytoken": "r"}, BASE: {"identitytoken": "i"}}


def test_nothing_is_an_empty_file(tmp_path: Path) -> None:
    assert content(tmp_path, None) == {"auths": {}}


def test_credentials_of_a_destination_that_cannot_be_looked_up_are_a_failure(tmp_path: Path) -> None:
    assert isinstance(login(tmp_path, {"credHelpers": {HOST: "none"}}), BadCredentials)


@pytest.mark.parametrize("host", [BASE, CACHE])
def test_those_of_a_cache_and_a_base_image_are_left_to_the_engine(tmp_path: Path, host: str) -> None:
    own = {"credHelpers": {host: "none"}, "auths": {HOST: entry("u:1")}}
    assert content(tmp_path, own)["credHelpers"] == {host: "none", HOST: ""}


def test_the_folder_shows_the_content_and_the_users_other_files_and_is_gone_afterwards(tmp_path: Path) -> None:
    (tmp_path / "own/contexts").mkdir(parents=True)
    (tmp_path / "own/config.json").write_text("the user's own")
    with login_folder(EngineLogin(b"s3cret"), str(tmp_path / "own"), str(tmp_path)) as folder:
        file = Path(folder.path, "config.json")
        assert file.read_bytes() == b"s3cret"
        assert Path(folder.path, "contexts").is_dir()
        assert os.stat(folder.path).st_mode & 0o777 == 0o700
        assert file.is_symlink()
        assert folder.descriptors == ()
    assert os.listdir(tmp_path) == ["own"]
    assert (tmp_path / "own/config.json").read_text() == "the user's own"


def test_a_child_in_another_process_namespace_inherits_it(tmp_path: Path) -> None:
    with login_folder(EngineLogin(b"s3cret"), str(tmp_path / "own"), str(tmp_path), is_inherited=True) as folder:
        command = [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read())", f"{folder.path}/config.json"]
        printed = subprocess.run(command, pass_fds=folder.descriptors, capture_output=True, check=True).stdout
    assert printed.strip() == b"s3cret"


def test_after_sigkill_no_file_holds_the_content(tmp_path: Path) -> None:
    script = (
        "import sys, time; from image_builder_adapters.registry.engine_login import *\n"
        "with login_folder(EngineLogin(b's3cret'), '/none', sys.argv[1]) as folder:\n"
        "    print(open(folder.path + '/config.json').read(), flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"s3cret"
        process.send_signal(signal.SIGKILL)
    (left,) = tmp_path.iterdir()
    assert [path.name for path in left.iterdir()] == ["config.json"]
    assert not (left / "config.json").exists()
